"""A private nginx that answers 200 to everything and counts: a sink that is never the limit."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
from support.until import until

_PLACES = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"
_CONFIG = """
daemon off;
worker_processes 1;
pid {home}/pid;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200; }}
    location = /counts {{ stub_status; }}
  }}
}}
"""


class Nginx:
    """Use it as ``with Nginx() as sink``.

    Attributes:
        port: Where it listens.
        url: The same, as a URL with a closing slash.

    Raises:
        FileNotFoundError: nginx is not installed.
    """

    def __init__(self) -> None:
        program = shutil.which("nginx", path=_PLACES)
        if program is None:
            raise FileNotFoundError("nginx is not installed: see .ci/needs")
        self._home = Path(tempfile.mkdtemp(prefix="sqnginx"))
        self._asked = 0
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        (self._home / "conf").write_text(_CONFIG.format(home=self._home, port=self.port))
        self._log = self._home / "log"
        self._process = subprocess.Popen(
            [program, "-e", self._log, "-p", self._home, "-c", self._home / "conf"],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def posts(self) -> int:
        """How many requests it has answered, our own questions not counted."""
        with urllib.request.urlopen(f"{self.url}counts", timeout=5) as answer:
            text = answer.read().decode()
        self._asked += 1
        found = re.search(r"^ *\d+ +\d+ +(\d+) *$", text, flags=re.MULTILINE)
        assert found, text
        return int(found[1]) - self._asked

    @property
    def pids(self) -> list[int]:
        """Its master and worker."""
        master = psutil.Process(self._process.pid)
        return [master.pid, *(child.pid for child in master.children())]

    def __enter__(self) -> Self:
        until(self._listens, within=10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(10)
        shutil.rmtree(self._home, ignore_errors=True)

    def _listens(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            self.posts()
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
