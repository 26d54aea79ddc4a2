"""Where a base comes from is decided once; what is on the shelf needs neither network nor root."""

from __future__ import annotations

import errno
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galway import bases, engine, process
from galway.archive import Mirror
from galway.bases import pins, registry_probe, shelf, stand_in
from galway.bases.workshop import StoppedError, Workshop, version_told
from galway.errors import BuildError, ConfigurationError, MissingToolError
from galway.process import Completed, ProcessError
from galway.reference import Platform
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from galway.bases.pins import OfficialBase
    from galway.workspace import Workspace

AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
EPOCH = 1_780_000_000


def nothing() -> None:
    """Never asks to stop."""


def shelve(workspace: Workspace, argument: str, *platforms: Platform) -> None:
    """Put a stand-in on the shelf as if it had been made."""
    base = pins.official(workspace.root)[argument]
    layout = shelf.layout(workspace, base)
    for platform in platforms:
        root = workspace.cache / f"root-{platform.slug}"
        (root / "etc").mkdir(parents=True, exist_ok=True)
        layer = layout.pack(root, epoch=EPOCH, level=1, tick=nothing)
        shelf.write_record(layout, platform, {"archive": {}, "epoch": EPOCH, "packages": [{"name": "bash"}] * 3})
        layout.add(platform, layer, epoch=EPOCH, config={}, annotations={}, history="")


def test_the_registry_can_be_asked_for(workspace: Workspace) -> None:
    base = bases.resolve(workspace, ["CHILD_BASE"], [AMD64], stand_in=False)["CHILD_BASE"]
    assert (base.kind, str(base.digest), base.layout, base.context) == ("registry", f"sha256:{'a' * 64}", None, None)
    assert base.description == "child:1 from the registry"


def test_a_stand_in_from_the_shelf_starts_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    shelve(workspace, "CHILD_BASE", AMD64, ARM64)
    monkeypatch.setenv("BASES", "stand-in")
    base = bases.resolve(workspace, ["CHILD_BASE"], [ARM64])["CHILD_BASE"]
    assert (base.kind, base.context, base.suite) == ("stand-in", "galway-standin-child", "bookworm")
    assert base.layout is not None
    assert (base.layout / "blobs" / "sha256" / base.digest.hex).is_file()
    assert base.reference == f"child:1@sha256:{'a' * 64}"
    assert base.description == "Debian 12 (bookworm) stand-in of child:1, made of packages up to 2026-05-28, 3 packages"


def test_an_answering_registry_is_used(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_probe, "has", lambda *_: True)
    assert bases.resolve(workspace, ["CHILD_BASE"], [AMD64])["CHILD_BASE"].kind == "registry"


def test_one_base_that_the_registry_lacks_makes_all_stand_ins(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelve(workspace, "CHILD_BASE", AMD64)
    shelve(workspace, "PARENT_BASE", AMD64)
    monkeypatch.setattr(registry_probe, "has", lambda _, base: base.argument == "CHILD_BASE")
    resolved = bases.resolve(workspace, ["CHILD_BASE", "PARENT_BASE"], [AMD64])
    assert {base.kind for base in resolved.values()} == {"stand-in"}


@pytest.mark.parametrize(("name", "value"), [("BASES", "hub")])
def test_an_unknown_choice_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match="hub"):
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64])


def test_an_unknown_argument_is_refused_with_the_known_ones(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="GO_BASE") as caught:
        bases.resolve(workspace, ["GO_BASE"], [AMD64])
    assert "CHILD_BASE, PARENT_BASE" in caught.value.hint


def test_without_root_the_way_out_is_said(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(MissingToolError, match="stand-ins need root on Debian") as caught:
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64], stand_in=True)
    assert "GALWAY_HUB_MIRROR" in caught.value.hint


def test_a_missing_platform_of_a_shelved_stand_in_is_noticed(workspace: Workspace) -> None:
    shelve(workspace, "CHILD_BASE", AMD64)
    table = pins.official(workspace.root)
    wanted = [(table["CHILD_BASE"], (AMD64, ARM64)), (table["PARENT_BASE"], (AMD64,))]
    missing = [(base.argument, platform) for base, platform in stand_in.missing(workspace, wanted)]
    assert missing == [("CHILD_BASE", ARM64), ("PARENT_BASE", AMD64)]


