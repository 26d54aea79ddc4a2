"""`inv test` passes the images that were built, and fails each variant with one thing broken, naming the cause."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from filelock import FileLock

from galway import evidence, filesystem, toolbox
from galway.checks import containers, leftovers, target as tested
from galway.errors import BuildError, ImageTestError
from galway.layout import Layout
from galway.reference import Platform
from galway.stages import sbom, test as stage
from galway.tools import structure_test, trivy

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Broken, Built
    from galway.catalog.model import RunProfile
    from galway.checks.target import Target
    from galway.evidence import Record

HOST = Platform.of_host()
COLLECTOR, SCANNER = "agent-updates-collector", "security-scanner"  # the smallest image, and the one with most tools
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine (elf.h)


def causes(record: Record) -> dict[str, str]:
    """What failed, each with its cause."""
    checks = record.measures["checks"]
    return {f"{check['kind']} {check['name']}": check["detail"] for check in checks if check["status"] == "failed"}


def cause(record: Record, name: str) -> str:
    """The cause of one failure, whatever else fails."""
    assert record.status == "failed"
    return causes(record)[name]


def only(record: Record, name: str) -> str:
    """The cause of the one failure that there is."""
    assert record.status == "failed"
    assert list(causes(record)) == [name]
    assert isinstance(stage.verdict([record]), ImageTestError)
    return causes(record)[name]


def settings(**values: Any) -> Any:
    """A change of an image configuration's `config`."""
    return lambda config: config["config"].update(values)


@pytest.mark.slow
def test_the_images_pass_on_every_platform(built: Built, both: list[Target]) -> None:
    tool = toolbox.ensure(built.workspace, trivy.TOOL)
    sboms: dict[str, dict[Platform, Path]] = {}
    for one in both:
        target = sbom.target(one.layout.folder, one.image.name, one.image.reference, one.manifest.platform)
        (record,) = sbom.run(built.workspace, tool, [target])
        path = sbom.folder(built.workspace) / one.image.name / record.platform / "cyclonedx.json"
        sboms.setdefault(one.image.name, {})[target.platform] = path
    session = stage.Session(
        workspace=built.workspace,
        engine=built.engine,
        tool=toolbox.ensure(built.workspace, structure_test.NAME),
        sboms=sboms,
        say=lambda line: sys.stderr.write(line + "\n") and None,
    )
    records = session.run(both)
    assert {str(one.manifest.digest) for one in both} == {record.digest for record in records}
    for record in records:
        assert causes(record) == {}, record.image
        unknown = [check for check in record.measures["checks"] if check["status"] == "not_evaluated"]
        if record.platform == HOST.slug:
            assert unknown == []
            assert record.status == "passed"
        else:  # the run profile would be the emulator's; everything else has a verdict under emulation too
            assert [check["name"] for check in unknown] == ["run profile"]
            assert record.status == "not_evaluated"
        kept = evidence.artifact(built.workspace.evidence, record, "test-checks.json")
        assert kept is not None
        assert msgspec.json.decode(kept) == record.measures["checks"]


# --- Broken on purpose, one property each ---------------------------------------------------------------------------


def test_a_root_user_fails(broken: Broken) -> None:
    target = broken.make(COLLECTOR, change=settings(User=""))
    assert "runs as root" in cause(broken.test(target, "content"), "content user")


