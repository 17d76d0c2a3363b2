"""Jobs made to break the decoder: none of them does."""

from __future__ import annotations

import random
import subprocess
import sys

from support.job_payloads import EVENT, job, soketi

from sockq.workers.app_shapes import read_app
from sockq.workers.apps import WebhookDefaults
from sockq.workers.dialect import parse
from sockq.workers.plan import plan
from sockq.workers.webhook_job import Invalid


def test_nesting_never_breaks_the_stack_of_a_small_thread() -> None:
    """The decoders count their depth; on any interpreter the process survives, also in a thread."""
    code = """
import threading
from sockq.workers.dialect import parse
from sockq.workers.webhook_job import Invalid
deep = b'{"app_key":' + b'[' * 1_000_000 + b']' * 1_000_000 + b'}'
nested = b'{"payload":' * 100_000 + b'1' + b'}' * 100_000
found = []
def run():
    for raw in (deep, nested):
        for dialect in ("sockudo", "soketi", "auto"):
            found.append(parse(raw, dialect))
run()
thread = threading.Thread(target=run)
thread.start()
thread.join()
assert len(found) == 12 and all(isinstance(one, Invalid) for one in found), found
print("alive")
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.stdout == "alive\n", done.stderr


def test_whatever_the_bytes_it_never_raises() -> None:
    """A few thousand damaged jobs: each is read or has a reason of one line without the secret."""
    rng = random.Random(20_240_607)
    seeds = [job().encode(), soketi('"\\ud800"'), job(events=f"[{EVENT},{EVENT}]").encode()]
    seeds.append(job(key='"ž"', extra=',"job_id":"j","x":[1,{"a":null}]').encode())
    bits = [b'"', b"\\", b"\\ud800", b"{", b"}", b"[", b"]", b",", b":", b"\xff", b"\0", b"NaN"]
    bits += [b"1e999", b"-", b"null", b'"app_key":"k",', b'"time_ms":1,', b"\xc5\xbe"]
    hooks = [
        {"url": "http://h/", "event_types": ["channel_occupied", "client_event"]},
        {"url": "http://h/", "event_types": ["client_event"], "filter": {"channel_pattern": "c"}},
    ]
    raw_app = {"id": "i", "key": "k", "secret": "s", "webhooks": hooks}
    app, _, _ = read_app(raw_app, WebhookDefaults(), "app")
    assert app is not None
    read_count = 0
    for _ in range(4000):
        raw = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, 3)):
            at, end = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
            match rng.randrange(4):
                case 0:
                    raw[at:at] = rng.choice(bits)
                case 1:
                    del raw[at : min(end, at + 5)]
                case 2:
                    raw[at:at] = raw[at:end]
                case _:
                    raw[at : at + 1] = bytes([rng.randrange(256)])
        for dialect in ("sockudo", "soketi", "auto"):
            got = parse(bytes(raw), dialect)
            if isinstance(got, Invalid):
                assert 0 < len(got.reason) < 200
                assert "TOPSECRET" not in got.reason
                assert "\n" not in got.reason
            else:
                read_count += 1
                assert len(got.events) == len(got.heads)
                for one in plan(got, app, None):
                    assert one.body.startswith(b'{"time_ms":')
    assert read_count > 100
