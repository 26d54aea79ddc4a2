"""Two real registry programs on loopback: Debian's `docker-registry`, and go-containerregistry's `crane registry`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import local_registry, toolbox
from galway.local_registry import LocalRegistry
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("docker-registry", "crane")


class Crane(LocalRegistry):
    """The second registry program; it keeps manifests in memory."""

    def command(self) -> tuple[str, ...]:
        return (str(self.program), "registry", "serve", "--address", self.name, "--disk", str(self.storage))


def start(kind: str, folder: Path, **fields: object) -> LocalRegistry:
    tool = toolbox.ensure(Workspace.here(), "crane" if kind == "crane" else local_registry.TOOL)
    folder.mkdir(parents=True, exist_ok=True)
    made = (Crane if kind == "crane" else LocalRegistry)(program=tool.path, folder=folder, **fields)  # type: ignore[arg-type]
    made.start()
    return made
