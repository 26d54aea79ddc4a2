"""A registry is asked shortly, politely and rarely."""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, ClassVar

import pytest

from galway.bases import pins, registry_probe
from galway.bases.registry_probe import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from galway.bases.pins import OfficialBase
    from galway.workspace import Workspace


class Registry(BaseHTTPRequestHandler):
    """Gives the manifests in `has` to those who bring the token; notes what it is asked."""

    has: ClassVar[set[str]] = set()
    asked: ClassVar[list[str]] = []
    status: ClassVar[int] = 0

    def do_HEAD(self) -> None:
        self.asked.append(self.path)
        digest = self.path.rpartition("/")[2]
        if self.status:
            self.send_response(self.status)
        elif self.headers.get("Authorization") != "Bearer let-me-in":
            self.send_response(401)
            address = f"http://{self.headers['Host']}/token"
            self.send_header("WWW-Authenticate", f'Bearer realm="{address}",service="test",scope="repository:x:pull"')
        elif digest in self.has:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", digest)
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"token": "let-me-in"}')

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    Registry.has, Registry.asked, Registry.status = set(), [], 0
    with served(Registry) as address:
        yield address


@pytest.fixture
def closed() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def wanted(workspace: Workspace) -> list[OfficialBase]:
    return list(pins.official(workspace.root).values())


def probe(tmp_path: Path, *registries: str) -> Probe:
    return Probe(memory=tmp_path / "cache" / "registry.json", registries=registries)


def test_a_digest_is_asked_for_with_an_anonymous_token(
    tmp_path: Path, registry: str, wanted: list[OfficialBase]
) -> None:
    child, parent = wanted
    Registry.has = {str(child.digest)}
    assert probe(tmp_path, registry).ask(wanted) == {child.reference: True, parent.reference: False}
    assert Registry.asked[0] == f"/v2/library/child/manifests/{child.digest}"
    assert Registry.asked[1] == "/token?service=test&scope=repository%3Ax%3Apull"
    assert f"/v2/org/parent/manifests/{parent.digest}" in Registry.asked


def test_an_answer_is_remembered_for_a_while(
    tmp_path: Path, registry: str, wanted: list[OfficialBase], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = probe(tmp_path, registry).ask(wanted)
    count = len(Registry.asked)
    assert probe(tmp_path, registry).ask(wanted) == first
    assert len(Registry.asked) == count
    monkeypatch.setattr(registry_probe, "REMEMBERED_SECONDS", 0.0)
    probe(tmp_path, registry).ask(wanted)
    assert len(Registry.asked) > count


def test_another_registry_does_not_get_the_first_ones_memory(
    tmp_path: Path, registry: str, closed: str, wanted: list[OfficialBase]
) -> None:
    Registry.has = {str(base.digest) for base in wanted}
    assert not any(probe(tmp_path, closed).ask(wanted).values())
    assert all(probe(tmp_path, registry).ask(wanted).values())


def test_after_a_dead_mirror_the_next_one_is_asked(
    tmp_path: Path, registry: str, closed: str, wanted: list[OfficialBase]
) -> None:
    Registry.has = {str(base.digest) for base in wanted}
    assert all(probe(tmp_path, closed, registry).ask(wanted).values())


@pytest.mark.parametrize("status", [403, 500, 503])
def test_a_registry_that_refuses_is_asked_once(
    tmp_path: Path, registry: str, wanted: list[OfficialBase], status: int
) -> None:
    Registry.status = status
    assert not any(probe(tmp_path, registry).ask(wanted).values())
    assert len(Registry.asked) == 1


@pytest.mark.parametrize("memory", ["", "[]", '{"asked": "noon"}', '{"asked": 1}'])
def test_a_broken_memory_is_no_memory(tmp_path: Path, registry: str, wanted: list[OfficialBase], memory: str) -> None:
    path = tmp_path / "cache" / "registry.json"
    path.parent.mkdir()
    path.write_text(memory)
    assert not any(probe(tmp_path, registry).ask(wanted).values())
    assert Registry.asked


def test_the_named_mirror_comes_before_the_engines_and_those_before_the_hub(tmp_path: Path) -> None:
    settings = tmp_path / "daemon.json"
    assert registry_probe.endpoints({}, settings) == [registry_probe.HUB]
    settings.write_text(json.dumps({"registry-mirrors": ["https://mirror.test/", 5]}))
    assert registry_probe.endpoints({}, settings) == ["https://mirror.test", registry_probe.HUB]
    assert registry_probe.endpoints({"GALWAY_HUB_MIRROR": "mine.test:5000"}, settings) == ["https://mine.test:5000"]
