"""The embedded engine's programs: Debian's or Ubuntu's own packages, unpacked into the cache, never installed."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import archive
from galway.errors import GalwayError, MissingToolError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Say = Callable[[str], None]

SPACE = 1_200_000_000
"""Bytes that packages and unpacked programs need at the same time, with room for the first image."""

_FIREWALL = (
    *("iptables", "libxtables12", "libip4tc2", "libip6tc2", "libnftnl11", "libmnl0", "libnetfilter-conntrack3"),
    *("libnfnetlink0", "nftables", "libnftables1", "libjansson4", "libedit2", "libgmp10", "libbsd0", "libmd0"),
    "libtinfo6",
)

DOCKER_PACKAGES = {
    "debian": ("docker.io", "containerd", "docker-cli", "docker-buildx", "docker-compose", "tini"),
    "ubuntu": ("docker.io", "containerd", "docker-buildx", "docker-compose-v2"),
}
"""Programs that need little of the host's libraries. Ubuntu's docker.io holds the client too. tini is what docker-init
links to, the first process of a container with `--init`, such as that of a docker-container builder."""

HOST_PACKAGES = ("runc", "libseccomp2", *_FIREWALL)
"""Programs linked against C libraries: always from the host's own suite (trixie's runc does not start on bookworm)."""

ENGINE_SUITE = {"bullseye": "trixie", "bookworm": "trixie"}
"""Suites whose own Docker is too old to have the containerd image store, and the suite that gives it instead."""

ARCHITECTURES = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
"""Debian's architectures and the names of their library folders."""

_XTABLES = ("iptables", "ip6tables", "iptables-save", "ip6tables-save", "iptables-restore", "ip6tables-restore")


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The unpacked programs, one tree with `usr/bin`, `usr/sbin` and `usr/lib`."""

    root: Path
    architecture: str

    @property
    def dockerd(self) -> Path:
        """The daemon."""
        return self.root / "usr/sbin/dockerd"

    @property
    def containerd(self) -> Path:
        """The daemon that keeps images and runs containers for it."""
        return self.root / "usr/bin/containerd"

    @property
    def docker(self) -> Path:
        """The client."""
        return self.root / "usr/bin/docker"

    def plugin(self, name: str) -> Path:
        """A client plugin: `docker-buildx` or `docker-compose`."""
        return self.root / "usr/libexec/docker/cli-plugins" / name

    @property
    def env(self) -> dict[str, str]:
        """What lets dockerd, iptables and nft find their siblings, libraries and extensions in this tree."""
        triplet = ARCHITECTURES[self.architecture]
        libraries = [str(self.root / folder / triplet) for folder in ("usr/lib", "lib")]
        path = [str(self.root / "usr/sbin"), str(self.root / "usr/bin"), os.environ.get("PATH", os.defpath)]
        return {
            "PATH": os.pathsep.join(path),
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            "XTABLES_LIBDIR": str(self.root / "usr/lib" / triplet / "xtables"),
        }


def installed(home: Path) -> Programs | None:
    """The programs of the newest complete installation in the engine's folder; unpacked files keep old times."""
    for root in sorted(home.glob("programs-*/usr"), key=lambda path: path.stat().st_ctime, reverse=True):
        return Programs(root=root.parent, architecture=Platform.of_host().architecture)
    return None


def install(home: Path, *, say: Say) -> Programs:
    """Download and unpack what is missing; an interrupted installation goes on where it was.

    Ubuntu is served by the same code with its own packages' names; it was not run on an Ubuntu host.

    Raises
    ------
    MissingToolError
        The distribution is unknown, its mirror does not answer, or the disk is full.
    """
    architecture = Platform.of_host().architecture
    mirror = archive.Mirror.of_host()
    names = DOCKER_PACKAGES.get(mirror.distribution)
    if names is None:
        raise MissingToolError(
            f"the embedded engine needs Debian or Ubuntu, this is {mirror.distribution or 'another system'}",
            hint="install Docker, or point DOCKER_HOST at a machine that has it",
        )
    suite = ENGINE_SUITE.get(mirror.codename, mirror.codename)
    root = home / f"programs-{_key(suite, mirror.codename, architecture, *names, *HOST_PACKAGES)}"
    programs = Programs(root=root, architecture=architecture)
    if root.is_dir():
        return programs
    say(f"fetching the Docker engine from the {mirror.distribution} archive ({suite}), once")
    with room_in(home):
        packages = fetch(home, mirror, suite, names) + fetch(home, mirror, mirror.codename, HOST_PACKAGES)
        aside = home / "part"
        shutil.rmtree(aside, ignore_errors=True)
        unpack(packages, aside)
        _link(aside)
        aside.rename(root)
        shutil.rmtree(home / "apt", ignore_errors=True)
    return programs


def remove_others(home: Path, programs: Programs) -> None:
    """Delete installations that this one replaces; nothing may run from them."""
    for root in home.glob("programs-*"):
        if root != programs.root:
            shutil.rmtree(root, ignore_errors=True)


def fetch(home: Path, mirror: archive.Mirror, suite: str, names: tuple[str, ...]) -> list[Path]:
    """Download packages of one suite for the host's architecture."""
    architecture = Platform.of_host().architecture
    folder = home / "apt" / suite
    return archive.Apt(folder=folder, mirror=mirror, suite=suite, architecture=architecture).prepare().download(names)


def unpack(packages: list[Path], root: Path) -> None:
    """Unpack into one tree, on all cores: decompression is what takes the time."""
    root.mkdir(parents=True)
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for _ in pool.map(lambda package: archive.unpack([package], root), packages):
            pass


@contextmanager
def room_in(home: Path, *, needed: int = SPACE) -> Iterator[None]:
    """Refuse to begin on a disk without room, and say so in one line where it fills up on the way.

    Raises
    ------
    MissingToolError
        The disk of the cache is full.
    """
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    if free < needed:
        raise _full(home, f"{free // 1_000_000} MB free, {needed // 1_000_000} MB needed")
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(home, "it filled up") from error
    except GalwayError as error:
        if "No space left on device" not in error.detail:
            raise
        raise _full(home, "it filled up") from error


def _full(home: Path, how: str) -> MissingToolError:
    return MissingToolError(
        f"no room for the embedded engine on the disk of {home}: {how}",
        hint="free some space, or set GALWAY_CACHE to a folder on a larger disk",
    )


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _link(root: Path) -> None:
    """Stand in for the packages' scripts: the names that update-alternatives gives, and a plugin from its program."""
    for name in _XTABLES:
        link = root / "usr/sbin" / name
        link.unlink(missing_ok=True)
        link.symlink_to("xtables-nft-multi")
