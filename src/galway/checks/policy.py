"""What an image is held to by its tests, in words that change when any of it does."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from galway.catalog import Image

FILES = ("docker/content.toml", "docker/sbom.toml")


def of(root: Path, image: Image) -> tuple[str, ...]:
    """What an image is held to, as records write it: its budget, its run profile, and the files that say more.

    Parameters
    ----------
    root:
        The checkout, whose files are hashed.
    """
    files = [image.structure_test, *FILES, *([image.run.seccomp] if image.run.seccomp != "default" else [])]
    profile = hashlib.sha256(msgspec.json.encode(image.run)).hexdigest()
    return (
        f"size_budget={image.size_budget}",
        f"run_profile={profile}",
        *(f"{name}={hashlib.sha256((root / name).read_bytes()).hexdigest()}" for name in files),
    )
