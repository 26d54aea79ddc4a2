"""Makes a Debian root filesystem: dpkg unpacks from outside, maintainer scripts run inside, what varies is removed."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import process
from galway.archive import unpack

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Character devices that maintainer scripts and Python use: name, major, minor. A runtime brings its own, so that
# none is left in the image.
_DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))

# Left out of official slim images as well: documentation but for copyrights, translations, and what apt fetched.
# The folders stay, since alternatives of some packages expect them.
_EMPTIED = (
    "usr/share/man",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/groff",
    "usr/share/lintian",
    "usr/share/linda",
    "usr/share/bug",
    "var/lib/apt/lists",
    "var/cache/apt",
    "var/cache/ldconfig",
    "var/cache/man",
    "var/log",
    "var/tmp",
    "tmp",
    "run",
    "dev",
    "proc",
    "sys",
)

# Differs from machine to machine or from run to run, or was of use while packages were installed only.
_REMOVED = (
    "etc/machine-id",
    "etc/hostname",
    "etc/resolv.conf",
    "etc/passwd-",
    "etc/group-",
    "etc/shadow-",
    "etc/gshadow-",
    "etc/.pwd.lock",
    "etc/apt/sources.list",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/arch",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/available",
    "var/cache/debconf/config.dat-old",
    "var/cache/debconf/templates.dat-old",
)

# Links into /usr, where Debian's own packages expect them (usrmerge).
_MERGED = ("bin", "sbin", "lib", "lib64")

# As in Debian's own images: no service starts in a container, and apt leaves neither archives nor documentation.
_SETTINGS = {
    "usr/sbin/policy-rc.d": (
        0o755,
        "#!/bin/sh\n# A container starts no services when packages are installed.\nexit 101\n",
    ),
    "etc/dpkg/dpkg.cfg.d/slim": (
        0o644,
        (
            "force-unsafe-io\n"
            "path-exclude /usr/share/doc/*\n"
            "path-include /usr/share/doc/*/copyright\n"
            "path-exclude /usr/share/man/*\n"
            "path-exclude /usr/share/info/*\n"
            "path-exclude /usr/share/locale/*\n"
            "path-exclude /usr/share/lintian/*\n"
        ),
    ),
    "etc/apt/apt.conf.d/slim": (
        0o644,
        (
            'Acquire::Languages "none";\n'
            'Acquire::GzipIndexes "true";\n'
            'APT::Keep-Downloaded-Packages "false";\n'
            'Dir::Cache::pkgcache "";\n'
            'Dir::Cache::srcpkgcache "";\n'
        ),
    ),
}


@dataclass(frozen=True, kw_only=True)
class Rootfs:
    """A root filesystem in the making.

    Parameters
    ----------
    path:
        Its folder.
    epoch:
        SOURCE_DATE_EPOCH of everything that runs in it: the newest package's build time.
    """

    path: Path
    epoch: int

    @property
    def status(self) -> Path:
        """dpkg's list of what is installed."""
        return self.path / "var" / "lib" / "dpkg" / "status"

    def start(self, packages: Sequence[Path]) -> None:
        """Lay the files of a minimal base, so that the first maintainer script finds a shell and its tools."""
        self.path.mkdir(parents=True)
        self.path.chmod(0o755)
        unpack(packages, self.path)
        for folder in _MERGED:  # dpkg-deb replaces links by folders, so they are made after it
            _merge(self.path / folder, self.path / "usr" / folder)
        for name in ("passwd", "group"):
            shutil.copyfile(self.path / "usr" / "share" / "base-passwd" / f"{name}.master", self.path / "etc" / name)
        for folder in ("info", "updates", "triggers", "alternatives", "parts"):
            (self.path / "var" / "lib" / "dpkg" / folder).mkdir(parents=True, exist_ok=True)
        self.status.touch()

    def install(self, packages: Sequence[Path]) -> None:
        """Unpack with the host's dpkg (native speed for every platform), then configure inside."""
        self._make_devices()
        # Every architecture and order is accepted: the set is complete, and configuring inside checks it again.
        # The host's own path filters are undone, they are not the stand-in's.
        options = ("--force-unsafe-io", "--force-depends", "--force-architecture", "--path-include=/*", "--no-triggers")
        dpkg = ("dpkg", f"--root={self.path}", f"--log={os.devnull}", *options, "--unpack")
        process.run(["env", "-i", *self._environment, *dpkg, *(str(package) for package in packages)])
        (self.path / "var" / "lib" / "dpkg" / "arch").unlink(missing_ok=True)
        self.run(["dpkg", "--configure", "--pending", "--force-unsafe-io"])

    def run(self, argv: Sequence[str]) -> process.Completed:
        """Run a program inside, with no network, its own process and mount tables, and a bare environment."""
        self._make_devices()
        namespaces = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--uts", "--ipc")
        return process.run(
            ["unshare", *namespaces, f"--root={self.path}", "--wd=/", "/usr/bin/env", "-i", *self._environment, *argv]
        )

    def settle(self) -> None:
        """Remove what an image does not need and what would differ next time."""
        for name in _EMPTIED:
            _empty(self.path / name)
        for name in _REMOVED:
            with suppress(FileNotFoundError):
                (self.path / name).unlink()
        for path in [*self.path.glob("var/lib/dpkg/*-old"), *self.path.glob("etc/apt/sources.list.d/*")]:
            path.unlink()
        _keep_copyrights(self.path / "usr" / "share" / "doc")
        for cache in sorted(self.path.glob("usr/**/__pycache__")):
            shutil.rmtree(cache)
        _fix_shadow(self.path / "etc" / "shadow", self.epoch // 86400)
        (self.path / "var" / "lib" / "dpkg" / "available").touch()
        (self.path / "var" / "cache" / "apt" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
        (self.path / "var" / "lib" / "apt" / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        for name, (mode, text) in _SETTINGS.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)
        for name, mode in (("tmp", 0o1777), ("var/tmp", 0o1777)):
            (self.path / name).chmod(mode)

    @property
    def _environment(self) -> tuple[str, ...]:
        return (
            f"PATH={_PATH}",
            "HOME=/root",
            "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive",
            "DEBCONF_NONINTERACTIVE_SEEN=true",
            f"SOURCE_DATE_EPOCH={self.epoch}",
            # debconf writes its databases in the order of a Perl hash
            "PERL_HASH_SEED=0",
            "PERL_PERTURB_KEYS=0",
            "PYTHONDONTWRITEBYTECODE=1",
        )

    def _make_devices(self) -> None:
        (self.path / "proc").mkdir(exist_ok=True)
        dev = self.path / "dev"
        dev.mkdir(exist_ok=True)
        for name, major, minor in _DEVICES:
            if not (dev / name).exists():
                os.mknod(dev / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
                (dev / name).chmod(0o666)
        if not (dev / "fd").is_symlink():
            (dev / "fd").symlink_to("/proc/self/fd")


def _merge(source: Path, target: Path) -> None:
    """Move a folder's content into another and leave a link in its place, if it is there and no link (Debian 13's)."""
    if source.is_symlink() or not source.is_dir():
        return
    _pour(source, target)
    source.symlink_to(target.relative_to(source.parent))


def _pour(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.is_dir() and not path.is_symlink() and (target / path.name).is_dir():
            _pour(path, target / path.name)
        else:
            path.rename(target / path.name)
    source.rmdir()


def _empty(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            _remove(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _keep_copyrights(folder: Path) -> None:
    """Leave `copyright` files and links to other packages' folders, drop the rest of the documentation."""
    for package in sorted(folder.iterdir()):
        if package.is_symlink() or not package.is_dir():
            continue
        for path in package.iterdir():
            if path.name != "copyright":
                _remove(path)
        if not any(package.iterdir()):
            package.rmdir()


def _fix_shadow(path: Path, day: int) -> None:
    """Give every account the same day of its last password change, as tools that know SOURCE_DATE_EPOCH do."""
    lines = []
    for line in path.read_text().splitlines():
        name, password, changed, *rest = line.split(":")
        lines.append(":".join((name, password, str(day) if changed else changed, *rest)))
    mode = path.stat().st_mode
    path.write_text("\n".join(lines) + "\n")
    path.chmod(stat.S_IMODE(mode))


def newest(epochs: Iterable[int]) -> int:
    """The latest of build times, 0 of none."""
    return max(epochs, default=0)
