"""Three real registry programs on loopback: Debian's `docker-registry`, `crane registry`, and olareg with referrers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import local_registry, toolbox
from galway.local_registry import LocalRegistry
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path


class Crane(LocalRegistry):
    """The second registry program; it keeps manifests in memory."""

    def command(self) -> tuple[str, ...]:
        return (str(self.program), "registry", "serve", "--address", self.name, "--disk", str(self.storage))


class Olareg(LocalRegistry):
    """The third; it alone answers the referrers API (distribution specification 1.1), and keeps all of it on disk."""

    def command(self) -> tuple[str, ...]:
        address = ("--addr", local_registry.LOOPBACK, "--port", str(self.port))
        return (str(self.program), "serve", *address, "--dir", str(self.storage), "--api-delete")


PROGRAMS = {local_registry.TOOL: LocalRegistry, "crane": Crane, "olareg": Olareg}
NAMES = tuple(PROGRAMS)


def start(kind: str, folder: Path, **fields: object) -> LocalRegistry:
    tool = toolbox.ensure(Workspace.here(), kind)
    folder.mkdir(parents=True, exist_ok=True)
    made = PROGRAMS[kind](program=tool.path, folder=folder, **fields)  # type: ignore[arg-type]
    made.start()
    return made
