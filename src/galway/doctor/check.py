"""The lines of an examination, and the exit code they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway.errors import GalwayError, MissingToolError, NotEvaluatedError, VerifyError

if TYPE_CHECKING:
    from collections.abc import Sequence

OK, MISSING, WARNING, NOT_EVALUATED, FAILED = "ok", "missing", "warning", "not_evaluated", "failed"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the examination.

    Parameters
    ----------
    name:
        What was looked at.
    status:
        `ok`; `missing` (a command will fail); `warning` (works, but worse or later); `not_evaluated` (could not be
        asked); `failed` (a pin that its publisher contradicts).
    found:
        What is there, one line.
    source, version, verified:
        As in `toolbox.Tool`; empty where they do not apply.
    fix:
        What to do, one line; empty where nothing is to be done.
    """

    name: str
    status: str
    found: str
    source: str = ""
    version: str = ""
    verified: str = ""
    fix: str = ""


def verdict(checks: Sequence[Check]) -> GalwayError | None:
    """The error that the checks amount to, the gravest first; None where all is well or only a warning."""
    by_status: dict[str, list[str]] = {}
    for check in checks:
        by_status.setdefault(check.status, []).append(check.name)
    if names := by_status.get(FAILED):
        return VerifyError(f"not what was pinned: {_some(names)}", hint="do not use them before you know why")
    if names := by_status.get(MISSING):
        return MissingToolError(f"missing: {_some(names)}", hint="the table says how to get them")
    if names := by_status.get(NOT_EVALUATED):
        return NotEvaluatedError(f"could not be checked: {_some(names)}", hint="try again where they can be reached")
    return None


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
