"""Which files a run looks at, decided once for all engines, and which it leaves out, said aloud."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

MAX_BYTES = 5_000_000
"""A larger source file is generated; parsing one takes more memory than the run profile has."""

SUFFIXES = (".py", ".pyw")

LEFT_OUT = frozenset(
    {".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "site-packages", "__pycache__",
     ".mypy_cache", ".ruff_cache", ".pytest_cache", ".eggs"}
)  # fmt: skip
"""Folders of tools and of other people's code; a dependency is judged by its version, not by its source."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The outcome of the walk; every path is relative to `root`, with `/`.

    Parameters
    ----------
    files:
        What the engines are given, sorted.
    left_out:
        Not looked at on purpose, with the reason.
    unreadable:
        Should have been looked at and could not: these are gaps.
    """

    root: Path
    files: tuple[str, ...]
    left_out: dict[str, str]
    unreadable: dict[str, str]


def collect(root: Path, *, results: Path) -> Targets:
    """Walk `root` without following a link, a device or a pipe out of it; `results` is our own and left out."""
    files: list[str] = []
    left_out: dict[str, str] = {}
    unreadable: dict[str, str] = {}

    def relative(path: str) -> str:
        return os.path.relpath(path, root)

    def failed(error: OSError) -> None:
        unreadable[relative(os.fspath(error.filename))] = error.strerror or "cannot be read"

    for folder, names, entries in os.walk(root, onerror=failed):
        for name in list(names):
            reason = folder_reason(Path(folder, name), results)
            if reason:
                names.remove(name)
                left_out[relative(os.path.join(folder, name))] = reason  # noqa: PTH118 - a str, any bytes allowed
        for name in entries:
            if not name.endswith(SUFFIXES):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118
            try:
                judge(path, relative(path), files, left_out, unreadable)
            except OSError as error:
                failed(error)
    return Targets(root=root, files=tuple(sorted(files)), left_out=left_out, unreadable=unreadable)


def folder_reason(path: Path, results: Path) -> str:
    """Why a folder is not entered; empty if it is."""
    if path == results:
        return "this run's results"
    if path.is_symlink():
        return "a link"
    return "tools and dependencies" if path.name in LEFT_OUT else ""


def judge(path: str, name: str, files: list[str], left_out: dict[str, str], unreadable: dict[str, str]) -> None:
    """Put one entry where it belongs."""
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        left_out[name] = "a link"
    elif not stat.S_ISREG(status.st_mode):
        left_out[name] = "not a regular file"
    elif status.st_size > MAX_BYTES:
        unreadable[name] = f"larger than {MAX_BYTES} bytes"
    elif not os.access(path, os.R_OK):
        unreadable[name] = "no permission to read it"
    else:
        files.append(name)


def is_test(path: str) -> bool:
    """Whether a path is test code by the usual names."""
    *folders, name = path.split("/")
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py" or bool(
        {"test", "tests"} & set(folders)
    )  # fmt: skip
