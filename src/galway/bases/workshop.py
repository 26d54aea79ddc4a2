"""Makes stand-ins: packages from the archive, a root filesystem from them, a layer from that."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galway import process
from galway.archive import Apt, Mirror
from galway.bases import oci, python_layout, rust_layout, selection, shelf
from galway.bases.rootfs import Rootfs
from galway.errors import GalwayError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from galway.bases.pins import OfficialBase, Recipe
    from galway.bases.selection import Package
    from galway.workspace import Workspace


class StoppedError(GalwayError):
    """Another thread failed or Ctrl-C was pressed; only seen by the thread that waits for this one."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What goes into a root filesystem.

    Parameters
    ----------
    tools:
        Those of the installed that maintainer scripts rely on: of a new root the minimal base.
    installed:
        By dpkg.
    unpacked:
        Files only, laid in the recipe's own way.
    others:
        Files only, of other architectures.
    """

    tools: Sequence[Package]
    installed: Sequence[Package]
    unpacked: Sequence[Package]
    others: Sequence[Package]

    @property
    def all(self) -> tuple[Package, ...]:
        """Every package."""
        return (*self.installed, *self.unpacked, *self.others)


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What making several stand-ins shares.

    Parameters
    ----------
    mirror:
        The archive.
    work:
        A folder on the cache's filesystem that is removed in the end, also after Ctrl-C.
    say:
        Told of each step.
    stop:
        Set when the others should give up.
    """

    workspace: Workspace
    mirror: Mirror
    work: Path
    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    _threads: set[int] = field(default_factory=set)
    _apts: dict[tuple[str, str], Apt] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _voice: threading.Lock = field(default_factory=threading.Lock)

    def make_all(self, bases: Sequence[OfficialBase], platform: Platform) -> None:
        """Make the stand-ins of one family for one platform, parents first; what is there is kept.

        Raises
        ------
        GalwayError
            The archive does not answer, a child failed, or the result is not what it should be.
        """
        self._threads.add(threading.get_native_id())
        for base in bases:
            for name in base.lineage:
                self._tick()
                if platform not in shelf.layout(self.workspace, base, name).manifests:
                    self._make(base, name, platform)

    def halt(self) -> None:
        """Stop all threads soon: no further step, and the children of the running ones are ended.

        Ctrl-C reaches the main thread only, and a child runs in a session of its own, so it would go on to its end.
        """
        self.stop.set()
        for thread in tuple(self._threads):
            # absent on kernels without CONFIG_PROC_CHILDREN: the child then runs to its end
            with suppress(OSError):
                for child in Path(f"/proc/self/task/{thread}/children").read_text().split():
                    with suppress(ProcessLookupError):
                        os.killpg(int(child), signal.SIGTERM)

    def _make(self, base: OfficialBase, name: str, platform: Platform) -> None:
        recipe = base.recipes[name]
        target = shelf.layout(self.workspace, base, name)
        parent = shelf.layout(self.workspace, base, recipe.parent) if recipe.parent else None
        entry: dict[str, Any] = {"archive": {}, "epoch": 0, "packages": []}
        if parent is not None:
            entry |= shelf.record(parent, platform)
        if parent is not None and recipe.adds_nothing:
            layer = parent.layer(platform)
            target.adopt(parent, layer)
        else:
            fetched = self._fetch(name, recipe, platform, parent)
            entry["epoch"] = max([entry["epoch"], *(package.epoch for package in fetched.all)])
            entry["archive"] = selection.released(self._apt(recipe.suite, platform.architecture))
            entry["packages"] = [*entry["packages"], *(package.record() for package in sorted(fetched.all))]
            with self._root(name, platform) as path:
                rootfs = Rootfs(path=path, epoch=entry["epoch"])
                self._fill(rootfs, recipe, fetched, name=name, platform=platform, parent=parent)
                self._tell(name, platform, "packing")
                layer = target.pack(path, epoch=entry["epoch"], level=recipe.zstd, tick=self._tick)
        self._publish(base, name, platform, layer, entry)
        self._tell(name, platform, f"ready, {layer.size / 1e6:.1f} MB")

    def _fetch(self, name: str, recipe: Recipe, platform: Platform, parent: oci.Layout | None) -> Fetched:
        self._tell(name, platform, "choosing and fetching packages")
        apt = self._apt(recipe.suite, platform.architecture)
        status = None
        if parent is not None:
            status = self.work / f"{name}-{platform.slug}.status"
            status.write_bytes(self._read(parent, platform, "var/lib/dpkg/status"))
        minimal = selection.minimal(apt) if parent is None else []
        first = set(selection.closure(apt, minimal, status=None)) if minimal else set()
        names = selection.closure(apt, [*recipe.packages, *minimal], status=status)
        installed = selection.fetch(apt, names, installed=True)
        tools = [package for package in installed if f"{package.name}={package.version}" in first]
        unpacked = selection.fetch(apt, recipe.unpacked, installed=False)
        others: list[Package] = []
        exact = {package.name: package.version for package in installed}
        for architecture in Platform.SUPPORTED if recipe.other_architectures else ():
            if architecture != platform.architecture:
                # the same version as here, whichever the other architecture's lists would prefer
                names = [f"{other}={exact[other]}" for other in recipe.other_architectures]
                others += selection.fetch(self._apt(recipe.suite, architecture), names, installed=False)
        return Fetched(tools=tools, installed=installed, unpacked=unpacked, others=others)

    def _fill(
        self,
        rootfs: Rootfs,
        recipe: Recipe,
        fetched: Fetched,
        *,
        name: str,
        platform: Platform,
        parent: oci.Layout | None,
    ) -> None:
        self._tell(name, platform, f"installing {len(fetched.installed)} packages")
        installed = [package.path for package in fetched.installed]
        if parent is None:
            rootfs.start([package.path for package in fetched.tools])
        else:
            rootfs.path.mkdir()
            command = ("tar", "--extract", "--preserve-permissions", "--numeric-owner", f"--directory={rootfs.path}")
            process.run(command, stdin=parent.chunks(parent.layer(platform)))
        self._tick()
        if installed:
            rootfs.install(installed)
        self._tick()
        native = platform == Platform.of_host()
        if recipe.layout == "python":
            self._tell(name, platform, "moving Python to /usr/local")
            python, aside = python_layout.of(recipe.unpacked), rootfs.path.with_suffix(".aside")
            python_layout.lay(rootfs, python, [package.path for package in fetched.unpacked], aside)
            if native:
                python_layout.check(rootfs, python)
        elif recipe.layout == "rust":
            rust_layout.lay(rootfs, [package.path for package in fetched.others])
            rust_layout.check(rootfs)
        rootfs.settle()

    def _publish(
        self, base: OfficialBase, name: str, platform: Platform, layer: oci.Layer, entry: dict[str, Any]
    ) -> None:
        recipe = base.recipes[name]
        target = shelf.layout(self.workspace, base, name)
        told = version_told(recipe, entry["packages"])
        official = base.stands_for(name)
        # As labels they are inherited by what is built on it, so that a registry's gate can tell.
        marks = {"dev.galway.stand-in.of": official, "dev.galway.stand-in.suite": recipe.suite}
        env = dict(recipe.env)
        if recipe.layout:
            env[f"{recipe.layout.upper()}_VERSION"] = told.partition(" ")[2]
        config = {"Env": [f"{key}={value}" for key, value in env.items()], "Cmd": list(recipe.cmd), "Labels": marks}
        with self._lock:
            shelf.write_record(target, platform, entry)
            target.add(
                platform,
                layer,
                epoch=entry["epoch"],
                config=config,
                annotations={**marks, "org.opencontainers.image.created": oci.timestamp(entry["epoch"])},
                history=f"stand-in of {official}: {', '.join(filter(None, (recipe.title, told)))}",
            )

    def _apt(self, suite: str, architecture: str) -> Apt:
        with self._lock:
            apt = self._apts.get((suite, architecture))
            if apt is None:
                home = shelf.folder(self.workspace) / "apt" / f"{suite}-{architecture}"
                apt = Apt(folder=home, mirror=self.mirror, suite=suite, architecture=architecture).prepare()
                self._apts[suite, architecture] = apt
        return apt

    def _read(self, parent: oci.Layout, platform: Platform, member: str) -> bytes:
        """One file of a parent's layer."""
        target = self.work / "member"
        with self._lock:
            target.mkdir(exist_ok=True)
            process.run(
                ["tar", "--extract", f"--directory={target}", member], stdin=parent.chunks(parent.layer(platform))
            )
            data = (target / member).read_bytes()
            shutil.rmtree(target)
        return data

    @contextmanager
    def _root(self, name: str, platform: Platform) -> Iterator[Path]:
        """A folder for a root filesystem, gone afterwards: three of them would fill a small disk."""
        path = self.work / f"{name}-{platform.slug}"
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def _tell(self, name: str, platform: Platform, what: str) -> None:
        self._tick()
        with self._voice:  # a line is one line, whoever speaks at the same time
            self.say(f"stand-in {name} ({platform.architecture}): {what}")

    def _tick(self) -> None:
        if self.stop.is_set():
            raise StoppedError("stopped")


def version_told(recipe: Recipe, packages: Sequence[dict[str, Any]]) -> str:
    """The version that a person asks for: `Python 3.11.2`, `Rust 1.78.0`, or nothing."""
    if recipe.layout == "python":
        title, package = "Python", f"{python_layout.of(recipe.unpacked).name}-minimal"
    elif recipe.layout == "rust":
        title, package = "Rust", "rustc-web"
    else:
        return ""
    [full] = {entry["version"] for entry in packages if entry["name"] == package}
    return f"{title} {full.rpartition('-')[0].partition('+')[0]}"
