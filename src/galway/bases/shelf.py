"""Where finished stand-ins lie in the user's cache, and the list of packages beside each."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import msgspec

from galway.bases import oci
from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from galway.bases.pins import OfficialBase
    from galway.reference import Platform
    from galway.workspace import Workspace

FORMAT = 2
"""Raised when the same recipe must give other bytes, so that no stand-in made before is used."""


def folder(workspace: Workspace) -> Path:
    """Where stand-ins and what they are made from lie."""
    return workspace.cache / "bases"


def layout(workspace: Workspace, base: OfficialBase, name: str = "") -> oci.Layout:
    """The layout of a base's stand-in, or of one of its ancestors; there or not.

    Its key is what the recipe and its ancestors say, not what the archive holds: a warm build asks no archive, and a
    platform that is added later joins the others.
    """
    name = name or base.recipe_name
    lineage = base.lineage[: base.lineage.index(name) + 1]
    recipes = [msgspec.json.encode(base.recipes[ancestor], order="sorted") for ancestor in lineage]
    text = b"\n".join([str(FORMAT).encode(), base.stands_for(name).encode(), *recipes])
    key = hashlib.sha256(text).hexdigest()[:16]
    return oci.Layout(folder(workspace) / name / key)


def record(shelved: oci.Layout, platform: Platform) -> dict[str, Any]:
    """What `packages.json` says of one platform: `archive` (release dates by suite) and `packages`.

    Raises
    ------
    BuildError
        The file is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(_path(shelved).read_bytes())[str(platform)]
    except (OSError, ValueError, LookupError) as error:
        raise BuildError(
            f"the stand-in in {shelved.folder} lost its package list", hint="delete that folder"
        ) from error
    return found


def write_record(shelved: oci.Layout, platform: Platform, entry: Mapping[str, Any]) -> None:
    """Add one platform to `packages.json`."""
    path = _path(shelved)
    table = json.loads(path.read_bytes()) if path.is_file() else {}
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps({**table, str(platform): entry}, indent=1, sort_keys=True) + "\n")
    draft.replace(path)


def _path(shelved: oci.Layout) -> Path:
    return shelved.folder / "packages.json"
