"""Chooses and fetches the exact packages of a root filesystem, with what they depend on, through the private apt."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from galway import process
from galway.errors import BuildError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.archive import Apt

_AR_HEADER = slice(8, 68)
_AR_TIME = slice(16, 28)


@dataclass(frozen=True, kw_only=True, order=True)
class Package:
    """A package file that went into a stand-in.

    Parameters
    ----------
    name, version, architecture:
        As the archive names it.
    sha256:
        Of the `.deb`, which apt checked against the signed lists.
    installed:
        Whether dpkg knows it, or only its files were taken.
    epoch:
        When the package was built, in seconds: the time that its archive header gives.
    path:
        Where the file lies now.
    """

    name: str
    version: str
    architecture: str
    sha256: str
    installed: bool
    epoch: int
    path: Path

    def record(self) -> dict[str, object]:
        """What is written beside the layout."""
        return {
            "name": self.name,
            "version": self.version,
            "architecture": self.architecture,
            "sha256": self.sha256,
            "installed": self.installed,
        }


def base_set(stanzas: str) -> list[str]:
    """Names of the essential and required packages, and apt: what Debian calls a minimal base.

    Parameters
    ----------
    stanzas:
        The package lists, as `apt-cache dumpavail` prints them.
    """
    names = {"apt"}
    for stanza in stanzas.split("\n\n"):
        name, _, rest = stanza.removeprefix("Package: ").partition("\n")
        if name and ("\nPriority: required\n" in f"\n{rest}\n" or "\nEssential: yes\n" in f"\n{rest}\n"):
            names.add(name.strip())
    return sorted(names)


def minimal(apt: Apt) -> list[str]:
    """The minimal base of an apt's suite."""
    return base_set(process.run(["apt-cache", "dumpavail"], env=apt.environment).stdout)


def closure(apt: Apt, names: Sequence[str], *, status: Path | None) -> list[str]:
    """What apt would install for these names, without recommendations, each as `name=version`.

    Parameters
    ----------
    apt:
        Prepared.
    names:
        Package names, also `name=version`, whose version may hold wildcards.
    status:
        dpkg's status file of what is there already; None where nothing is.

    Raises
    ------
    MissingToolError
        The suite cannot satisfy them.
    """
    # apt names no package that its archive folder holds already
    nothing = apt.folder / "nothing"
    (nothing / "partial").mkdir(parents=True, exist_ok=True)
    here = ["--option", f"Dir::Cache::archives={nothing}"]
    if status is not None:
        here += ["--option", f"Dir::State::status={status}"]
    options = ("--quiet=2", "--yes", "--no-install-recommends", "--print-uris", *here)
    try:
        listing = process.run(["apt-get", "install", *options, *names], env=apt.environment).stdout
    except process.ProcessError as error:
        raise MissingToolError(
            f"the {apt.suite} archive cannot satisfy {', '.join(names)}",
            hint="check the mirror in the host's apt sources: apt-get update",
            detail=error.detail,
        ) from error
    return sorted("=".join(split_file_name(line.split()[1])[:2]) for line in listing.splitlines() if line)


def split_file_name(file: str) -> tuple[str, str, str]:
    """Name, version and architecture from `name_version_arch.deb`, where an epoch's colon is written `%3a`."""
    name, version, architecture = file.removesuffix(".deb").split("_")
    return name, unquote(version), architecture


def fetch(apt: Apt, names: Sequence[str], *, installed: bool) -> list[Package]:
    """Download packages and say exactly what they are.

    Parameters
    ----------
    names:
        `name` or `name=version`.

    Raises
    ------
    MissingToolError
        A package is unknown to the suite, or the mirror does not answer.
    """
    if not names:
        return []
    return [_describe(path, installed=installed) for path in apt.download(names)]


def released(apt: Apt) -> dict[str, str]:
    """The date of each signed list that an apt holds, RFC 3339 by suite: what a rebuild would have to ask for."""
    dates = {}
    for path in sorted((apt.folder / "state" / "lists").glob("*Release")):
        fields = dict(line.partition(": ")[::2] for line in path.read_text("utf-8", "replace").splitlines())
        if "Codename" in fields and "Date" in fields:
            suite = path.name.rpartition("_dists_")[2].rpartition("_")[0]
            dates[suite] = parsedate_to_datetime(fields["Date"]).strftime("%Y-%m-%dT%H:%M:%SZ")
    return dates


def _describe(path: Path, *, installed: bool) -> Package:
    name, version, architecture = split_file_name(path.name)
    with path.open("rb") as stream:
        header = stream.read(_AR_HEADER.stop)[_AR_HEADER]
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        epoch = int(header[_AR_TIME])
    except ValueError as error:
        raise BuildError(f"{path.name} is not a Debian package", hint="delete the file and run again") from error
    return Package(
        name=name,
        version=version,
        architecture=architecture,
        sha256=digest,
        installed=installed,
        epoch=epoch,
        path=path,
    )
