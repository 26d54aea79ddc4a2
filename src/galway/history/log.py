"""The log on disk: one JSON object a line, appended in one write, pruned by rewriting it aside.

Each line is written by one call to a file opened for appending, between two line ends, and flushed to the disk: a crash
or a full disk can tear the line that is being written, never one before or after it. The log lies in the user's cache,
so that `inv clean` keeps it and `inv clean --all` leaves no trace of it; each checkout has its own.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from datetime import UTC, timedelta
from typing import TYPE_CHECKING

import msgspec
from filelock import FileLock, Timeout

from galway.errors import BuildError, ConfigurationError
from galway.history.model import Entry, History, Release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from galway.workspace import Workspace

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_PATIENCE = 5.0
"""Seconds to wait for another writer; a line is appended without the lock rather than lost."""


def path(workspace: Workspace) -> Path:
    """Where a checkout's log is."""
    mark = hashlib.sha256(str(workspace.root).encode()).hexdigest()[:8]
    return workspace.cache / "history" / f"{workspace.root.name}-{mark}.jsonl"


def read(workspace: Workspace) -> History:
    """The log of this checkout; what cannot be read in it is counted, never an error."""
    try:
        lines = path(workspace).read_bytes().split(b"\n")
    except OSError:
        return History()
    entries: list[Entry] = []
    ignored = 0
    for line in lines:
        if line:
            try:
                entries.append(msgspec.json.decode(line, type=Entry))
            except msgspec.DecodeError:
                ignored += 1
    return History(entries=tuple(entries), ignored=ignored)


def append(workspace: Workspace, entry: Entry) -> str:
    """Add one line; why it could not be added, or nothing. A log that cannot be written stops no build."""
    target = path(workspace)
    line = b"\n" + msgspec.json.encode(entry) + b"\n"  # begins with an end, so that a torn line stays alone
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            descriptor = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                if os.write(descriptor, line) != len(line):
                    return "the history could not be written in full: the disk is full"
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    except OSError as error:
        return f"the history in {target} cannot be written: {error.strerror}"
    return ""


def prune(workspace: Workspace, *, days: int, now: datetime) -> int:
    """Forget what is older, and torn lines; how many lines went. Each image's last release stays, to compare with.

    Raises
    ------
    ConfigurationError
        The number of days is not one.
    BuildError
        The log cannot be written; it is as it was then.
    """
    if days < 0:
        raise ConfigurationError(f"{days} days is no age", hint="inv scorecard --prune 90")
    target = path(workspace)
    if not target.exists():
        return 0
    with _locked(target):
        known = read(workspace)
        oldest = (now.astimezone(UTC) - timedelta(days=days)).strftime(FORMAT)
        kept = [e for e in known.entries if e.at >= oldest or (isinstance(e, Release) and known.release(e.image) is e)]
        aside = target.with_suffix(f".{os.getpid()}.part")
        try:
            aside.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in kept))
            aside.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                aside.unlink()
            raise BuildError(f"cannot write {target}: {error.strerror}", hint="free some disk and try again") from error
    return len(known.entries) - len(kept) + known.ignored


@contextlib.contextmanager
def _locked(target: Path) -> Iterator[None]:
    lock = FileLock(target.with_suffix(".lock"))
    try:
        lock.acquire(timeout=_PATIENCE)
    except Timeout:
        yield
        return
    try:
        yield
    finally:
        lock.release()
