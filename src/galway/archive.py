"""Debian packages through a private apt: the host's own mirrors and keys, signatures checked, nothing installed."""

from __future__ import annotations

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from galway import process
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
"""Debian's release keys, as the package debian-archive-keyring installs them."""

ARCHIVES = {
    "debian": ("main", KEYRING),
    "ubuntu": ("main universe", Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")),
}
"""Components and release keys of each distribution's archive; Ubuntu's plugins for Docker are in universe."""

SOURCES_HINT = "name Debian's mirror in /etc/apt/sources.list.d, or use a machine with Docker"


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """The mirror that the host's apt is configured with.

    Parameters
    ----------
    distribution:
        `debian` or `ubuntu`, the `ID` of os-release.
    codename:
        The host's own suite, for instance `bookworm`.
    main, security:
        The archive's addresses, taken from the host's apt sources and never written here.
    """

    distribution: str
    codename: str
    main: str
    security: str

    @classmethod
    def of_host(cls) -> Self:
        """Ask the host's apt what it uses.

        Raises
        ------
        MissingToolError
            No apt on this machine, or no Debian or Ubuntu source in its configuration.
        """
        if shutil.which("apt-get") is None:
            raise MissingToolError("this machine has no apt-get, so nothing can be fetched from the Debian archive")
        release = _os_release()
        listing = process.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages"]
        ).stdout
        main = security = ""
        codename = release.get("VERSION_CODENAME", "")
        for line in listing.splitlines():
            address, _, suite = line.partition(" ")
            if suite.strip() in (f"{codename}-security", f"{codename}/updates"):
                security = security or address
            elif suite.strip() == codename:
                main = main or address
        if not main:
            raise MissingToolError(
                f"apt on this machine names no source for {codename or 'its suite'}", hint=SOURCES_HINT
            )
        return cls(distribution=release.get("ID", ""), codename=codename, main=main, security=security or main)

    def sources(self, suite: str, *, components: str = "main", keyring: Path | None = KEYRING) -> str:
        """A deb822 sources file for one suite with its updates and security fixes.

        Parameters
        ----------
        suite:
            A codename, for instance `trixie`.
        components:
            Space separated.
        keyring:
            Where the keys lie for the apt that will read this; None leaves its own default.
        """
        signed = f"Signed-By: {keyring}\n" if keyring else ""
        parts = [(self.main, f"{suite} {suite}-updates"), (self.security, f"{suite}-security")]
        return "\n".join(
            f"Types: deb\nURIs: {address}\nSuites: {suites}\nComponents: {components}\n{signed}"
            for address, suites in parts
        )


@dataclass(frozen=True, kw_only=True)
class Apt:
    """A private apt in a folder: its own lists, cache and empty status, for one suite and architecture."""

    folder: Path
    mirror: Mirror
    suite: str
    architecture: str

    @property
    def config(self) -> Path:
        """The configuration file, given to apt as `APT_CONFIG`."""
        return self.folder / "apt.conf"

    @property
    def environment(self) -> dict[str, str]:
        """What makes apt programs use this folder."""
        return {"APT_CONFIG": str(self.config), "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}

    def prepare(self) -> Apt:
        """Write the configuration and fetch the package lists.

        Raises
        ------
        MissingToolError
            The mirror does not answer, or a signature is wrong; apt's own words are in the detail.
        """
        for name in ("state/lists/partial", "cache/archives/partial", "empty"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "status").write_text("")
        components, keyring = ARCHIVES.get(self.mirror.distribution, ARCHIVES["debian"])
        sources = self.mirror.sources(self.suite, components=components, keyring=keyring)
        (self.folder / "debian.sources").write_text(sources)
        self.config.write_text(
            _CONFIG.format(folder=self.folder, architecture=self.architecture, acquire=_acquire_settings())
        )
        self._run("update", "--quiet", "--error-on=any")
        return self

    def download(self, packages: Iterable[str]) -> list[Path]:
        """Fetch packages, without their dependencies; what is there already is not fetched again.

        Parameters
        ----------
        packages:
            `name`, `name=version` or `name/suite`.

        Returns
        -------
        list[Path]
            The `.deb` files in the order asked for; their hashes are those of the signed lists.

        Raises
        ------
        MissingToolError
            A package is unknown to the suite, or the mirror does not answer.
        """
        wanted = {re.split("[:=/]", package, maxsplit=1)[0]: package for package in packages}
        archives = self.folder / "cache" / "archives"
        found: dict[str, Path] = {}
        missing = []
        for line in self._run("download", "--print-uris", *wanted.values()).stdout.splitlines():
            _address, file, _size, checksum = line.split()
            name, path = file.partition("_")[0], archives / file
            found[name] = path
            if not _is_intact(path, checksum):
                missing.append(wanted[name])
        if missing:
            self._run("download", *missing, cwd=archives)
        return [found[name] for name in wanted]

    def _run(self, command: str, *arguments: str, cwd: Path | None = None) -> process.Completed:
        try:
            return process.run(["apt-get", command, *arguments], env=self.environment, cwd=cwd)
        except process.ProcessError as error:
            raise MissingToolError(
                f"the {self.suite} archive could not give {' '.join(arguments) or 'its package lists'}",
                hint="check the mirror in the host's apt sources: apt-get update",
                detail=error.detail,
            ) from error


def unpack(packages: Sequence[Path], root: Path) -> None:
    """Unpack `.deb` files over one folder, without running their scripts."""
    root.mkdir(parents=True, exist_ok=True)
    for package in packages:
        process.run(["dpkg-deb", "--extract", str(package), str(root)])


def _is_intact(path: Path, checksum: str) -> bool:
    """Whether a file is there with the hash (`SHA256:…`) of the signed lists; an aborted download is not."""
    algorithm, _, expected = checksum.lower().partition(":")
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest() == expected


# The host's apt.conf.d is left out because of its hooks (some start desktop services at every update); what it says
# about reaching the mirror (proxy, CA, validity of old snapshots) is copied. The sandbox user cannot read a cache
# in root's home.
_CONFIG = """\
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Etc::Parts "{folder}/empty";
Dir::Etc::SourceParts "{folder}/empty";
Dir::Etc::SourceList "{folder}/debian.sources";
Dir::Etc::PreferencesParts "{folder}/empty";
Dir::Etc::TrustedParts "{folder}/empty";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
Acquire::Languages "none";
{acquire}
"""


def _acquire_settings() -> str:
    dump = process.run(["apt-config", "dump"]).stdout
    return "\n".join(line for line in dump.splitlines() if line.startswith("Acquire::"))


def _os_release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines) if key}
