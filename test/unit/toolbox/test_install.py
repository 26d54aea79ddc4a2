"""Which source a tool comes from, and what stops the search."""

from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from galway.errors import ConfigurationError, MissingToolError
from galway.toolbox import web
from galway.toolbox.download import Download, TamperedError
from galway.toolbox.install import HOST_TOOLS, Toolbox
from galway.toolbox.pins import Pypi
from galway.toolbox.registries import Delivery, Order
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "linux-amd64"


class FakeRegistry:
    """Gives a program, or fails as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[str] = []
        self.error = error

    def __call__(self, entry: Pypi, order: Order) -> Delivery:
        self.asked.append(entry.package)
        if self.error is not None:
            raise self.error
        path = order.folder / "program"
        path.write_bytes(b"from a registry")
        return Delivery(path=path, version=entry.version, source="PyPI", verified="sha256")


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
def toolbox(tmp_path: Path, registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toolbox]:
    monkeypatch.delenv(HOST_TOOLS, raising=False)
    workspace = Workspace(root=tmp_path / "checkout", cache=tmp_path / "cache")
    with web.session(backoff=0) as session:
        yield Toolbox(
            workspace=workspace,
            key=KEY,
            download=Download(session=session, pause=lambda _seconds: None),
            registries={Pypi: registry},
        )


def pin(toolbox: Toolbox, url: str, content: bytes, *, member: str = "", third_party: str = "false") -> None:
    folder = toolbox.workspace.root / "docker"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tools.toml").write_text(f"""
[tool]
version = "1.2.3"
summary = "for tests"
[tool.release.{KEY}]
url = "{url}"
sha256 = "{hashlib.sha256(content).hexdigest()}"
member = "{member}"
[[tool.fallback]]
kind = "pypi"
package = "tool-bin"
version = "1.2.0"
path = "bin/tool"
third_party = {third_party}
[tool.fallback.wheels]
{KEY} = "{"a" * 64}"
""")


def test_the_official_release_comes_first(release_server, toolbox: Toolbox, registry: FakeRegistry) -> None:
    pin(toolbox, release_server.url, release_server.content)

    tool = toolbox.ensure("tool")

    assert (tool.version, tool.source, tool.verified, tool.third_party) == (
        "1.2.3",
        "official release",
        "sha256",
        False,
    )
    assert tool.path.read_bytes() == release_server.content
    assert tool.path.stat().st_mode & 0o111
    assert registry.asked == []


def test_an_installed_tool_is_found_without_asking_anyone(release_server, toolbox: Toolbox) -> None:
    pin(toolbox, release_server.url, release_server.content)
    first = toolbox.ensure("tool")
    release_server.requests.clear()

    assert toolbox.find("tool") == toolbox.ensure("tool") == first
    assert release_server.requests == []


def test_nothing_is_downloaded_to_find(release_server, toolbox: Toolbox) -> None:
    pin(toolbox, release_server.url, release_server.content)

    assert toolbox.find("tool") is None
    assert release_server.requests == []


def test_a_changed_pin_installs_anew(release_server, toolbox: Toolbox) -> None:
    pin(toolbox, release_server.url, release_server.content)
    toolbox.ensure("tool")
    release_server.content = b"another build"
    pin(toolbox, release_server.url, release_server.content)

    assert toolbox.find("tool") is None
    assert toolbox.ensure("tool").path.read_bytes() == b"another build"


def test_an_archive_gives_its_member(release_server, toolbox: Toolbox) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as bundle:
        info = tarfile.TarInfo("tool")
        info.size = 7
        bundle.addfile(info, io.BytesIO(b"program"))
    release_server.content = stream.getvalue()
    pin(toolbox, release_server.url, release_server.content, member="tool")

    assert toolbox.ensure("tool").path.read_bytes() == b"program"


def test_a_registry_is_asked_where_the_release_is_not_there(
    release_server, toolbox: Toolbox, registry: FakeRegistry
) -> None:
    release_server.statuses = [404]
    pin(toolbox, release_server.url, release_server.content, third_party="true")
    said: list[str] = []

    tool = replace(toolbox, say=said.append).ensure("tool")

    assert (tool.version, tool.source, tool.third_party) == ("1.2.0", "PyPI", True)
    assert registry.asked == ["tool-bin"]
    assert said == ["tool 1.2.0: PyPI, sha256, third-party build"]


def test_wrong_bytes_stop_the_search(release_server, toolbox: Toolbox, registry: FakeRegistry) -> None:
    pin(toolbox, release_server.url, b"what was pinned")

    with pytest.raises(TamperedError, match="not the pinned file"):
        toolbox.ensure("tool")
    assert registry.asked == []
    assert toolbox.find("tool") is None


def test_an_unreachable_server_is_asked_once(toolbox: Toolbox, registry: FakeRegistry) -> None:
    registry.error = MissingToolError("PyPI does not answer")
    pin(toolbox, "http://127.0.0.1:9/file", b"")  # the discard port: refused at once

    for _ in range(2):
        with pytest.raises(MissingToolError) as caught:
            toolbox.ensure("tool")

    assert "some minutes ago" in caught.value.message
    assert "PyPI does not answer" in caught.value.detail
    assert caught.value.exit_code == 4


def test_the_hint_names_the_file_and_a_file_put_there_is_taken(toolbox: Toolbox, registry: FakeRegistry) -> None:
    registry.error = MissingToolError("PyPI does not answer")
    pin(toolbox, "http://127.0.0.1:9/tool-linux", b"carried here")
    with pytest.raises(MissingToolError) as caught:
        toolbox.ensure("tool")
    folder = toolbox.folder / "downloads" / "tool-1.2.3"

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tool-linux").write_bytes(b"carried here")
    tool = toolbox.ensure("tool")

    assert str(folder) in caught.value.hint
    assert tool.source == "official release"
    assert not folder.exists()


def test_a_platform_without_an_official_file_says_so(release_server, toolbox: Toolbox, registry: FakeRegistry) -> None:
    registry.error = MissingToolError("no wheel")
    pin(toolbox, release_server.url, b"")

    with pytest.raises(MissingToolError, match="no official file is pinned for plan9-amd64"):
        replace(toolbox, key="plan9-amd64").ensure("tool")


def test_leftovers_of_a_killed_run_are_removed(release_server, toolbox: Toolbox) -> None:
    pin(toolbox, release_server.url, release_server.content)
    left = toolbox.folder / "tool" / ".part-killed"
    left.mkdir(parents=True)

    toolbox.ensure("tool")

    assert [path.name for path in left.parent.iterdir()] == ["1.2.3"]


def test_the_host_s_program_is_taken_only_when_asked_for(
    toolbox: Toolbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(toolbox, "http://127.0.0.1:9/file", b"")
    program = tmp_path / "bin" / "tool"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))

    assert toolbox.find("tool") is None
    monkeypatch.setenv(HOST_TOOLS, "1")
    tool = toolbox.find("tool")

    assert tool is not None
    assert (tool.path, tool.source, tool.verified) == (program, "host", "not verified")


def test_an_unknown_tool_is_a_wrong_command(release_server, toolbox: Toolbox) -> None:
    pin(toolbox, release_server.url, b"")

    with pytest.raises(ConfigurationError, match="no tool called 'hammer'"):
        toolbox.find("hammer")
