"""Where things are: the repository, its `.galway` folder of artefacts, and the user's cache."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs

REPOSITORY = Path(__file__).resolve().parents[2]
"""The checkout that this package runs from (uv installs it editable)."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The folders of one checkout and its user.

    Parameters
    ----------
    root:
        The repository.
    cache:
        Per user, shared by checkouts: tools, the embedded engine, stand-in bases. `GALWAY_CACHE` moves it.
    """

    root: Path
    cache: Path

    @classmethod
    def here(cls) -> Self:
        """This checkout, with the cache that the environment asks for."""
        cache = os.environ.get("GALWAY_CACHE")
        return cls(root=REPOSITORY, cache=Path(cache).absolute() if cache else platformdirs.user_cache_path("galway"))

    @property
    def state(self) -> Path:
        """`.galway`: everything that commands leave behind in the checkout."""
        return self.root / ".galway"

    def layout(self, image: str) -> Path:
        """The OCI layout of one image."""
        return self.state / "oci" / image

    @property
    def evidence(self) -> Path:
        """The records of every stage."""
        return self.state / "evidence"

    @property
    def sboms(self) -> Path:
        """The bills of materials, a folder for each image and platform."""
        return self.state / "sbom"

    @property
    def plan(self) -> Path:
        """The bake definition of the last plan."""
        return self.state / "plan" / "bake.json"
