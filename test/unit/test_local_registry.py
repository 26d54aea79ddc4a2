"""A throw-away registry comes up, answers on loopback alone and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
import requests

from galway import local_registry, toolbox
from galway.errors import MissingToolError
from galway.local_registry import LocalRegistry
from galway.toolbox import Tool
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.starts_processes

PROGRAM = """
import http.server, json, sys
address = json.load(open(sys.argv[2]))["http"]["addr"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
host, port = address.split(":")
http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


def program(folder: Path, text: str) -> Path:
    path = folder / "program"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return path


def answers(registry: LocalRegistry) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(f"http://{registry.name}/v2/", timeout=2).ok
        except requests.ConnectionError:
            return False


def test_it_runs_for_the_time_of_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = Tool(
        name="docker-registry", version="0", path=program(tmp_path, PROGRAM), source="", verified="", third_party=False
    )
    monkeypatch.setattr(toolbox, "ensure", lambda *_args, **_fields: tool)
    folder = tmp_path / "registry"
    with local_registry.running(Workspace(root=tmp_path, cache=tmp_path), folder) as registry:
        assert registry.name.startswith("127.0.0.1:")
        assert answers(registry)
        port = registry.port
        registry.stop()
        assert not answers(registry)
        registry.start()
        assert (registry.port, answers(registry)) == (port, True)
    assert not answers(registry)
    assert not folder.exists()


OWNER = """
import pathlib, sys, time
from galway.local_registry import LocalRegistry
registry = LocalRegistry(program=pathlib.Path(sys.argv[1]), folder=pathlib.Path(sys.argv[2]))
registry.start()
print(registry.port, flush=True)
time.sleep(600)
"""


def test_it_dies_with_its_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", OWNER, str(program(tmp_path, PROGRAM)), str(tmp_path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        registry = LocalRegistry(program=tmp_path, folder=tmp_path, port=int(owner.stdout.readline()))
        alive = answers(registry)
        owner.kill()
    assert alive
    assert any(not answers(registry) or time.sleep(0.05) for _ in range(200))


def test_one_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    broken = LocalRegistry(program=program(tmp_path, "raise SystemExit('no such storage')"), folder=tmp_path)
    with pytest.raises(MissingToolError, match="does not come up") as caught:
        broken.start()
    assert "no such storage" in caught.value.detail
