"""The command line as a user meets it: real processes, exit codes, one line for a mistake."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from support.until import until

from sockq.supervisor.job_events import make_event, make_job
from sockq.workers.signing import Signer

_COMMAND = [sys.executable, "-m", "sockq.supervisor"]
_HEAVY = {"rich.live", "rich.console", "redis", "urllib3", "boto3", "pydantic", "asyncio"}
_APP = {
    "id": "app-1",
    "key": "key-1",
    "secret": "hush-hush",
    "policy": {"webhooks": [{"url": "http://127.0.0.1:1/", "event_types": ["channel_occupied"]}]},
}


def environment(**more: str) -> dict[str, str]:
    kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | more


def sockq(*args: str, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*_COMMAND, *args],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=30,
        env=environment(**env),
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in err
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "sockudo.json"
    path.write_text(json.dumps({"app_manager": {"array": {"apps": [_APP]}}}))
    return path


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv=['sockq','--help']\n"
        "from sockq.supervisor.cli import main\n"
        "code=main()\n"
        "sys.stderr.write(' '.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, env=environment()
    )
    assert b"Commands:" in done.stdout
    assert _HEAVY & set(done.stderr.decode().split()) == set()


def test_version_and_help_of_every_command() -> None:
    assert sockq("--version").stdout.startswith("sockq ")
    assert sockq("--help").returncode == 0
    for command in ("run", "demo", "enqueue", "receiver", "status", "check"):
        done = sockq(command, "--help")
        assert (done.returncode, "Usage: sockq" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--bogus",), "--bogus"),
        (("ruin",), "ruin"),
        (("run", "--workers", "many"), "--workers"),
        (("run", "--workers", "0"), "--workers"),
        (("run", "extra"), "extra"),
        (("enqueue",), "--app, --event and --channel"),
        (("enqueue", "--app", "a", "--event", "e"), "--channel is missing"),
        (("enqueue", "-", "--app", "a"), "give a FILE"),
        (("enqueue", "--count", "0"), "--count"),
        (("receiver", "--port", "99999"), "--port"),
        (("receiver", "--status", "99"), "not a status"),
        (("receiver", "--secret", "nokey"), "KEY=SECRET"),
        (("receiver", "--rule", "/x"), "/PATH="),
        (("demo", "--rate", "0"), "--rate"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_64(args: tuple[str, ...], part: str) -> None:
    done = sockq(*args)
    assert done.returncode == 64
    assert part in done.stderr
    assert done.stderr.startswith("sockq: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_no_command_at_all_shows_the_help_and_is_64() -> None:
    done = sockq()
    assert done.returncode == 64
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("command", ["run", "check"])
def test_faults_are_all_told_each_on_its_line_and_78(command: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text('{"queue": {"driver": "rediss"}, "sockq": {"wrkers": 1}}')
    done = sockq(command, "--config", str(path), SOCKQ_WORKERS="x")
    assert done.returncode == 78
    assert done.stderr.count("\n") == 3
    assert all(line.startswith("sockq: ") for line in done.stderr.splitlines())
    assert done.stdout == ""


@pytest.mark.parametrize("args", [("--mode", "server"), ()])
def test_any_other_mode_than_worker_is_refused_with_a_word(args: tuple[str, ...]) -> None:
    done = sockq("run", *args, MODE="" if args else "full")
    assert done.returncode == 78
    assert "not a WebSocket server" in done.stderr
    assert done.stderr.count("\n") == 1


def test_check_prints_settings_and_warnings_but_no_secret(config: Path) -> None:
    environ = {"REDIS_URL": "redis://:url-hush@h:1/0", "DATABASE_REDIS_PASSWORD": "db-hush"}
    done = sockq("check", "--config", str(config), stdin=b"", **environ)
    assert done.returncode == 0
    assert "app app-1: 1 webhook" in done.stdout
    assert "redis://:***@h:1/0" in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_check_as_written_by_a_user_who_closes_the_pipe(config: Path) -> None:
    process = subprocess.Popen(
        [*_COMMAND, "check", "--config", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    process.wait(timeout=20)
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_enqueue_without_a_redis_is_one_line_and_75(config: Path) -> None:
    url = f"redis://:hush@127.0.0.1:{free_port()}/0"
    args = ("--app", "app-1", "--event", "channel_occupied", "--channel", "c")
    done = sockq("enqueue", *args, "--config", str(config), REDIS_URL=url)
    assert done.returncode == 75
    assert done.stderr.count("\n") == 1
    assert "127.0.0.1" in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (("--app", "app-2", "--event", "channel_occupied"), "there are app-1"),
        (("--app", "app-1", "--event", "chanel_occupied"), 'did you mean "channel_occupied"'),
        (("--app", "app-1", "--event", "client_event", "--data", "text"), "not JSON"),
    ],
)
def test_a_job_that_cannot_be_made_is_refused(
    config: Path, args: tuple[str, ...], part: str
) -> None:
    done = sockq("enqueue", *args, "--channel", "c", "--config", str(config))
    assert done.returncode == 64
    assert part in done.stderr
    assert done.stderr.count("\n") == 1


def test_bad_lines_are_numbered_and_nothing_is_enqueued(config: Path, tmp_path: Path) -> None:
    good = make_job("app-1", "key-1", "hush-hush", make_event("cache_miss", "c"), 1)
    path = tmp_path / "jobs"
    path.write_bytes(good + b"\nhush\n\n{}\n")
    for args, stdin in (((str(path),), b""), (("-",), path.read_bytes())):
        done = sockq("enqueue", *args, "--config", str(config), stdin=stdin)
        assert done.returncode == 64
        assert "line 2: " in done.stderr
        assert "line 4: " in done.stderr
        assert "nothing was enqueued" in done.stderr
        assert "hush" not in done.stderr
    assert "no such file" in sockq("enqueue", str(tmp_path / "none")).stderr


def reader_of(fifo: Path) -> int | None:
    """Open it for writing; None while nobody reads."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """Programs heed INT, also when the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
