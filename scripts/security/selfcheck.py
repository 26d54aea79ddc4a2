"""Whether the image is whole: every program answers, and the rules are those that were built in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from security import engines, rules, settings
from security.dependencies import advisories
from security.errors import EngineError
from security.process import Deadline, refused, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 55.0
"""Below the 60 of the HEALTHCHECK, which emulated images need, so that the reason is printed before Docker gives up."""


def programs(deadline: Deadline) -> dict[str, str]:
    """Versions by name; a program that does not answer has its error in place of one, starting with `!`."""
    asked: dict[str, Callable[[Deadline], str]] = {engine.NAME: engine.version for engine in engines.ENGINES}
    asked |= {name: _last_word(name) for name in ("pip-audit", "cyclonedx-py")}
    answers = {}
    for name, ask in asked.items():
        try:
            answers[name] = ask(deadline)
        except EngineError as error:
            answers[name] = f"! {error.message}"
    return answers


def _last_word(program: str) -> Callable[[Deadline], str]:
    def ask(deadline: Deadline) -> str:
        done = run((program, "--version"), deadline=deadline)
        words = done.stdout.decode("utf-8", "replace").split()
        if done.code != 0 or not words:
            raise refused(done)
        return words[-1]

    return ask


def advisories_date() -> str | None:
    """When the newest mounted advisory was written; None where none are mounted."""
    path = settings.find_advisories("")
    if path is None:
        return None
    try:
        return advisories.load(path, frozenset(), now=datetime.now(tz=UTC)).modified.isoformat()
    except EngineError as error:
        return f"! {error.message}"


def problems(config_dir: Path, seconds: float = SECONDS) -> list[str]:
    """Everything that is wrong, one line each; empty is healthy.

    Parameters
    ----------
    seconds:
        How long all programs together may take.
    """
    answers = programs(Deadline.after(seconds))
    found = [f"{name}: {answer.removeprefix('! ')}" for name, answer in answers.items() if answer.startswith("!")]
    if not rules.names(config_dir / "rules"):
        found.append(f"there are no rules in {config_dir / 'rules'}")
    recorded = rules.recorded(config_dir)
    if recorded and recorded != rules.checksum(config_dir / "rules"):
        found.append(f"the rules in {config_dir / 'rules'} are not those that the image was built with")
    return found
