"""Writes each image's seccomp profile: Moby's default, minus the calls that profiles.toml names.

`--check` writes nothing and fails where a committed profile is not what this derives.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SOURCE = HERE / "moby-default.json"
TABLE = HERE / "profiles.toml"

ALLOW, REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
ARCHITECTURES = {"amd64": "SCMP_ARCH_X86_64", "arm64": "SCMP_ARCH_AARCH64"}
NAMESPACES = 0x7E020000
"""The `CLONE_NEW…` flags that the default profile masks (linux/sched.h)."""

THREAD = 0x00010000
"""`CLONE_THREAD` (linux/sched.h)."""

NO_SUCH_CALL = 38
"""ENOSYS: on it the C library takes `clone` for `clone3`, whose flags lie in memory where no filter can look."""

BY_ARGUMENT = ("clone", "clone3", "personality", "socket")
"""Calls with rules of their own below."""


def read_table() -> dict[str, Any]:
    """The list of what goes and why."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def read_source(table: dict[str, Any]) -> dict[str, Any]:
    """Moby's profile.

    Raises
    ------
    SystemExit
        The file is not the pinned one.
    """
    content = SOURCE.read_bytes()
    if hashlib.sha256(content).hexdigest() != table["source"]["sha256"]:
        sys.exit(f"{SOURCE.name} is not the file of {table['source']['module']} {table['source']['version']}")
    return dict(json.loads(content))


def derive(source: dict[str, Any], table: dict[str, Any], name: str) -> dict[str, Any]:
    """One image's profile.

    Parameters
    ----------
    source:
        Moby's profile.
    table:
        What `read_table` gives.
    name:
        The image.
    """
    entry = table["profiles"][name]
    groups = {group: table["groups"][group] for group in entry["without"]}
    gone = {call for group in groups.values() for call in group["calls"]} | set(BY_ARGUMENT)
    origin = f"{table['source']['module']} {table['source']['version']}, without: {', '.join(groups)}"
    rules: list[dict[str, Any]] = []
    for rule in source["syscalls"]:
        calls = sorted(set(rule["names"]) - gone)
        if rule["action"] == ALLOW and calls and _holds_for_us(rule):
            kept: dict[str, Any] = {"names": calls, "action": ALLOW}
            if architectures := rule.get("includes", {}).get("arches"):
                kept["includes"] = {"arches": [arch for arch in architectures if arch in ARCHITECTURES]}
            rules.append(kept)
    rules[0]["comment"] = f"derived by derive.py from {origin}"
    rules += [_allow("socket", value=family) for family in table["kept"]["socket-families"]]
    rules += [_allow("personality", value=value) for value in table["kept"]["personalities"]]
    rules.append(_clone(threads_only=entry.get("threads-only", False)))
    rules.append({"names": ["clone3"], "action": REFUSE, "errnoRet": NO_SUCH_CALL})
    return {
        "defaultAction": source["defaultAction"],
        "defaultErrnoRet": source["defaultErrnoRet"],
        "archMap": [{"architecture": name, "subArchitectures": []} for name in ARCHITECTURES.values()],
        "syscalls": rules,
    }


def _holds_for_us(rule: dict[str, Any]) -> bool:
    """Whether a rule applies without capabilities, on an architecture that images are built for."""
    includes = rule.get("includes") or {}
    architectures = includes.get("arches")
    return not includes.get("caps") and (architectures is None or not ARCHITECTURES.keys().isdisjoint(architectures))


def _allow(call: str, *, value: int) -> dict[str, Any]:
    return {"names": [call], "action": ALLOW, "args": [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]}


def _clone(*, threads_only: bool) -> dict[str, Any]:
    """No new namespaces; and, where asked, only what makes a thread. `value` is the mask, `valueTwo` what it leaves."""
    mask, left = (NAMESPACES | THREAD, THREAD) if threads_only else (NAMESPACES, 0)
    argument = {"index": 0, "value": mask, "valueTwo": left, "op": "SCMP_CMP_MASKED_EQ"}
    return {"names": ["clone"], "action": ALLOW, "args": [argument]}


def render(profile: dict[str, Any]) -> str:
    """The file's text."""
    return json.dumps(profile, indent=1) + "\n"


def main() -> None:
    """Write or check every profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file is out of date")
    check = parser.parse_args().check
    table = read_table()
    source = read_source(table)
    stale = []
    for name in table["profiles"]:
        path, text = HERE / f"{name}.json", render(derive(source, table, name))
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != text):
            stale.append(path.name)
        elif not check:
            path.write_text(text, encoding="utf-8")
    if stale:
        sys.exit(f"out of date: {', '.join(stale)}; run python3 docker/seccomp/derive.py")


if __name__ == "__main__":
    main()
