"""Compares the files as they are with a commit's tree."""

from __future__ import annotations

import hashlib
import os
import stat
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from security import reading
from security.changes.repository import Repository, UnknownError
from security.targets import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from security.targets import Targets

MAX_ENTRIES = 500_000
MAX_LINES = 20_000
"""Comparing line by line is quadratic at worst; a longer file counts as changed in all lines."""


def hunks(repository: Repository, base: bytes, targets: Targets) -> dict[str, tuple[tuple[int, int], ...] | None]:
    """Changed lines of every scanned file; the working tree counts as it is, committed or not."""
    before = tree(repository, repository.store[base].tree)  # type: ignore[index,attr-defined]
    changed: dict[str, tuple[tuple[int, int], ...] | None] = {}
    for name in (*targets.files, *targets.manifests):
        known = before.get(os.fsencode(name))
        data = read(targets.root, name)
        if known is None or data is None:
            changed[name] = None
        elif known not in (blob_id(data), blob_id(data.replace(b"\r\n", b"\n"))):
            old = repository.store[known]  # type: ignore[index]
            changed[name] = lines(old.as_raw_string(), data)
    return changed


def read(root: Path, name: str) -> bytes | None:
    """A file's bytes; None where they cannot be had, which counts as changed."""
    try:
        return reading.data(root / name, limit=MAX_BYTES)
    except reading.UnreadableError:
        return None


def tree(repository: Repository, root: bytes) -> dict[bytes, bytes]:
    """Blob ids of all regular files of a tree, by path."""
    found: dict[bytes, bytes] = {}
    pending = [(b"", root)]
    entries = 0
    while pending:
        prefix, identifier = pending.pop()
        for name, mode, entry in repository.store[identifier].items():  # type: ignore[index,attr-defined]
            entries += 1
            if entries > MAX_ENTRIES or prefix.count(b"/") > 200:
                raise UnknownError("the base commit's tree is too large")
            if stat.S_ISDIR(mode):
                pending.append((prefix + name + b"/", entry))
            elif stat.S_ISREG(mode):
                found[prefix + name] = entry
    return found


def blob_id(data: bytes) -> bytes:
    """The name under which git stores a file's content."""
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest().encode()


def lines(old: bytes, new: bytes) -> tuple[tuple[int, int], ...] | None:
    """Changed lines (first, last) of the new text; a place where lines only went away is the lines around it."""
    before, after = old.replace(b"\r\n", b"\n").split(b"\n"), new.replace(b"\r\n", b"\n").split(b"\n")
    if max(len(before), len(after)) > MAX_LINES:
        return None
    found = []
    for kind, _, _, begin, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "delete":
            found.append((max(1, begin), begin + 1))
        elif kind != "equal":
            found.append((begin + 1, end))
    return tuple(found)
