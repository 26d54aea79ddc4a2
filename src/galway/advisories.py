"""Fetches OSV's export of Python advisories, the scanner's snapshot, and checks that it is one before it is kept."""

from __future__ import annotations

import datetime
import json
import os
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests

from galway import host
from galway.errors import ConfigurationError, NotEvaluatedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LARGEST = 512 << 20
"""Bytes of the export that are taken; it has about 30 MB."""

FEWEST = 1000
"""Advisories below which it is no whole export: PyPI has more than ten times as many."""

SAMPLE = 25
"""Entries that are read for their newest date and shape."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A checked export.

    Parameters
    ----------
    count:
        Advisories in it.
    newest:
        When the youngest one was last modified.
    """

    path: Path
    count: int
    newest: datetime.datetime

    def age(self, now: datetime.datetime) -> int:
        """Whole days since its youngest advisory."""
        return (now - self.newest).days


def fetch(path: Path, *, address: str, advance: Callable[[int], None] = lambda _size: None) -> Snapshot:
    """Download aside, check, and put in place; an older one stays where the new one is not good.

    Raises
    ------
    NotEvaluatedError
        It cannot be reached, or breaks off.
    ConfigurationError
        What came is no export, or the disk is full.
    """
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    bundle = host.ca_bundle()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with requests.get(address, stream=True, timeout=(10, 60), verify=str(bundle) if bundle else True) as answer:
            answer.raise_for_status()
            with aside.open("wb") as sink:
                for chunk in answer.iter_content(1 << 20):
                    advance(sink.write(chunk))
                    if sink.tell() > LARGEST:
                        raise ConfigurationError(f"the advisories at {address} are larger than {LARGEST >> 20} MB")
        found = read(aside)
        aside.replace(path)
    except requests.RequestException as error:
        raise NotEvaluatedError(
            f"OSV's export cannot be fetched: {type(error).__name__}",
            hint="name a mirror in OSV_EXPORT, or copy PyPI/all.zip from a machine that reaches it",
            detail=str(error),
        ) from error
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}", hint="free some disk") from error
    finally:
        aside.unlink(missing_ok=True)
    return Snapshot(path=path, count=found.count, newest=found.newest)


def read(path: Path) -> Snapshot:
    """Check an export: a whole zip of JSON advisories about PyPI packages.

    Raises
    ------
    ConfigurationError
        It is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.endswith(".json")]
            if len(names) < FEWEST:
                raise ConfigurationError(f"{path} holds {len(names)} advisories, too few for a whole export")
            # Python's own zip reader takes the last change of each entry from the directory: no need to read them all.
            newest = sorted(archive.infolist(), key=lambda entry: entry.date_time)[-SAMPLE:]
            dates = [_modified(json.loads(archive.read(entry))) for entry in newest if entry.filename in set(names)]
    except (zipfile.BadZipFile, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path} is no export of advisories: {error}", hint="fetch it again") from error
    if not dates:
        raise ConfigurationError(f"{path} is no export of advisories: it has no date", hint="fetch it again")
    return Snapshot(path=path, count=len(names), newest=max(dates))


def _modified(advisory: dict[str, object]) -> datetime.datetime:
    affected = advisory.get("affected")
    if not isinstance(affected, list) or "id" not in advisory:
        raise TypeError("an entry is no advisory in OSV's format")
    return datetime.datetime.fromisoformat(str(advisory["modified"]))
