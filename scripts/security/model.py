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


CONFIDENCES = ("high", "medium", "low")
"""Best first; what an engine calls otherwise is `low`."""


class State(StrEnum):
    """Only a new finding can fail a run; the others stay listed and counted."""

    NEW = "new"
    EXISTING = "existing"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One weakness at one place, whichever engines say so.

    Parameters
    ----------
    engines:
        Who says so, the one whose words are used first.
    rule:
        The rule of that engine; an advisory's identifier for a vulnerable dependency.
    also:
        Rules of merged findings, as `engine:rule`.
    cwe:
        Numbers of the Common Weakness Enumeration, for instance `(89,)`.
    owasp:
        Categories, for instance `("A03:2021",)`.
    path:
        Relative to the scanned folder; bytes that are no UTF-8 are surrogates.
    line, end_line, column, end_column:
        All counted from 1; the end column is the one after the last character, 0 where unknown.
    fix:
        One line; may be empty.
    subject:
        What the fingerprint takes in place of source code; `name@version` for a dependency, else empty.
    group, fingerprint:
        Two findings of one group look the same; the fingerprint adds their order.
    reason:
        Why it is not new: who accepted it, or where the baseline is.
    """

    engines: tuple[str, ...]
    rule: str
    also: tuple[str, ...] = ()
    severity: Severity
    confidence: str
    cwe: tuple[int, ...]
    owasp: tuple[str, ...] = ()
    path: str
    line: int
    end_line: int
    column: int
    end_column: int = 0
    message: str
    fix: str
    subject: str = ""
    group: str = ""
    fingerprint: str = ""
    state: State = State.NEW
    reason: str = ""

    @property
    def order(self) -> tuple[int, str, int, int, str, str]:
        """Sort key: worst first, then by place."""
        return (self.severity.rank, self.path, self.line, self.column, self.rule, self.subject)


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
    seconds, cpu_seconds, memory:
        Wall time, processor time, and the largest resident set of its processes in bytes (0 where unknown).
    """

    engine: str
    version: str
    failure: str = ""
    findings: tuple[Finding, ...] = ()
    unread: dict[str, str]
    raw: dict[str, object]
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    memory: int = 0
