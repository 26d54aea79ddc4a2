"""Entries of `security-scan.toml` that accept a finding for a time, each with an owner and a reason."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from security.errors import UsageError
from security.model import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

REQUIRED = ("owner", "reason", "expires")
ALLOWED = frozenset({"id", "fingerprint", "path", *REQUIRED})
TEXT = 500


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """One entry.

    Parameters
    ----------
    id:
        A rule, or the identifier or an alias of an advisory; empty where the fingerprint says which finding.
    path:
        Narrows an `id` to one file; empty for all.
    expires:
        The last day on which it holds.
    """

    id: str
    fingerprint: str
    path: str
    owner: str
    reason: str
    expires: date

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self.fingerprint or " in ".join(filter(None, (self.id, self.path)))

    def covers(self, found: Finding) -> bool:
        """Whether it speaks of this finding."""
        if self.fingerprint:
            return self.fingerprint in (found.fingerprint, found.group)
        names = {found.rule, *(also.partition(":")[2] for also in found.also)}
        return self.id in names and self.path in ("", found.path)


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What the entries did: expired ones fail the run, unused ones are a warning."""

    findings: tuple[Finding, ...]
    expired: tuple[Acceptance, ...]
    unused: tuple[Acceptance, ...]


def parse(tables: object, *, where: str) -> tuple[Acceptance, ...]:
    """Every entry of `[[suppress]]`.

    Raises
    ------
    UsageError
        One that lacks an owner, a reason, an expiry or what it accepts: nothing is accepted half.
    """
    if not isinstance(tables, list):
        raise UsageError(f"{where}: suppress is not a list of tables", fix="write each entry as [[suppress]]")
    return tuple(_entry(table, f"{where}: suppress entry {number}") for number, table in enumerate(tables, start=1))


def _entry(table: Mapping[str, Any], where: str) -> Acceptance:
    if not isinstance(table, dict):
        raise UsageError(f"{where} is not a table", fix="write each entry as [[suppress]]")
    missing = [name for name in REQUIRED if not table.get(name)]
    if missing or set(table) - ALLOWED or bool(table.get("id")) == bool(table.get("fingerprint")):
        raise UsageError(
            f"{where} is not complete" + (f": it lacks {', '.join(missing)}" if missing else ""),
            fix="give id or fingerprint, and owner, reason and expires = YYYY-MM-DD (and path, if it is for one file)",
        )
    texts = {name: str(table.get(name, "")) for name in ("id", "fingerprint", "path", "owner", "reason")}
    if any(len(text) > TEXT for text in texts.values()):
        raise UsageError(f"{where} has a text of more than {TEXT} characters", fix="shorten it")
    return Acceptance(expires=_date(table["expires"], where), **texts)


def _date(value: object, where: str) -> date:
    if isinstance(value, date):
        return date(value.year, value.month, value.day)
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise UsageError(f"{where}: expires is not a date", fix="write expires = YYYY-MM-DD") from error


def apply(findings: Iterable[Finding], entries: Sequence[Acceptance], *, today: date) -> Applied:
    """Mark what is accepted today. An inline comment came first and keeps its word, but the entry counts as used."""
    valid = [entry for entry in entries if entry.expires >= today]
    used: set[str] = set()
    marked = []
    for found in findings:
        matching = [entry for entry in valid if entry.covers(found)]
        used |= {entry.name for entry in matching}
        if matching and found.state is State.NEW:
            entry = matching[0]
            reason = f"{entry.owner} until {entry.expires}: {entry.reason}"
            marked.append(dataclasses.replace(found, state=State.SUPPRESSED, reason=reason))
        else:
            marked.append(found)
    return Applied(
        findings=tuple(marked),
        expired=tuple(entry for entry in entries if entry.expires < today),
        unused=tuple(entry for entry in valid if entry.name not in used),
    )