def test_ctrl_c_is_130_without_a_word(config: Path, tmp_path: Path) -> None:
    fifo = tmp_path / "jobs"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [*_COMMAND, "enqueue", str(fifo), "--config", str(config)],
        stderr=subprocess.PIPE,
        env=environment(),
    )
    writer = until(lambda: reader_of(fifo), within=20)
    assert writer is not None
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    os.close(writer)
    assert (process.returncode, errors) == (130, b"")


@pytest.fixture
def receiver(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    more = ("--secret", "k2=s2", "--rule", "/down=status:503")
    process = subprocess.Popen(
        [*_COMMAND, "receiver", "--port", "0", "--json", "--config", str(config), *more],
        stdout=subprocess.PIPE,
        env=environment(),
    )
    yield process
    if process.poll() is None:
        process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_the_receiver_as_a_process_speaks_json_lines(receiver: subprocess.Popen[bytes]) -> None:
    assert receiver.stdout is not None
    url = json.loads(receiver.stdout.readline())["listening"]
    content = json.dumps({"time_ms": int(time.time() * 1000), "events": []}).encode()
    for key, secret in (("key-1", "hush-hush"), ("k2", "s2")):
        headers = {
            "Content-Type": "application/json",
            "X-Pusher-Key": key,
            "X-Pusher-Signature": Signer(secret).sign(content).decode(),
        }
        with urlopen(Request(f"{url}/in?x=1", content, headers), timeout=10) as answer:
            assert answer.status == 200
        heard = json.loads(receiver.stdout.readline())
        assert (heard["ok"], heard["status"], heard["target"]) == (True, 200, "/in?x=1")
        assert heard["body"].encode() == content
        assert ["X-Pusher-Key", key] in heard["headers"]
    receiver.send_signal(signal.SIGINT)
    assert receiver.wait(timeout=20) == 0


def test_a_taken_port_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = sockq("receiver", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 64
    assert "choose another --port" in done.stderr
    assert done.stderr.count("\n") == 1
