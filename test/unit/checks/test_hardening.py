"""The run profile as options, and the judgement of what a process saw of it, on a container's captured words."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import msgspec
import pytest

from galway import catalog
from galway.checks import confinement, containers, leftovers

ROOT = Path(__file__).parents[3]
SAID = (ROOT / "test" / "data" / "hardening" / "collector.txt").read_text()
EXECUTABLE = "/tmp:rw,exec,nosuid"  # noqa: S108 - a mount of a container
RUN = next(image for image in catalog.load(ROOT).images if image.name == "agent-updates-collector").run


def failed(text: str, *, cores: int = 2, **changes: object) -> list[str]:
    run = msgspec.structs.replace(RUN, **changes)
    return [one.name for one in confinement.judge(confinement.parse(text), run, cores=cores) if one.status == "failed"]


def test_a_run_profile_becomes_options_of_docker_run() -> None:
    assert containers.options(RUN, root=Path("/repository"), cores=4) == (
        *("--read-only", "--tmpfs", *RUN.tmpfs, "--mount", "type=volume,dst=/app/data"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", "1000:1000"),
        *("--security-opt", "seccomp=/repository/docker/seccomp/agent-updates-collector.json"),
        *("--cpus", "0.5", "--memory", "256m", "--memory-swap", "256m"),
    )


def test_no_more_cores_are_asked_for_than_the_engine_has() -> None:
    options = containers.options(msgspec.structs.replace(RUN, cpus=8.0), root=ROOT, cores=2)
    assert options[options.index("--cpus") + 1] == "2.0"


def test_what_a_confined_process_sees_passes() -> None:
    checks = confinement.judge(confinement.parse(SAID), RUN, cores=2)
    assert {check.status for check in checks} == {"passed"}
    assert len({check.name for check in checks}) == len(checks) == 14


@pytest.mark.parametrize(
    ("seen", "instead", "name"),
    [
        ("Uid:\t1000\t1000", "Uid:\t0\t0", "user"),
        ("Gid:\t1000", "Gid:\t0", "group"),
        ("CapEff:\t0000000000000000", "CapEff:\t0000000000000001", "effective capabilities"),
        ("CapPrm:\t0000000000000000", "CapPrm:\t00000000a80425fb", "permitted capabilities"),
        ("CapBnd:\t0000000000000000", "CapBnd:\t00000000a80425fb", "bounding capabilities"),
        ("NoNewPrivs:\t1", "NoNewPrivs:\t0", "no new privileges"),
        ("Seccomp:\t2", "Seccomp:\t0", "seccomp filter"),
        ("268435456", "9223372036854771712", "memory limit"),
        ("\n50000", "\n-1", "cpu limit"),
        ("\n50000", "\n100000", "cpu limit"),
        ("/ overlay ro,", "/ overlay rw,", "root mounted read-only"),
        ("tmpfs /tmp tmpfs rw,nosuid,nodev,noexec", "tmpfs /tmp tmpfs rw,nosuid,nodev", "tmpfs /tmp"),
        ("tmpfs /tmp tmpfs", "volume /tmp ext4", "tmpfs /tmp"),
        ("cannot create /galway-written: Read-only file system", "written", "/galway-written refuses writing"),
    ],
)
def test_each_broken_promise_is_a_failure_of_its_own(seen: str, instead: str, name: str) -> None:
    assert seen in SAID
    assert failed(SAID.replace(seen, instead)) == [name]


def test_a_process_that_says_nothing_passes_nothing() -> None:
    checks = confinement.judge(confinement.parse(""), RUN, cores=2)
    assert "passed" not in {check.status for check in checks}


def test_limits_that_cannot_be_read_are_not_evaluated() -> None:
    checks = confinement.judge(confinement.parse(SAID.partition("== /sys")[0]), RUN, cores=2)
    unknown = {check.name for check in checks if check.status == "not_evaluated"}
    assert unknown == {"memory limit", "cpu limit"}


def test_a_busy_process_that_was_never_held_back_proves_nothing() -> None:
    seen = confinement.parse(SAID.replace("nr_throttled 1", "nr_throttled 0"))
    (check,) = [one for one in confinement.judge(seen, RUN, cores=2) if one.name == "cpu limit enforced"]
    assert check.status == "not_evaluated"


def test_both_versions_of_cgroups_are_read() -> None:
    lines = "== /sys/fs/cgroup/memory.max\n{}\n== /sys/fs/cgroup/cpu.max\n{}\n"
    assert confinement.parse(lines.format("268435456", "50000 100000")).cpus() == 0.5
    assert confinement.parse(lines.format("268435456", "50000 100000")).memory() == 268435456
    assert confinement.parse(lines.format("max", "max 100000")).cpus() == math.inf
    assert confinement.parse(lines.format("max", "max 100000")).memory() == sys.maxsize
    assert confinement.parse(SAID).cpus() == 0.5


def test_a_tmpfs_that_lets_programs_run_passes_only_where_the_profile_says_so() -> None:
    executable = SAID.replace("tmpfs /tmp tmpfs rw,nosuid,nodev,noexec", "tmpfs /tmp tmpfs rw,nosuid,nodev")
    assert failed(executable, tmpfs=(EXECUTABLE + ",size=64m",)) == []
    assert failed(SAID, tmpfs=(EXECUTABLE,)) == ["tmpfs /tmp"]


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("localhost/galway/ci:linux-amd64-0123456789ab-cafe.1234", True),
        ("localhost/galway/ci:linux-amd64-0123456789ab-beef.1234", False),
        ("ghcr.io/jpoley/ci:linux-amd64-0123456789ab-cafe.1234", False),
        ("localhost/galway/ci:latest", False),
    ],
)
def test_only_what_a_checkouts_runs_made_is_removed(name: str, ours: bool) -> None:
    assert leftovers.is_of(name, "cafe") is ours
    assert leftovers.is_of(name, "cafe.1234") is ours
    assert not leftovers.is_of(name, "cafe.9999")


def test_the_labels_of_a_reference_name_its_run_and_its_checkout() -> None:
    labels = containers.labels("localhost/galway/ci:linux-amd64-0123456789ab-cafe.1234")
    assert labels == ("--label", "galway.test=cafe.1234", "--label", "galway.test.checkout=cafe")
