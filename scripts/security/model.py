"""What engines say, in one shape: findings, and which files each engine could read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class State(StrEnum):
    """Whether a finding counts: an inline comment makes it `suppressed`, never invisible."""

    NEW = "new"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One weakness at one place.

    Parameters
    ----------
    engine, rule:
        Who says so.
    cwe:
        Numbers of the Common Weakness Enumeration, for instance `(89,)`.
    path:
        Relative to the scanned folder.
    line, end_line, column:
        All counted from 1.
    fix:
        One line; may be empty.
    """

    engine: str
    rule: str
    severity: Severity
    confidence: str
    cwe: tuple[int, ...]
    path: str
    line: int
    end_line: int
    column: int
    message: str
    fix: str
    state: State = State.NEW

    @property
    def order(self) -> tuple[int, str, int, str]:
        """Sort key: worst first, then by place."""
        return (self.severity.rank, self.path, self.line, self.rule)


@dataclass(frozen=True, kw_only=True)
class EngineReport:
    """What one engine did.

    Parameters
    ----------
    failure:
        Empty if it completed; else why it did not, and then nothing that it did not say can be trusted.
    unread:
        Files that it was given and could not (fully) read, with the reason.
    raw:
        Its own report, as it is written beside the summary.
    """

    engine: str
    version: str
    failure: str = ""
    findings: tuple[Finding, ...] = ()
    unread: dict[str, str]
    raw: dict[str, object]
    seconds: float = 0.0
