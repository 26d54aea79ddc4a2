"""The advisory snapshot: OSV's export for PyPI, a zip or a folder, of which only what concerns the project is kept.

Format: https://ossf.github.io/osv-schema/. Nothing here fetches it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from security import reading
from security.dependencies.model import normalise
from security.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ECOSYSTEM = "PyPI"
KNOWN_NAMES = "packages.txt"
"""Optional: every name that the index has, one a line; so an unknown package is told from one without advisories."""

MAX_ENTRY = 8_000_000
MAX_ENTRIES = 1_000_000
MAX_TOTAL = 4_000_000_000


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What of it concerns the project.

    Parameters
    ----------
    entries:
        Advisories by package; withdrawn ones left out.
    names:
        Names that the index has; None where the snapshot does not say.
    total, unreadable:
        How many advisories there were, and files that are none.
    modified:
        When the newest one was written: the snapshot's date, because a file's own date tells when it was copied.
    """

    path: str
    entries: dict[str, tuple[dict[str, Any], ...]]
    names: frozenset[str] | None
    total: int
    unreadable: int
    modified: datetime

    def age(self, now: datetime) -> float:
        """Days."""
        return max(0.0, (now - self.modified).total_seconds() / 86400)


def load(path: Path, wanted: frozenset[str], *, now: datetime) -> Snapshot:
    """Read all of it once.

    Raises
    ------
    EngineError
        It is neither a zip nor a folder, holds no advisory, or more than fits: then nothing can be judged by it.
    """
    entries: dict[str, list[dict[str, Any]]] = {}
    names: frozenset[str] | None = None
    total = unreadable = 0
    newest = datetime.min.replace(tzinfo=UTC)
    for name, data in contents(path):
        if name == KNOWN_NAMES:
            names = frozenset(normalise(line) for line in data.decode("utf-8", "replace").split())
            continue
        advisory = parse(data)
        if advisory is None:
            unreadable += 1
            continue
        total += 1
        modified = moment(advisory.get("modified"))
        if modified is not None and modified <= now + timedelta(days=1):
            newest = max(newest, modified)
        if not advisory.get("withdrawn"):
            for package in wanted & packages(advisory):
                entries.setdefault(package, []).append(advisory)
    if not total:
        raise EngineError(f"{path} holds no advisory in OSV's format")
    return Snapshot(
        path=str(path),
        entries={name: tuple(sorted(found, key=lambda one: str(one["id"]))) for name, found in entries.items()},
        names=names,
        total=total,
        unreadable=unreadable,
        modified=newest,
    )


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file that matters, sorted by name."""
    try:
        if path.is_dir():
            for file in sorted(path.rglob("*")):
                if file.suffix == ".json" or file.name == KNOWN_NAMES:
                    yield file.name, reading.data(file, limit=MAX_ENTRY)
        else:
            yield from _zipped(path)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, reading.UnreadableError) as error:
        raise EngineError(f"the advisories {path} cannot be read: {error}") from error


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        members = sorted(archive.infolist(), key=lambda member: member.filename)
        if len(members) > MAX_ENTRIES:
            raise EngineError(f"the advisories {path} have more than {MAX_ENTRIES} entries")
        read = 0
        for member in members:
            name = member.filename.rpartition("/")[2]
            if not name.endswith(".json") and name != KNOWN_NAMES:
                continue
            with archive.open(member) as file:
                # The size that a zip declares need not be true.
                data = file.read(MAX_ENTRY + 1)
            read += len(data)
            if len(data) > MAX_ENTRY or read > MAX_TOTAL:
                raise EngineError(f"the advisories {path} unpack to more than is plausible at {name[:80]}")
            yield name, data


def parse(data: bytes) -> dict[str, Any] | None:
    """One advisory; None for anything else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        return None
    return document if isinstance(document.get("affected"), list) else None


def packages(advisory: dict[str, Any]) -> frozenset[str]:
    """Normalised names of the packages that it speaks of."""
    found = (entry.get("package") for entry in advisory["affected"] if isinstance(entry, dict))
    return frozenset(
        normalise(str(package.get("name", "")))
        for package in found
        if isinstance(package, dict) and package.get("ecosystem") == ECOSYSTEM
    )


def moment(text: object) -> datetime | None:
    """An RFC 3339 time."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
