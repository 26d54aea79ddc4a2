"""Provides stand-ins: nothing where they are there, else a workshop under a lock, families at the same time."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING

from galway import engine, turns
from galway.archive import Mirror
from galway.bases import shelf
from galway.bases.workshop import Workshop
from galway.errors import BuildError, GalwayError, MissingToolError
from galway.process import ProcessError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.bases.pins import OfficialBase
    from galway.workspace import Workspace

NEEDED_BYTES = 3_000_000_000
"""Room for two root filesystems, their packages and layers while they are made."""

_PROGRAMS = ("apt-get", "apt-cache", "dpkg", "dpkg-deb", "unshare", "tar")

HINT = "name a mirror of Docker Hub in GALWAY_HUB_MIRROR, or run as root on Debian (in a virtual machine or container)"


def provide(
    workspace: Workspace,
    wanted: Sequence[tuple[OfficialBase, Sequence[Platform]]],
    *,
    because: str,
    say: Callable[[str], None],
) -> None:
    """Make the platforms that are missing; what is there costs nothing and asks nobody.

    Parameters
    ----------
    wanted:
        Bases, each with its platforms.
    because:
        Why stand-ins are needed, for the error where they cannot be made.
    say:
        Told of each step.

    Raises
    ------
    MissingToolError
        Not root on Debian, the archive does not answer, or a platform cannot be emulated.
    BuildError
        The disk is full, or a stand-in is not what it should be.
    """
    if not missing(workspace, wanted):
        return
    check_host(because)
    mirror = Mirror.of_host()
    if mirror.distribution != "debian":
        raise MissingToolError(
            f"{because}, and stand-ins need root on Debian: this system's apt has {mirror.distribution}'s archive",
            hint=HINT,
        )
    home = shelf.folder(workspace)
    with turns.turn(home / "lock", "another command that makes stand-ins", say=say):
        needed = missing(workspace, wanted)
        if not needed:
            return  # another process made them meanwhile
        for stale in home.glob("work-*"):
            shutil.rmtree(stale)
        if shutil.disk_usage(home).free < NEEDED_BYTES:
            raise disk_full(home)
        for foreign in sorted({platform for _, platform in needed} - {Platform.of_host()}):
            engine.emulate(workspace, foreign, say=say)
        with tempfile.TemporaryDirectory(prefix="work-", dir=home) as work:
            _run(Workshop(workspace=workspace, mirror=mirror, work=Path(work), say=say), needed)
        shutil.rmtree(home / "apt", ignore_errors=True)


def missing(
    workspace: Workspace, wanted: Sequence[tuple[OfficialBase, Sequence[Platform]]]
) -> list[tuple[OfficialBase, Platform]]:
    """The stand-ins that are still to be made."""
    found = []
    for base, platforms in wanted:
        there = shelf.layout(workspace, base).manifests
        found += [(base, platform) for platform in platforms if platform not in there]
    return found


def check_host(because: str) -> None:
    """Refuse where no stand-in can be made.

    Raises
    ------
    MissingToolError
        Not root, or not a system with Debian's tools.
    """
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    if os.geteuid() != 0 or absent:
        lacks = f"; missing here: {', '.join(absent)}" if absent else ""
        raise MissingToolError(f"{because}, and stand-ins need root on Debian{lacks}", hint=HINT)


def disk_full(home: Path) -> BuildError:
    """The one error for a disk without room."""
    return BuildError(
        f"no room to make stand-in bases in {home}",
        hint=f"free {NEEDED_BYTES // 10**9} GB there, or move the cache with GALWAY_CACHE",
    )


def _run(shop: Workshop, needed: Sequence[tuple[OfficialBase, Platform]]) -> None:
    """Work off what is missing: one family after its ancestor, families and platforms at the same time."""
    families: dict[tuple[str, Platform], list[OfficialBase]] = {}
    for base, platform in needed:
        families.setdefault((base.lineage[0], platform), []).append(base)
    home = shelf.folder(shop.workspace)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        futures = [pool.submit(shop.make_all, bases, platform) for (_, platform), bases in families.items()]
        try:
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
        except (OSError, GalwayError) as error:
            explained = _explain(error, home)
            if explained is error:
                raise
            raise explained from error
        finally:
            for future in futures:
                future.cancel()
            while wait(futures, timeout=0.2).not_done:
                shop.halt()


def _explain(error: OSError | GalwayError, home: Path) -> GalwayError:
    """The error for a person: a full disk is told as such whoever ran into it."""
    detail = error.detail if isinstance(error, GalwayError) else ""
    if os.strerror(errno.ENOSPC) in detail or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return disk_full(home)
    if isinstance(error, OSError | ProcessError):
        return BuildError(
            f"a stand-in base could not be made: {error}", hint="run again; what was finished is kept", detail=detail
        )
    return error
