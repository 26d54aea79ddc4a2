"""Galway's own Docker engine: started from the cache on a private socket, stopped without a trace."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from galway import process
from galway.engine import client, daemons, emulation, hoststate, packages, residents
from galway.engine.lock import locked
from galway.engine.places import RUN, Places
from galway.errors import ConfigurationError, MissingToolError

if TYPE_CHECKING:
    from galway.engine.packages import Programs, Say
    from galway.workspace import Workspace

LONGEST = 160
"""Bytes of the cache's path."""

DOCKER_HINT = "install Docker and start it, or point DOCKER_HOST at a machine that has it"


def refusal(*, system: str, root: bool, apt: bool) -> MissingToolError | None:
    """Why this machine cannot run the embedded engine, if it cannot."""
    if system != "linux":
        return MissingToolError("no Docker engine answers, and the embedded one runs on Linux only", hint=DOCKER_HINT)
    if not apt:
        return MissingToolError(
            "no Docker engine answers, and the embedded one needs Debian or Ubuntu (dpkg and apt)", hint=DOCKER_HINT
        )
    if not root:
        return MissingToolError(
            "no Docker engine answers, and the embedded one needs root", hint=f"{DOCKER_HINT}, or run this as root"
        )
    return None


def unusable(cache: str) -> str | None:
    """What in a cache's path keeps the engine's programs from working, if anything does.

    The kernel's overlayfs splits its options at `,` and `:` and takes `\\` as an escape, PATH splits at `:`, apt's
    configuration quotes with `"`; iptables has 255 bytes for the path of an extension, which lies 86 below the cache.
    """
    bad = [character for character in ':,\\"\n' if character in cache]
    if bad:
        return f"the character {bad[0]!r}"
    return f"more than {LONGEST} bytes" if len(os.fsencode(cache)) > LONGEST else None


def check_cache(places: Places) -> None:
    """Refuse a cache whose path the engine cannot work in.

    Raises
    ------
    ConfigurationError
        Its name has a character that other programs take as their own, or is too long.
    """
    if reason := unusable(str(places.home.parent)):
        raise ConfigurationError(
            f"the embedded engine cannot run from {places.home.parent}: the path has {reason}",
            hint="set GALWAY_CACHE to another folder",
        )


def check_host() -> None:
    """Refuse a machine that cannot run it.

    Raises
    ------
    MissingToolError
        Not Linux, not of Debian's family, or not root.
    """
    apt = all(shutil.which(name) for name in ("apt-get", "dpkg-deb", "unshare"))
    if error := refusal(system=sys.platform, root=os.geteuid() == 0, apt=apt):
        raise error


def start(workspace: Workspace, *, say: Say) -> None:
    """Install what is missing, mend what a crash left, start; does nothing where it runs already.

    Raises
    ------
    ConfigurationError
        The cache's path is one that it cannot run from.
    MissingToolError
        It cannot run here; one line says why.
    """
    check_host()
    places = Places.of(workspace)
    check_cache(places)
    with locked(places, say=say):
        programs = packages.install(places.home, say=say)
        client.prepare(places, programs)
        if daemons.healthy(places, seconds=daemons.BUSY_SECONDS):
            return
        _check_alone(places)
        residents.end(places, grace=3.0)
        packages.remove_others(places.home, programs)
        with packages.room_in(places.home, needed=200_000_000):
            _prepare(places, programs)
            say("starting the embedded Docker engine")
            daemons.launch(programs, places)


def install_client(workspace: Workspace, *, say: Say) -> None:
    """Install the private docker command and its plugins without starting anything; needs no root.

    Raises
    ------
    MissingToolError
        The archive cannot be reached from here.
    """
    places = Places.of(workspace)
    check_cache(places)
    with locked(places, say=say):
        client.prepare(places, packages.install(places.home, say=say))


def stop(workspace: Workspace, *, say: Say) -> bool:
    """End the engine and everything in it, and give the host back as it was; images and caches stay.

    Returns
    -------
    bool
        Whether there was anything to stop.
    """
    places = Places.of(workspace)
    if not places.run.exists():
        return False
    with locked(places, say=say):
        if residents.all_of(places):
            say("stopping the embedded Docker engine")
        residents.end(places)
        emulation.undo(places)
        hoststate.remove_cgroups(places.name, places.containers)
        programs, before = packages.installed(places.home), hoststate.load(places.before)
        if before is not None:
            hoststate.restore(before, programs.env if programs else None)
        shutil.rmtree(places.run, ignore_errors=True)
    return True


def remove(workspace: Workspace) -> None:
    """Stop it and delete its folder, images included."""
    places = Places.of(workspace)
    stop(workspace, say=lambda _line: None)
    if places.home.exists():
        shutil.rmtree(places.home)


def _prepare(places: Places, programs: Programs) -> None:
    """Write the note and the configuration; a note of this boot stays: it is older than a killed engine's traces."""
    places.run.mkdir(mode=0o755, exist_ok=True)
    if hoststate.load(places.before) is None:
        hoststate.save(hoststate.note(programs.env), places.before)
    (places.run / "cache").write_bytes(os.fsencode(places.home.parent))
    shutil.rmtree(places.run / "exec", ignore_errors=True)
    for name in ("dockerd.pid", "docker.sock"):
        (places.run / name).unlink(missing_ok=True)
    hoststate.remove_cgroups(places.name, places.containers)
    places.data.mkdir(mode=0o711, parents=True, exist_ok=True)


def _check_alone(places: Places) -> None:
    """Two daemons in one network namespace would fight over docker0 and each other's firewall chains.

    Raises
    ------
    MissingToolError
        The engine of another cache runs on this machine.
    """
    for owner in sorted(RUN.glob("galway-*/cache")):
        other = Path(os.fsdecode(owner.read_bytes()))
        there = Places(home=other / "engine", name=owner.parent.name, run=owner.parent)
        if there.name != places.name and residents.daemon(there) is not None:
            raise MissingToolError(
                f"the embedded engine of another cache runs on this machine: {other}",
                hint=f"stop it first: GALWAY_CACHE={process.quote([str(other)])} scripts/inv engine.stop",
            )
