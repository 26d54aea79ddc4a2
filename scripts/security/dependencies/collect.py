"""Reads every manifest of the scanned tree."""

from __future__ import annotations

import posixpath
from functools import partial
from typing import TYPE_CHECKING

from security import reading
from security.dependencies import pdm, pipfile, poetry, pylock, pyproject, requirements, uv
from security.dependencies.model import Manifest
from security.dependencies.tables import ManifestError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PARSERS: dict[str, Callable[[str, str], Manifest]] = {
    "uv.lock": uv.parse,
    "poetry.lock": poetry.parse,
    "pdm.lock": pdm.parse,
    "Pipfile.lock": pipfile.parse,
    "pyproject.toml": pyproject.parse,
}
LOCKS = frozenset({"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml"})


def collect(root: Path, names: Sequence[str]) -> tuple[Manifest, ...]:
    """All manifests; a pyproject.toml counts only where nothing beside it or above it pins what it declares."""
    found = [one(root, name) for name in names if posixpath.basename(name) != "pyproject.toml"]
    pinned = {posixpath.dirname(manifest.path) for manifest in found}
    for name in names:
        if posixpath.basename(name) == "pyproject.toml" and not pinned & set(above(posixpath.dirname(name))):
            manifest = one(root, name)
            if manifest.dependencies or manifest.error:
                found.append(manifest)
    return tuple(sorted(found, key=lambda manifest: manifest.path))


def above(folder: str) -> list[str]:
    """A folder and all around it, up to the root (the empty text)."""
    folders = [folder]
    while folder:
        folder = posixpath.dirname(folder)
        folders.append(folder)
    return folders


def one(root: Path, name: str) -> Manifest:
    """One manifest; whatever is wrong with it becomes its error."""
    base = posixpath.basename(name)
    kind = base if base in LOCKS else "pylock.toml" if base.startswith("pylock.") else ""
    if base == "pyproject.toml":
        kind = "declared_only"
    try:
        content = read(root, name)
        if base in PARSERS:
            return PARSERS[base](content, name)
        if kind == "pylock.toml":
            return pylock.parse(content, name)
        return requirements.parse(content, name, partial(read, root))
    except ManifestError as error:
        return Manifest(path=name, kind=kind or "requirements", error=str(error))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        return Manifest(path=name, kind=kind or "requirements", error=f"not what its name says: {type(error).__name__}")


def read(root: Path, name: str) -> str:
    """A file inside of the scanned tree, whichever links lead to it."""
    path = root / name
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            raise ManifestError(f"{name} leads out of the scanned folder")
        return reading.text(path)
    except (reading.UnreadableError, OSError, RuntimeError) as error:
        raise ManifestError(f"{name} was not read: {error}") from error
