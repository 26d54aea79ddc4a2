"""Which files a run looks at, decided once for all engines, and which it leaves out, said aloud."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from security import reading

MAX_BYTES = 5_000_000
"""A larger source file is generated; parsing one takes more memory than the run profile has."""

MAX_MANIFEST = reading.MAX_BYTES

SUFFIXES = (".py", ".pyw")

MANIFESTS = (
    "uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pylock.*.toml", "requirements*.txt",
    "*requirements.txt", "requirements*.in", "pyproject.toml",
)  # fmt: skip

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
    manifests:
        Files that name dependencies, sorted.
    """

    root: Path
    files: tuple[str, ...]
    left_out: dict[str, str]
    unreadable: dict[str, str]
    manifests: tuple[str, ...] = ()


def collect(root: Path, *, results: Path, exclude: tuple[str, ...] = ()) -> Targets:
    """Walk `root` without following a link, a device or a pipe out of it; `results` is our own and left out."""
    walk = _Walk(root=root, results=results, exclude=exclude)
    walk.run()
    return Targets(
        root=root,
        files=tuple(sorted(walk.files)),
        left_out=walk.left_out,
        unreadable=walk.unreadable,
        manifests=tuple(sorted(walk.manifests)),
    )


@dataclass(kw_only=True)
class _Walk:
    """What has been seen so far. Paths are texts, not `Path`s: any bytes are allowed in them."""

    root: Path
    results: Path
    exclude: tuple[str, ...]
    files: list[str] = field(default_factory=list)
    manifests: list[str] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)

    def run(self) -> None:
        for folder, names, entries in os.walk(self.root, onerror=self.failed):
            for name in list(names):
                path = os.path.join(folder, name)  # noqa: PTH118
                try:
                    reason = folder_reason(Path(path), self.results)
                except OSError as error:  # deeper than a path can be long
                    names.remove(name)
                    self.failed(error)
                    continue
                if reason:
                    names.remove(name)
                    self.left_out[self.relative(path)] = reason
            for name in entries:
                path = os.path.join(folder, name)  # noqa: PTH118
                try:
                    self.entry(path, self.relative(path), name)
                except OSError as error:
                    self.failed(error)

    def relative(self, path: str) -> str:
        return os.path.relpath(path, self.root)

    def failed(self, error: OSError) -> None:
        name = self.relative(os.fspath(error.filename or self.root))
        self.unreadable[name] = error.strerror or "cannot be read"

    def entry(self, path: str, name: str, last: str) -> None:
        manifest, source = is_manifest(name), last.endswith(SUFFIXES)
        if not manifest and not source:
            return
        if any(fnmatchcase(name, pattern) for pattern in self.exclude):
            self.left_out[name] = "excluded by a setting"
        elif manifest and is_test(name):
            self.left_out[name] = "a manifest among tests"
        else:
            judge(path, name, self.manifests if manifest else self.files, self.left_out, self.unreadable)


def is_manifest(path: str) -> bool:
    """Whether a file names dependencies, by the names that the tools give and the usual ones of requirements files."""
    folder, _, name = path.rpartition("/")
    if folder.endswith("requirements") and name.endswith(".txt"):
        return True
    return any(fnmatchcase(name, pattern) for pattern in MANIFESTS)


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
    elif status.st_size > (MAX_BYTES if name.endswith(SUFFIXES) else MAX_MANIFEST):
        unreadable[name] = f"too large: {status.st_size} bytes"
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
