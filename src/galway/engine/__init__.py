"""Finds a Docker engine, or runs the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.engine import choice, embedded, emulation
from galway.engine.choice import find, removal
from galway.engine.embedded import remove
from galway.engine.model import DOCKER, EMBEDDED, Engine, exports
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from galway.reference import Platform
    from galway.workspace import Workspace

__all__ = ["DOCKER", "EMBEDDED", "Engine", "emulate", "ensure", "exports", "find", "removal", "remove", "start", "stop"]


def _silent(_line: str) -> None:
    """Say nothing."""


def ensure(workspace: Workspace, *, builder: str | None = None, say: Callable[[str], None] = _silent) -> Engine:
    """The engine that answers (see `choice`), or else the embedded one, started.

    Raises
    ------
    ConfigurationError
        No builder has the name that was asked for.
    MissingToolError
        No engine, and none can be started here.
    """
    return choice.ensure(workspace, builder=builder, say=say)


def start(workspace: Workspace, *, say: Callable[[str], None] = _silent) -> Engine:
    """Start the embedded engine, whether or not another Docker answers.

    Raises
    ------
    MissingToolError
        It cannot run here.
    """
    embedded.start(workspace, say=say)
    engine = choice.find_embedded(workspace)
    if engine is None:
        raise MissingToolError("the embedded engine stopped again as soon as it had started", hint="run this again")
    return engine


def stop(workspace: Workspace, *, say: Callable[[str], None] = _silent) -> bool:
    """Stop the embedded engine and undo `emulate`; nothing stays on the host but images and caches on disk.

    Returns
    -------
    bool
        Whether there was anything to stop.
    """
    return embedded.stop(workspace, say=say)


def emulate(workspace: Workspace, platform: Platform, *, say: Callable[[str], None] = _silent) -> None:
    """Make the engine, and with the embedded one this machine, able to run programs of `platform`.

    Needs no running engine. The user's own Docker is asked, never changed.

    Raises
    ------
    MissingToolError
        The user's Docker cannot run the platform, or qemu cannot be had here.
    """
    engine = find(workspace)
    if engine is not None and engine.kind == DOCKER:
        if platform not in engine.platforms:
            raise emulation.refusal(platform)
        return
    # The embedded engine is not asked: BuildKit goes on listing a platform whose emulator has been taken away.
    embedded.check_host()
    emulation.register(workspace, platform, say=say)
