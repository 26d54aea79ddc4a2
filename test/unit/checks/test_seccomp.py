"""The seccomp profiles: what derive.py makes of Moby's default, and nothing that the default would refuse."""

from __future__ import annotations

import importlib.util
import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from galway import catalog

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docker" / "seccomp"
NAMES = [image.name for image in catalog.load(ROOT).images]
FLAGS = (0, 0x00010000, 0x003D0F00, 0x10000000, 0x7E020000, 0x10010000)  # clone(2): fork, thread, pthread, new users…
VALUES = (*range(48), *FLAGS, 131072, 131080, 4294967295)


@cache
def derive() -> Any:
    spec = importlib.util.spec_from_file_location("derive", FOLDER / "derive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(name: str) -> dict[str, Any]:
    return dict(json.loads((FOLDER / f"{name}.json").read_text()))


def everything(profile: dict[str, Any], architecture: str, capabilities: frozenset[str]) -> set[tuple[str, int]]:
    """The calls that get through, each with its first argument, by the rules of Moby's documentation."""

    def holds(condition: dict[str, Any] | None) -> bool:
        condition = condition or {}
        wanted = set(condition.get("caps", ()))
        return wanted <= capabilities and architecture in condition.get("arches", (architecture,))

    def matches(argument: dict[str, Any], value: int) -> bool:
        if argument["op"] == "SCMP_CMP_MASKED_EQ":
            return value & argument["value"] == argument.get("valueTwo", 0)
        return value < argument["value"] if argument["op"] == "SCMP_CMP_LT" else value == argument["value"]

    through: set[tuple[str, int]] = set()
    for rule in profile["syscalls"]:
        excluded = rule.get("excludes") and holds(rule["excludes"])
        if rule["action"] != "SCMP_ACT_ALLOW" or not holds(rule.get("includes")) or excluded:
            continue
        arguments = rule.get("args") or ()
        if all(argument["index"] == 0 for argument in arguments):
            values = [value for value in VALUES if all(matches(argument, value) for argument in arguments)]
            through.update(itertools.product(rule["names"], values))
    return through


def allows(profile: dict[str, Any], call: str, value: int, architecture: str, capabilities: frozenset[str]) -> bool:
    assert value in VALUES
    return (call, value) in everything(profile, architecture, capabilities)


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_profile_is_what_the_list_and_the_pinned_default_give(name: str) -> None:
    module = derive()
    table = module.read_table()
    assert (FOLDER / f"{name}.json").read_text() == module.render(module.derive(module.read_source(table), table, name))


@pytest.mark.parametrize("capabilities", [frozenset(), frozenset({"CAP_SYS_ADMIN", "CAP_SYS_PTRACE"})])
@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("name", NAMES)
def test_a_profile_is_strictly_narrower_than_the_default(
    name: str, architecture: str, capabilities: frozenset[str]
) -> None:
    ours = everything(load(name), architecture, capabilities)
    default = everything(load("moby-default"), architecture, capabilities)
    assert ours < default
    assert {call for call, _ in default - ours} >= {"ptrace", "process_vm_readv", "personality", "socket", "vmsplice"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "call", ["mount", "bpf", "setns", "unshare", "keyctl", "io_uring_setup", "userfaultfd", "ptrace"]
)
def test_no_image_may_make_a_call_that_none_needs(name: str, call: str) -> None:
    every = frozenset({"CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_BPF", "CAP_SYS_CHROOT"})
    assert not allows(load(name), call, 0, "amd64", every)


@pytest.mark.parametrize("name", NAMES)
def test_no_profile_gives_a_new_namespace_or_a_32_bit_call(name: str) -> None:
    profile = load(name)
    assert not allows(profile, "clone", 0x10000000, "amd64", frozenset({"CAP_SYS_ADMIN"}))
    assert all(entry["subArchitectures"] == [] for entry in profile["archMap"])


def test_the_collector_may_start_threads_and_no_process() -> None:
    profile = load("agent-updates-collector")
    assert allows(profile, "clone", 0x003D0F00, "amd64", frozenset())
    assert not any(allows(profile, call, 17, "amd64", frozenset()) for call in ("clone", "fork", "vfork"))
    assert allows(load("ci"), "clone", 17, "amd64", frozenset())


def test_a_default_that_is_not_the_pinned_one_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = derive()
    (tmp_path / "moby-default.json").write_text("{}")
    monkeypatch.setattr(module, "SOURCE", tmp_path / "moby-default.json")
    with pytest.raises(SystemExit, match="is not the file of"):
        module.read_source(module.read_table())
