"""A release server for tests: it can resume, break off, redirect, refuse, or give other bytes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Behaviour:
    """How the server answers; a test changes what it is about."""

    content: bytes = bytes(range(256)) * 4096
    ranges: bool = True
    break_after: int | None = None
    breaks_left: int = 0
    statuses: list[int] = field(default_factory=list)
    redirect: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)
    url: str = ""


class Handler(BaseHTTPRequestHandler):
    """One request; the behaviour is the server's."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer as the behaviour asks."""
        behaviour: Behaviour = self.server.behaviour  # type: ignore[attr-defined]
        wanted = self.headers.get("Range", "")
        behaviour.requests.append((self.path, wanted))
        if behaviour.statuses:
            status = behaviour.statuses.pop(0)
            if status != 200:
                self._head(status, {"Content-Length": "0"})
                return
        if behaviour.redirect and self.path == "/file":
            self._head(302, {"Location": "/moved", "Content-Length": "0"})
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and behaviour.ranges else 0
        size = len(behaviour.content)
        if start and start >= size:
            self._head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
            return
        body = behaviour.content[start:]
        headers = {"Content-Length": str(len(body))}
        if start:
            headers["Content-Range"] = f"bytes {start}-{size - 1}/{size}"
        self._head(206 if start else 200, headers)
        if behaviour.breaks_left and behaviour.break_after is not None:
            behaviour.breaks_left -= 1
            self.wfile.write(body[: behaviour.break_after])
            self.close_connection = True
            return
        self.wfile.write(body)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@pytest.fixture
def release_server() -> Iterator[Behaviour]:
    """Its behaviour, with the URL of its one file."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        behaviour = Behaviour(url=f"http://127.0.0.1:{server.server_port}/file")
        server.behaviour = behaviour  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield behaviour
        server.shutdown()
        thread.join()
