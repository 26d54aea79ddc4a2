"""Finds or installs a pinned tool: the official release first, then package registries, each copy with its receipt."""

from __future__ import annotations

import os
import shutil
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from galway.errors import MissingToolError
from galway.toolbox import pins, receipt, web
from galway.toolbox.download import Download, DownloadError, TamperedError
from galway.toolbox.progress import silent
from galway.toolbox.reach import Reach
from galway.toolbox.receipt import Receipt, Tool
from galway.toolbox.registries import REGISTRIES, Delivery, Order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from galway.toolbox.pins import Fallback, Release, ToolPin
    from galway.toolbox.progress import Progress
    from galway.workspace import Workspace

HOST_TOOLS = "GALWAY_HOST_TOOLS"
"""Set to anything, programs on PATH are taken instead, unverified: the choice of a site that manages its own tools."""

OFFICIAL = "official release"

_PART = ".part-"


def find(workspace: Workspace, name: str) -> Tool | None:
    """The tool as installed already, best source first; nothing is downloaded.

    Raises
    ------
    ConfigurationError
        No tool of that name is pinned.
    """
    return Toolbox(workspace=workspace).find(name)


def ensure(
    workspace: Workspace, name: str, *, say: Callable[[str], None] = lambda _line: None, progress: Progress = silent
) -> Tool:
    """The tool, installed first where it is missing.

    Parameters
    ----------
    workspace:
        Its `docker/tools.toml` has the pins, its cache the tools.
    name:
        As in the table.
    say:
        Told what happens, a line at a time.
    progress:
        Shows downloads; see `progress.on`.

    Raises
    ------
    MissingToolError
        No source has it.
    TamperedError
        A file is not the pinned one.
    """
    return Toolbox(workspace=workspace, say=say, progress=progress).ensure(name)


