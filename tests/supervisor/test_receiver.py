"""The receiver: real requests over real sockets, genuine and not, and every way to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

import pytest
from support.until import async_until
from support.webhooks import SECRETS, body, signed

from sockq.supervisor.receiver import Received, Receiver
from sockq.supervisor.receiver_rules import Rule, Rules, parse_rule, parse_secret, parse_status


def request(content: bytes, headers: Mapping[str, str], path: str = "/") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: h", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Client:
    """One connection, kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, receiver: Receiver) -> Client:
        return cls(*await asyncio.open_connection("127.0.0.1", receiver.port))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def status(self) -> int:
        """Read one answer without a body."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split()[1])

    async def ask(self, content: bytes, headers: Mapping[str, str], path: str = "/") -> int:
        self.send(request(content, headers, path))
        return await self.status()

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


async def test_a_genuine_webhook_gets_200_and_is_recorded_as_it_came() -> None:
    async with Receiver(SECRETS) as receiver:
        client = await Client.of(receiver)
        content = body()
        assert await client.ask(content, signed(content), "/a?b=c") == 200
        await client.close()
    (received,) = receiver.received
    assert received.body == content
    assert received.target == "/a?b=c"
    assert [name for name, _ in received.headers][:3] == ["Host", "Content-Length", "Content-Type"]
    assert received.verdict.ok
    assert received.status == 200


async def test_a_wrong_signature_gets_401_and_the_reason_is_kept() -> None:
    heard: list[Received] = []
    async with Receiver(SECRETS, heard=heard.append, keep=0) as receiver:
        client = await Client.of(receiver)
        content = body()
        headers = signed(content)
        assert await client.ask(content + b" ", headers) == 401
        assert await client.ask(content, headers) == 200
        await client.close()
    assert receiver.received == []
    assert receiver.count == 2
    assert [received.verdict.why for received in heard] == [
        "signature does not match",
        "signature ok",
    ]


@pytest.mark.parametrize("delay_seconds", [0.0, 0.05])
async def test_an_answer_is_told_when_it_has_gone_out(delay_seconds: float) -> None:
    told: list[str] = []
    async with Receiver(
        SECRETS,
        Rules(Rule(delay_seconds=delay_seconds)),
        heard=lambda received: told.append(f"heard {received.target}"),
        answered=lambda received: told.append(f"answered {received.target}"),
    ) as receiver:
        client = await Client.of(receiver)
        content = body()
        for path in ("/a", "/b"):
            assert await client.ask(content, signed(content), path) == 200
        await client.close()
    assert told == ["heard /a", "answered /a", "heard /b", "answered /b"]


@pytest.mark.parametrize("rule", [Rule(delay_seconds=0.05), Rule(cut=True), Rule(silent=True)])
async def test_an_answer_that_nobody_gets_is_not_told(rule: Rule) -> None:
    told: list[Received] = []
    rules = Rules(Rule(), {"/a": rule})
    async with Receiver(SECRETS, rules, answered=told.append) as receiver:
        content = body()
        gone, client = await Client.of(receiver), await Client.of(receiver)
        gone.send(request(content, signed(content), "/a"))
        await async_until(lambda: receiver.count == 1)
        await gone.close()
        await async_until(lambda: len(receiver.open) == 1)
        assert await client.ask(content, signed(content)) == 200
        await asyncio.sleep(2 * rule.delay_seconds)  # by then it would have been told
        await client.close()
    assert [received.target for received in told] == ["/"]


async def test_without_secrets_signatures_are_not_checked() -> None:
    async with Receiver() as receiver:
        client = await Client.of(receiver)
        assert await client.ask(body(), {"Content-Type": "application/json"}) == 200
        assert receiver.received[0].verdict.why == "signature not checked"
        await client.close()


async def test_one_connection_takes_many_requests_also_in_one_piece_and_in_crumbs() -> None:
    async with Receiver(SECRETS) as receiver:
        client = await Client.of(receiver)
        one = request(body(), signed(body()))
        content = body()
        one = request(content, signed(content))
        client.send(one * 3)
        assert [await client.status() for _ in range(3)] == [200] * 3
        for byte in one:
            client.send(bytes((byte,)))
            await client.writer.drain()
        assert await client.status() == 200
        await client.close()
    assert (receiver.count, receiver.connections) == (4, 1)


async def test_a_sequence_of_statuses_ends_with_its_last_one() -> None:
    rules = Rules(Rule(sequence=(500, 503, 200)))
    async with Receiver(SECRETS, rules) as receiver:
        client = await Client.of(receiver)
        content = body()
        statuses = [await client.ask(content, signed(content)) for _ in range(4)]
        await client.close()
    assert statuses == [500, 503, 200, 200]


async def test_a_path_has_its_own_rule_and_its_own_count() -> None:
    rules = Rules(by_path={"/down": Rule(status=500), "/seq": Rule(sequence=(429, 200))})
    async with Receiver(SECRETS, rules) as receiver:
        client = await Client.of(receiver)
        content = body()
        paths = ["/", "/down?x=1", "/seq", "/down", "/seq", "/"]
        statuses = [await client.ask(content, signed(content), path) for path in paths]
        await client.close()
    assert statuses == [200, 500, 429, 500, 200, 200]


async def test_retry_after_is_sent() -> None:
    async with Receiver(SECRETS, Rules(Rule(status=429, retry_after="7"))) as receiver:
        client = await Client.of(receiver)
        content = body()
        client.send(request(content, signed(content)))
        head = await client.reader.readuntil(b"\r\n\r\n")
        await client.close()
    assert b"429 Too Many Requests\r\nRetry-After: 7\r\n" in head


async def test_a_delayed_answer_comes_later_and_the_next_request_waits_for_it() -> None:
    async with Receiver(SECRETS, Rules(Rule(delay_seconds=0.05))) as receiver:
        client = await Client.of(receiver)
        content = body()
        begun = time.monotonic()
        client.send(request(content, signed(content)) * 2)
        assert [await client.status(), await client.status()] == [200, 200]
        assert time.monotonic() - begun >= 0.1
        await client.close()


async def test_a_cut_answer_ends_inside_its_head() -> None:
    async with Receiver(SECRETS, Rules(Rule(cut=True))) as receiver:
        client = await Client.of(receiver)
        content = body()
        client.send(request(content, signed(content)))
        answer = await client.reader.read()
        await client.close()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in answer
    assert receiver.received[0].status == 0


async def test_a_dripped_answer_comes_byte_by_byte() -> None:
    async with Receiver(SECRETS, Rules(Rule(drip_seconds=0.001))) as receiver:
        client = await Client.of(receiver)
        content = body()
        client.send(request(content, signed(content)))
        assert len(await client.reader.read(1000)) < 10
        assert (await client.reader.readuntil(b"\r\n\r\n")).endswith(b"\r\n\r\n")
        await client.close()


async def test_a_silent_path_never_answers_and_stopping_does_not_wait_for_it() -> None:
    receiver = Receiver(SECRETS, Rules(Rule(silent=True)))
    await receiver.start()
    client = await Client.of(receiver)
    content = body()
    client.send(request(content, signed(content)))
    waiting = asyncio.ensure_future(client.reader.read())
    await async_until(lambda: receiver.count)
    assert not waiting.done()
    async with asyncio.timeout(2):
        await receiver.stop()
    with contextlib.suppress(ConnectionResetError):
        assert await waiting == b""
    client.writer.close()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nbad header: x\r\n y\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
async def test_what_is_no_webhook_request_has_its_status(raw: bytes, status: int) -> None:
    async with Receiver(SECRETS) as receiver:
        client = await Client.of(receiver)
        client.send(raw)
        assert await client.status() == status
        client.writer.close()


async def test_connection_close_and_expect_continue_are_obeyed() -> None:
    async with Receiver(SECRETS) as receiver:
        client = await Client.of(receiver)
        content = body()
        headers = {**signed(content), "Connection": "close", "Expect": "100-continue"}
        whole = request(content, headers)
        client.send(whole[: -len(content)])
        assert await client.status() == 100
        client.send(content)
        assert await client.status() == 200
        assert await client.reader.read() == b""
        await client.close()


def test_rules_are_read_from_text() -> None:
    base = Rule(delay_seconds=1.0, sequence=(500,))
    assert parse_rule("/down=status:500,delay:2", base) == (
        "/down",
        Rule(status=500, delay_seconds=2.0),
    )
    assert parse_rule("/s=sequence:500+200,retry-after:3,cut,drip:.5,silent", Rule()) == (
        "/s",
        Rule(sequence=(500, 200), retry_after="3", cut=True, drip_seconds=0.5, silent=True),
    )
    for wrong in ("down=status:500", "/down", "/down=state:1", "/down=status:99"):
        with pytest.raises(ValueError, match=r"rule|state|status"):
            parse_rule(wrong, base)
    with pytest.raises(ValueError, match="not a status"):
        parse_status("1xx")
    assert parse_secret("key=a=b") == ("key", "a=b")
    with pytest.raises(ValueError, match="KEY=SECRET"):
        parse_secret("key")