def test_a_lost_package_list_is_an_error(workspace: Workspace) -> None:
    shelve(workspace, "CHILD_BASE", AMD64)
    next(workspace.cache.rglob("packages.json")).unlink()
    with pytest.raises(BuildError, match="package list"):
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64], stand_in=True)


@pytest.fixture
def root_on_debian(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that could make stand-ins, with a mirror that no test asks."""
    mirror = Mirror(distribution="debian", codename="bookworm", main="http://one.test/", security="http://two.test/")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(Mirror, "of_host", classmethod(lambda _: mirror))
    monkeypatch.setattr(engine, "emulate", lambda *_, **__: None)


@pytest.mark.usefixtures("root_on_debian")
@pytest.mark.parametrize(
    "failure",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        ProcessError(
            Completed(argv=("dpkg",), code=2, stdout="", stderr="cannot write: No space left on device", seconds=1)
        ),
    ],
)
def test_a_full_disk_is_one_clear_error(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr(Workshop, "make_all", fail)
    with pytest.raises(BuildError, match="no room to make stand-in bases") as caught:
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64], stand_in=True)
    assert "GALWAY_CACHE" in caught.value.hint
    assert list((workspace.cache / "bases").glob("work-*")) == []


@pytest.mark.usefixtures("root_on_debian")
@pytest.mark.parametrize("failing", [AMD64, ARM64])
def test_a_failure_stops_the_other_families_and_is_the_one_reported(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, failing: Platform
) -> None:
    def make(shop: Workshop, _bases: object, platform: Platform) -> None:
        if platform == failing:
            raise ProcessError(Completed(argv=("dpkg",), code=1, stdout="", stderr="broken", seconds=1))
        assert shop.stop.wait(10)
        raise StoppedError("stopped")

    monkeypatch.setattr(Workshop, "make_all", make)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with pytest.raises(BuildError, match="dpkg ended with code 1") as caught:
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64, ARM64], stand_in=True)
    assert caught.value.detail == "broken"


@pytest.mark.usefixtures("root_on_debian")
def test_an_archive_that_does_not_answer_is_reported_as_such(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = MissingToolError("the bookworm archive could not give git", detail="E: no route to host")

    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(Workshop, "make_all", refuse)
    with pytest.raises(MissingToolError) as caught:
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64], stand_in=True)
    assert caught.value is refusal


@pytest.mark.starts_processes
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="finds children through Linux's /proc")
@pytest.mark.usefixtures("root_on_debian")
def test_a_failure_ends_the_children_of_the_others(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    started = threading.Event()

    def make(_shop: Workshop, _base: OfficialBase, _name: str, platform: Platform) -> None:
        if platform == ARM64:
            started.set()
            process.run(["sleep", "60"])
        assert started.wait(10)
        time.sleep(0.2)
        raise BuildError("the first failure")

    monkeypatch.setattr(Workshop, "_make", make)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    began = time.monotonic()
    with pytest.raises(BuildError, match="the first failure"):
        bases.resolve(workspace, ["CHILD_BASE"], [AMD64, ARM64], stand_in=True)
    assert time.monotonic() - began < 30


@pytest.mark.usefixtures("root_on_debian")
def test_work_left_by_a_killed_run_is_removed(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = workspace.cache / "bases" / "work-dead" / "root"
    stale.mkdir(parents=True)
    monkeypatch.setattr(Workshop, "make_all", lambda *_: shelve(workspace, "PARENT_BASE", AMD64))
    bases.resolve(workspace, ["PARENT_BASE"], [AMD64], stand_in=True)
    assert not stale.exists()


def test_cleaning_removes_everything(workspace: Workspace) -> None:
    shelve(workspace, "CHILD_BASE", AMD64)
    bases.clean(workspace)
    bases.clean(workspace)
    assert not (workspace.cache / "bases").exists()


def test_the_version_that_a_person_asks_for_comes_from_the_packages() -> None:
    table = pins.official(REPOSITORY)
    rust = [{"name": "rustc-web", "version": "1.78.0+dfsg1-2~deb11u3"}, {"name": "gcc", "version": "4:10"}]
    python = [{"name": "python3.11-minimal", "version": "3.11.2-6+deb12u6"}]
    assert version_told(table["RUST_BASE"].recipe, rust) == "Rust 1.78.0"
    assert version_told(table["PYTHON_BASE"].recipe, python) == "Python 3.11.2"
    assert version_told(table["RUNTIME_BASE"].recipe, []) == ""