def test_a_root_filesystem_that_is_not_mounted_read_only_fails(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    real = containers.options
    monkeypatch.setattr(
        containers, "options", lambda *a, **k: tuple(word for word in real(*a, **k) if word != "--read-only")
    )
    found = causes(broken.test(broken.make(COLLECTOR), "hardening"))
    assert "rw" in found["hardening root mounted read-only"]


def test_a_root_filesystem_that_the_user_may_write_fails(broken: Broken) -> None:
    target = broken.make(COLLECTOR, [("usr/local/bin", None, 0o777)])
    run = msgspec.structs.replace(target.image.run, read_only=False)
    target = dataclasses.replace(target, image=dataclasses.replace(target.image, run=run))
    assert "written" in only(
        broken.test(target, "hardening"), "hardening /usr/local/bin/galway-written refuses writing"
    )


def test_a_missing_seccomp_profile_fails(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    real = containers.options

    def without(run: RunProfile, **rest: Any) -> tuple[str, ...]:
        return real(msgspec.structs.replace(run, seccomp="default"), **rest)

    monkeypatch.setattr(containers, "options", without)
    found = only(broken.test(broken.make(COLLECTOR), "hardening"), "hardening forbidden call personality")
    assert "Docker's default profile allows" in found


def test_a_setuid_file_fails(broken: Broken) -> None:
    target = broken.make(COLLECTOR, [("usr/bin/become-root", b"#!/bin/sh\n", 0o4755)])
    assert "usr/bin/become-root" in cause(broken.test(target, "content"), "content setuid")


def test_a_package_cache_left_behind_fails(broken: Broken) -> None:
    target = broken.make(COLLECTOR, [("var/lib/apt/lists/archive_Packages", b"Package: x\n", 0o644)])
    found = cause(broken.test(target, "content"), "content package-caches")
    assert "var/lib/apt/lists/archive_Packages" in found


def test_a_secret_in_a_file_that_a_later_layer_deletes_fails(broken: Broken) -> None:
    key = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA3" * 40 + "\n-----END RSA " + "PRIVATE KEY-----\n"
    target = broken.make(COLLECTOR, [("app/deploy.pem", key.encode(), 0o600)], [("app/.wh.deploy.pem", b"", 0o644)])
    assert "app/deploy.pem" in cause(broken.test(target, "content"), "content secrets")


def test_a_program_for_another_machine_fails(broken: Broken) -> None:
    other = next(machine for name, machine in MACHINES.items() if name != HOST.architecture)
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00" + other.to_bytes(2, "little") + b"\x01\0\0\0" + bytes(40)
    target = broken.make(COLLECTOR, [("usr/bin/foreign", header, 0o755)])
    assert "usr/bin/foreign" in only(broken.test(target, "architecture"), "architecture programs")


def test_a_missing_tool_fails_in_the_files_and_in_the_commands(broken: Broken) -> None:
    target = broken.make(SCANNER, [("usr/local/bin/.wh.semgrep", b"", 0o644)])
    found = causes(broken.test(target, "structure"))
    assert "/usr/local/bin/semgrep" in found["structure Binary exists"]
    assert "structure Semgrep version" in found


def test_a_health_check_that_fails_is_a_failure_with_what_it_said(broken: Broken) -> None:
    check = {"Test": ["CMD", "sh", "-c", "echo the database is gone; exit 1"], "Retries": 2, "Timeout": 5_000_000_000}
    target = broken.make(COLLECTOR, change=settings(Healthcheck=check))
    assert only(broken.test(target, "hardening"), "hardening health") == "unhealthy: the database is gone"


def test_an_image_over_its_budget_fails(broken: Broken) -> None:
    budget = broken.built.images[COLLECTOR].size_budget
    target = broken.make(COLLECTOR, [("usr/share/large", os.urandom(budget), 0o444)])
    assert "usr/share/large" in cause(broken.test(target, "content"), "content size-budget")


def test_a_missing_label_fails(broken: Broken) -> None:
    def without_title(config: dict[str, Any]) -> None:
        del config["config"]["Labels"]["org.opencontainers.image.title"]

    record = broken.test(broken.make(COLLECTOR, change=without_title), "content", "structure")
    assert "title is missing" in cause(record, "content labels")
    assert "org.opencontainers.image.title" in cause(record, "structure Metadata Test")


def test_a_package_whose_version_drifts_between_platforms_fails(broken: Broken, tmp_path: Path) -> None:
    """The other platform is the host's in disguise, with one version changed."""
    manifest = broken.make(COLLECTOR)
    status = b""
    for entry, chunks in filesystem.walk(manifest.layout, manifest.manifest):
        if entry.path == "var/lib/dpkg/status":
            status = b"".join(chunks)
    changed = re.sub(rb"(Package: tzdata\n(?:.+\n)*?Version: )\S+", rb"\g<1>1970a-1", status)
    assert changed != status
    foreign = Platform("linux", next(name for name in MACHINES if name != HOST.architecture))
    disguise = broken.make(
        COLLECTOR,
        [("var/lib/dpkg/status", changed, 0o644)],
        change=lambda config: config.update(architecture=foreign.architecture),
    )
    other = Layout(tmp_path / "other")
    shutil.copytree(disguise.layout.folder, other.folder)
    target = broken.make(COLLECTOR, also={foreign: other})
    tool = toolbox.ensure(broken.workspace, trivy.TOOL)
    sboms = {}
    for platform in (HOST, foreign):
        one = sbom.target(target.layout.folder, COLLECTOR, target.image.reference, platform)
        sbom.run(broken.workspace, tool, [one])
        sboms[platform] = sbom.folder(broken.workspace) / COLLECTOR / platform.slug / "cyclonedx.json"
    found = " ".join(causes(broken.test(target, "architecture", sboms=sboms)).values())
    assert "tzdata" in found
    assert "1970a" in found


# --- What must not be tested, and what must not stay ----------------------------------------------------------------


def test_a_layout_whose_bytes_changed_after_the_build_is_refused(broken: Broken) -> None:
    target = broken.make(COLLECTOR)
    blob = target.layout.blob(target.manifest.layers[0].digest)
    content = bytearray(blob.read_bytes())
    content[len(content) // 2] ^= 1
    blob.unlink()  # it is linked to the real layout's
    blob.write_bytes(content)
    with pytest.raises(BuildError, match="not what its digest says"):
        tested.targets(broken.workspace, target.image, (HOST,))


def test_a_manifest_that_no_build_recorded_is_refused(broken: Broken) -> None:
    target = broken.make(COLLECTOR)
    assert tested.targets(broken.workspace, target.image, (HOST,))
    evidence.write(broken.workspace.evidence, broken.built.records[COLLECTOR])
    with pytest.raises(BuildError, match="the record of its build says"):
        tested.targets(broken.workspace, target.image, (HOST,))


def test_an_interrupt_leaves_no_container(built: Built) -> None:
    def ours(*command: str) -> list[str]:
        label = f"label={containers.CHECKOUT}={stage.mark(built.workspace)}"
        return built.docker(*command, "--quiet", "--filter", label).stdout.split()

    with FileLock(built.workspace.state / "test.lock"):
        pass  # another run of tests in this checkout is over
    child = subprocess.Popen(
        [sys.executable, "-m", "invoke", "test", "--image", SCANNER],
        cwd=built.workspace.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not ours("ps") and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        assert ours("ps"), "no container was started"
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=120)
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130, said.decode()
    assert ours("ps", "--all") == []
    assert ours("volume", "ls") == []
    images = built.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    assert not any(leftovers.is_of(name, stage.mark(built.workspace)) for name in images)
