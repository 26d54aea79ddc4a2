"""Examines the machine, the tools and, when asked, every pin: what is there, from where, and how to get the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.bases import registry_probe
from galway.doctor import machine, pins
from galway.doctor.check import FAILED, MISSING, NOT_EVALUATED, OK, WARNING, Check, verdict
from galway.errors import GalwayError
from galway.toolbox import web
from galway.toolbox.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from galway.workspace import Workspace

__all__ = ["FAILED", "MISSING", "NOT_EVALUATED", "OK", "WARNING", "Check", "examine", "verdict"]


def examine(workspace: Workspace, *, online: bool = False) -> list[Check]:
    """Examine this machine and checkout; a broken table of the project is a line too, not the end.

    Parameters
    ----------
    online:
        Also ask the publishers about every pin (`inv doctor --online`).
    """
    checks = [
        *machine.programs(workspace),
        *machine.engines(workspace),
        *_guarded("docker/tools.toml", lambda: machine.tools(workspace)),
        *machine.linters(),
        *machine.disk(workspace),
        machine.certificates(),
    ]
    with web.session() as session:
        checks += _guarded("docker/images.toml", lambda: machine.reach(machine.servers(workspace), session))
        if online:
            publishers = Upstream(session=session)
            registries = registry_probe.endpoints()
            checks += _guarded("docker/bases.toml", lambda: pins.bases(workspace, publishers, registries))
            checks += _guarded("docker/tools.toml", lambda: pins.tools(workspace, publishers))
            checks += pins.actions(workspace, publishers)
    return checks


def _guarded(name: str, examination: Callable[[], Iterable[Check]]) -> Iterator[Check]:
    """The lines of an examination, or one that says why it ended."""
    try:
        yield from examination()
    except GalwayError as error:
        yield Check(name=name, status=MISSING, found=error.message, fix=error.hint)
