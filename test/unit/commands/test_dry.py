"""Every task says what it would do, or is known to change nothing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from invoke.collection import Collection
from invoke.context import Context
from invoke.loader import FilesystemLoader

from galway import process

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[3]
NAMESPACE = Collection.from_module(FilesystemLoader(start=str(ROOT)).load("tasks")[0])
COMPOSE = f"docker compose --project-directory {ROOT} --file {ROOT}/docker-compose.yml"

READERS = {
    "next",
    "plan",
    "inspect",
    "tags",
    "digest",
    "checklist",
    "completion",
    "engine.show",
    "engine.env",  # starts the engine where none answers: its purpose is a shell that reaches one
    "doctor",
    "lint",
}
"""They take no --dry: they show or check, and what they start only reads."""

UNFINISHED = {"merge"}
"""They change something and cannot say beforehand what; none may be added."""

ALONE: Mapping[str, tuple[dict[str, object], str]] = {
    "up": (
        {},
        f"{COMPOSE} up --detach --no-build --pull never",
    ),
    "logs": (
        {"service": ["agent-collector"], "follow": True},
        f"{COMPOSE} logs --follow agent-collector",
    ),
    "down": (
        {"volumes": True},
        f"{COMPOSE} down --volumes",
    ),
    "keygen": ({"key": "/there/k.key"}, "would make /there/k.key and /there/k.pub"),
    "advisories": ({"output": "/there/PyPI.zip"}, "would fetch https://osv.example/PyPI.zip to /there/PyPI.zip"),
    "bundle.load": (
        {"file": "b.tar", "stand_in": []},
        "would check b.tar and load it into this machine's Docker",
    ),
    "engine.start": ({}, "would start the embedded engine"),
    "engine.stop": ({}, "would stop the embedded engine and its containers"),
    "scan-source": ({"path": "/there"}, "docker run --rm --pull never --network none"),
}
"""Arguments, and the beginning of what is printed, of tasks that need nothing built."""

BUILT = {
    *("build", "reproduce", "test", "sbom", "scan", "push", "sign", "verify", "pipeline", "bundle.bundle"),
    *("scorecard", "clean", "tools"),
}
"""They take --dry, and need git, layouts or an engine to answer; their argument lists have tests of their own."""


def named() -> set[str]:
    """Every task by its full name."""
    return set(NAMESPACE.task_names)


def takes_dry(name: str) -> bool:
    """Whether a task has the flag."""
    return any("dry" in argument.names for argument in NAMESPACE[name].get_arguments())


def test_every_task_is_of_one_kind() -> None:
    kinds = [READERS, UNFINISHED, set(ALONE), BUILT]
    assert sorted(named()) == sorted(name for kind in kinds for name in kind)


def test_whatever_is_no_reader_takes_dry() -> None:
    assert {name for name in named() if not takes_dry(name)} == READERS | UNFINISHED


@pytest.mark.parametrize("name", ALONE)
def test_dry_says_what_it_would_do_and_starts_nothing(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("GALWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OSV_EXPORT", "https://osv.example/PyPI.zip")
    monkeypatch.setattr(os, "execvpe", lambda *argv: pytest.fail(f"a dry run became {argv}"))
    monkeypatch.setattr(process, "run", lambda argv, **_: pytest.fail(f"a dry run started {argv}"))
    arguments, expected = ALONE[name]
    NAMESPACE[name](Context(), **arguments, dry=True)
    assert capsys.readouterr().out.startswith(expected)
    assert not list(tmp_path.iterdir())