def installed(workspace: Workspace) -> dict[str, Tool | None]:
    """Each tool of the catalog as it is installed; one that only tests need is named only where it is.

    Raises
    ------
    ConfigurationError
        The table of pins is missing or broken.
    """
    found = {name: (pin, find(workspace, name)) for name, pin in pins.catalog(workspace.root).items()}
    return {name: tool for name, (pin, tool) in found.items() if tool is not None or not pin.for_tests}


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The installer and what it depends on; `find` and `ensure` use the real ones."""

    workspace: Workspace
    say: Callable[[str], None] = lambda _line: None
    progress: Progress = silent
    key: str = field(default_factory=pins.host_key)
    download: Download | None = None
    registries: Mapping[type, Callable[[Any, Order], Delivery]] = field(default_factory=lambda: REGISTRIES)

    @property
    def folder(self) -> Path:
        """Where tools are kept."""
        return self.workspace.cache / "tools"

    @property
    def reach(self) -> Reach:
        """Which release servers did not answer lately."""
        return Reach(self.folder / "unreachable.json")

    def find(self, name: str) -> Tool | None:
        """See the module's `find`."""
        pin = pins.lookup(self.workspace.root, name)
        if os.environ.get(HOST_TOOLS) and (tool := _on_path(name, pin)):
            return tool
        for home, identity in self._homes(name, pin):
            found = receipt.read(home)
            program = home / pin.file_name(name)
            if found is not None and found.pin == identity and os.access(program, os.X_OK):
                return Tool(
                    name=name,
                    version=found.version,
                    path=program,
                    source=found.source,
                    verified=found.verified,
                    third_party=found.third_party,
                )
        return None

    def ensure(self, name: str) -> Tool:
        """See the module's `ensure`."""
        if tool := self.find(name):
            return tool
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / f"{name}.lock"):
            if tool := self.find(name):  # another run installed it while this one waited
                return tool
            for left in (self.folder / name).glob(f"{_PART}*"):  # of a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            self._install(name, pins.lookup(self.workspace.root, name))
        tool = self.find(name)
        if tool is None:
            raise MissingToolError(f"{name} was installed but cannot be found in {self.folder / name}")
        self.say(f"{name} {tool.version}: {tool.source}, {tool.verified}{', third-party build' * tool.third_party}")
        return tool

    def drop_in(self, name: str, pin: ToolPin, release: Release) -> Path:
        """Where an official file is downloaded to, and where a person without a network may put it."""
        return self.folder / "downloads" / f"{name}-{pin.version}" / release.file

    def _homes(self, name: str, pin: ToolPin) -> Iterator[tuple[Path, str]]:
        release = pin.official(self.key)
        if release is not None:
            yield self.folder / name / pin.version, release.identity(self.key)
        for entry in pin.fallback:
            yield self.folder / name / entry.slug, entry.identity(self.key)

    def _install(self, name: str, pin: ToolPin) -> None:
        reasons: list[str] = []
        release = pin.official(self.key)
        try:
            self._install_release(name, pin, release)
        except TamperedError:
            raise
        except MissingToolError as error:
            reasons.append(error.message)
        else:
            return
        for entry in pin.fallback:
            try:
                self._install_fallback(name, pin, entry)
            except TamperedError:
                raise
            except MissingToolError as error:
                reasons.append(error.message)
            else:
                return
        ways = [f"put {release.url} into {self.drop_in(name, pin, release).parent}"] if release else []
        if not pin.refused:
            ways.append(f"set {HOST_TOOLS}=1 to use what is on PATH")
        raise MissingToolError(
            f"{name} {pin.version} could not be installed: {reasons[0]}",
            hint=", or ".join(ways),
            detail="\n".join(reasons),
        )

    def _install_release(self, name: str, pin: ToolPin, release: Release | None) -> None:
        if release is None:
            raise MissingToolError(f"no official file is pinned for {self.key}")
        target = self.drop_in(name, pin, release)
        if not target.is_file() and self.reach.is_down(release.url):
            raise MissingToolError(f"{release.url} could not be reached some minutes ago")
        download = self.download or Download(session=web.session(), progress=self.progress)
        try:
            download.fetch(release.url, target, sha256=release.sha256)
        except DownloadError as error:
            if error.unreachable:
                self.reach.note_down(release.url)
            raise
        with _staging(self.folder / name) as folder:
            program = folder / "program"
            if release.member:
                _extract(target, release.member, program)
            else:
                shutil.copyfile(target, program)
            made = Delivery(path=program, version=pin.version, source=OFFICIAL, verified="sha256")
            self._keep(name, pin, made, home=self.folder / name / pin.version, identity=release.identity(self.key))
        shutil.rmtree(target.parent)

    def _install_fallback(self, name: str, pin: ToolPin, entry: Fallback) -> None:
        with _staging(self.folder / name) as folder:
            order = Order(key=self.key, folder=folder, shared=self.folder)
            made = self.registries[type(entry)](entry, order)
            if made.version in pin.refused:
                raise MissingToolError(f"{made.source} has {name} {made.version}, which is refused")
            home = self.folder / name / entry.slug
            self._keep(name, pin, made, home=home, identity=entry.identity(self.key), third_party=entry.third_party)

    def _keep(
        self, name: str, pin: ToolPin, made: Delivery, *, home: Path, identity: str, third_party: bool = False
    ) -> None:
        """Give a program its final place in one rename, its receipt beside it."""
        with _staging(self.folder / name) as folder:
            program = folder / pin.file_name(name)
            made.path.replace(program)
            program.chmod(0o755)
            record = Receipt(
                pin=identity,
                version=made.version,
                source=made.source,
                verified=made.verified,
                third_party=third_party,
            )
            receipt.write(folder, record)
            shutil.rmtree(home, ignore_errors=True)
            folder.replace(home)


@contextmanager
def _staging(beside: Path) -> Iterator[Path]:
    """A temporary folder beside its final place, gone at the end unless it was renamed."""
    beside.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=_PART, dir=beside))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _extract(archive: Path, member: str, target: Path) -> None:
    try:
        with tarfile.open(archive) as bundle:
            source = bundle.extractfile(member)
            if source is None:
                raise MissingToolError(f"{archive.name} has {member} as something else than a file")
            with source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink)
    except (KeyError, tarfile.TarError) as error:
        raise MissingToolError(f"{archive.name} does not hold {member}: {error}") from error


def _on_path(name: str, pin: ToolPin) -> Tool | None:
    """A program of the host; not for a tool with refused versions, since asking for its version would run it."""
    path = None if pin.refused else shutil.which(pin.file_name(name))
    if path is None:
        return None
    return Tool(
        name=name, version="unknown", path=Path(path), source="host", verified=receipt.UNVERIFIED, third_party=False
    )
