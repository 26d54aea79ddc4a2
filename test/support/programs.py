"""Three real registry programs on loopback: Debian's `docker-registry`, `crane registry`, and olareg with referrers.

    registry = programs.start("olareg", tmp_path / "registry")
    ...
    registry.stop()

They are pinned in `docker/tools.toml` and installed when they are first asked for. olareg comes as a Go module alone.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from galway import local_registry, toolbox
from galway.errors import MissingToolError
from galway.local_registry import LocalRegistry
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from galway.toolbox import Tool


class Crane(LocalRegistry):
    """The second registry program; it keeps blobs on disk and manifests in memory, which a restart forgets."""

    def command(self) -> tuple[str, ...]:
        """Its arguments; the port is in `name`."""
        return (str(self.program), "registry", "serve", "--address", self.name, "--disk", str(self.storage))


class Olareg(LocalRegistry):
    """The third; it alone answers the referrers API (distribution specification 1.1), and keeps all of it on disk."""

    def command(self) -> tuple[str, ...]:
        """Its arguments; deleting is allowed, as at the other two."""
        address = ("--addr", local_registry.LOOPBACK, "--port", str(self.port))
        return (str(self.program), "serve", *address, "--dir", str(self.storage), "--api-delete")


PROGRAMS = {local_registry.TOOL: LocalRegistry, "crane": Crane, "olareg": Olareg}
NAMES = tuple(PROGRAMS)

GO_ALONE = ("olareg", "fulcio", "rekor-server", "tesseract", "timestamp-server")
"""Those that have to be built: there is no other source of them."""


def start(kind: str, folder: Path, **fields: object) -> LocalRegistry:
    """A running registry that answers; the caller stops it.

    Parameters
    ----------
    kind:
        One of `NAMES`.
    folder:
        Made where it is missing; holds configuration, log and storage.
    fields:
        More of `LocalRegistry`, for instance `accounts`.

    Raises
    ------
    MissingToolError
        It cannot be installed (see `installed`), or does not answer.
    """
    tool = installed(kind)
    folder.mkdir(parents=True, exist_ok=True)
    made = PROGRAMS[kind](program=tool.path, folder=folder, **fields)  # type: ignore[arg-type]
    made.start()
    return made


def installed(kind: str) -> Tool:
    """A program that tests need, installed first where it is missing.

    Raises
    ------
    MissingToolError
        It cannot be installed. Where only Go is missing, that skips the test, but never in CI.
    """
    try:
        return toolbox.ensure(Workspace.here(), kind)
    except MissingToolError as error:
        if kind not in GO_ALONE or shutil.which("go") or os.environ.get("CI"):
            raise
        pytest.skip(f"{kind} has to be built with Go, which is not installed: {error.message}")
