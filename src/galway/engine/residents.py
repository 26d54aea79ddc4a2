"""The engine's processes, found by what they run and by their control group: a pid file can lie."""

from __future__ import annotations

import os
import re
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from galway.engine.hoststate import cgroups
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from galway.engine.places import Places

PROC = Path("/proc")
TICK = 0.05
"""Seconds between two looks."""

SERVERS = "dockerd|docker-proxy|containerd|containerd-shim.*|runc"
"""Names of the programs that make up the engine."""

KILL_SECONDS = 20.0
"""How long killed processes may take to go; those that write to a slow disk do not go at once."""


def daemon(places: Places) -> int | None:
    """The process that is this engine's dockerd."""
    found = [pid for pid in _running(places) if _program(pid).endswith("/dockerd")]
    return min(found, default=None)


def all_of(places: Places) -> set[int]:
    """Every process of the engine and of its containers."""
    inside = {
        int(pid)
        for top in cgroups(places.name, places.containers)
        for listing in top.rglob("cgroup.procs")
        for pid in _lines(listing)
        if pid.isdigit()
    }
    return _running(places) | inside


def end(places: Places, *, grace: float = 25.0) -> None:
    """End the daemon, which ends its containers, then whatever is left.

    Parameters
    ----------
    grace:
        Seconds that the daemon gets for it.

    Raises
    ------
    MissingToolError
        Processes remain that not even SIGKILL ends (they wait for a device).
    """
    pid = daemon(places)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        _until(lambda: daemon(places) is None, grace)
    if not _until(lambda: not _kill(all_of(places)), KILL_SECONDS):
        left = ", ".join(str(pid) for pid in sorted(all_of(places)))
        raise MissingToolError(f"the embedded engine's processes do not end: {left}", hint="restart the machine")


def _kill(pids: set[int]) -> set[int]:
    for pid in pids:
        _signal(pid, signal.SIGKILL)
    return pids


def _signal(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sign)


def _until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(TICK)
    return True


def _running(places: Places) -> set[int]:
    """The processes that run the engine's servers (a zombie runs nothing); docker commands belong to their users."""
    server = re.compile(re.escape(f"{places.home}/programs-") + rf"[^/]+/usr/s?bin/(?:{SERVERS})")
    return {int(folder.name) for folder in PROC.glob("[0-9]*") if server.fullmatch(_program(int(folder.name)))}


def _program(pid: int) -> str:
    try:
        return str((PROC / str(pid) / "exe").readlink()).removesuffix(" (deleted)")
    except OSError:
        return ""


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []
