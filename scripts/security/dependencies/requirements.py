"""Requirements files: pinned ones are as good as a lock; includes and constraints are followed inside of the tree."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from security.dependencies.model import Dependency, Manifest, Reason, normalise
from security.dependencies.tables import ManifestError

MAX_FILES = 50
INCLUDE = re.compile(r"(?:-r|--requirement)(?:[ =]\s*|(?=\S))(?P<path>.+)")
CONSTRAINT = re.compile(r"(?:-c|--constraint)(?:[ =]\s*|(?=\S))(?P<path>.+)")
EDITABLE = re.compile(r"(?:-e|--editable)(?:[ =]\s*|(?=\S))(?P<target>.+)")
INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url|-f|--find-links)\b")
HASH = re.compile(r"--hash[ =]([a-z0-9]+:[0-9a-f]+)")
OPTION = re.compile(r"\s--[a-z-]+[ =]\S+")
COMMENT = re.compile(r"(?:^|\s)#.*$")
REMOTE = re.compile(r"(?:git|hg|svn|bzr)\+|https?://|ftp://", re.IGNORECASE)

Reader = Callable[[str], str]
"""Text of a file by its path relative to the scanned folder; raises ManifestError."""


@dataclass
class _State:
    """What has been read so far."""

    read: Reader
    files: set[tuple[str, bool]] = field(default_factory=set)
    found: dict[tuple[str, str], Dependency] = field(default_factory=dict)
    constraints: dict[str, str] = field(default_factory=dict)


def parse(content: str, path: str, read: Reader) -> Manifest:
    """One file and all that it includes; constraints only pin what a requirement names."""
    state = _State(read=read)
    _file(content, path, state, constraint=False)
    dependencies = tuple(_constrained(dependency, state.constraints) for dependency in state.found.values())
    return Manifest(path=path, kind="requirements", dependencies=dependencies)


def _constrained(dependency: Dependency, constraints: dict[str, str]) -> Dependency:
    version = constraints.get(dependency.name, "")
    if dependency.unjudgeable is Reason.UNPINNED and version:
        return Dependency(**{**vars(dependency), "version": version, "unjudgeable": None, "detail": "by a constraint"})
    return dependency


def _file(content: str, path: str, state: _State, *, constraint: bool) -> None:
    if (path, constraint) in state.files:
        return
    state.files.add((path, constraint))
    if len(state.files) > MAX_FILES:
        raise ManifestError(f"more than {MAX_FILES} files include one another")
    for number, line in logical_lines(content):
        _line(line, number, path, state, constraint=constraint)


def logical_lines(content: str) -> list[tuple[int, str]]:
    """Lines joined at a backslash, without comments, with the number of the first."""
    found = []
    joined, start = "", 0
    for number, line in enumerate(content.splitlines(), start=1):
        start = start if joined else number
        stripped = line if not joined else line.lstrip()
        if stripped.rstrip().endswith("\\") and not stripped.lstrip().startswith("#"):
            joined += stripped.rstrip()[:-1]
            continue
        text = COMMENT.sub("", joined + stripped).strip()
        joined = ""
        if text:
            found.append((start, text))
    return [*found, (start, joined.strip())] if joined.strip() else found


def _line(line: str, number: int, path: str, state: _State, *, constraint: bool) -> None:
    for pattern, is_constraint in ((INCLUDE, False), (CONSTRAINT, True)):
        if match := pattern.fullmatch(line):
            target = inside(path, match["path"].strip().strip("\"'"))
            _file(state.read(target), target, state, constraint=is_constraint or constraint)
            return
    if match := EDITABLE.fullmatch(line):
        _add(_elsewhere(match["target"], number), state)
    elif INDEX.match(line) or line.startswith("-"):
        return
    elif constraint:
        name, version = pinned(OPTION.sub("", line))
        if version:
            state.constraints[name] = version
    else:
        _add(requirement(line, number), state)


def inside(path: str, target: str) -> str:
    """The included file's path relative to the scanned folder.

    Raises
    ------
    ManifestError
        It lies elsewhere or on a server: nothing outside of the scanned folder is read.
    """
    found = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120 - a text, not a file
    if REMOTE.match(target) or os.path.isabs(found) or found.split("/")[0] == "..":  # noqa: PTH117
        raise ManifestError(f"it includes {target[:80]}, which is not in the scanned folder")
    return found


def _add(dependency: Dependency, state: _State) -> None:
    state.found.setdefault((dependency.name, dependency.version), dependency)


def _elsewhere(target: str, number: int) -> Dependency:
    """`-e`, a URL or a path: named by its egg or its last part."""
    reason = Reason.VCS if REMOTE.search(target) else Reason.PRIVATE
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", target)
    tail = re.split(r"[/\\]", target.split("#", maxsplit=1)[0].split("@", maxsplit=1)[0].rstrip("/"))[-1]
    name = normalise(egg[1] if egg else tail.removesuffix(".git")) or "."
    return Dependency(name=name, version="", line=number, unjudgeable=reason, detail=target[:200])


def requirement(line: str, number: int) -> Dependency:
    """One requirement; whatever packaging does not take is named and not evaluated."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    hashes = tuple(sorted(HASH.findall(line)))
    bare = OPTION.sub("", line).strip()
    if REMOTE.match(bare) or bare.startswith((".", "/")):
        return _elsewhere(bare, number)
    try:
        parsed = Requirement(bare)
    except InvalidRequirement:
        name = normalise(re.split(r"[^A-Za-z0-9._-]", bare)[0]) or "?"
        return Dependency(
            name=name, version="", line=number, unjudgeable=Reason.PARSE_ERROR, detail=bare[:200], hashes=hashes
        )
    _, version = pinned(bare)
    reason = Reason.VCS if parsed.url else None if version else Reason.UNPINNED
    return Dependency(
        name=normalise(parsed.name),
        version=version,
        line=number,
        unjudgeable=reason,
        detail="" if version else bare[:200],
        marker=str(parsed.marker or ""),
        hashes=hashes,
    )


def pinned(bare: str) -> tuple[str, str]:
    """Name and exact version; no version where a range is given."""
    from packaging.requirements import InvalidRequirement, Requirement  # noqa: PLC0415

    try:
        parsed = Requirement(bare)
    except InvalidRequirement:
        return "", ""
    exact = [s for s in parsed.specifier if s.operator in ("==", "===") and not s.version.endswith(".*")]
    return normalise(parsed.name), exact[0].version if exact else ""
