"""Value types for what images are called: platform, digest, tag and reference, parsed once, valid ever after."""

from __future__ import annotations

import platform as host
import re
from dataclasses import dataclass
from typing import Self

from galway.errors import ConfigurationError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_REGISTRY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, order=True)
class Platform:
    """An operating system and architecture, as an OCI image index names them (`linux/arm64`)."""

    os: str
    architecture: str

    SUPPORTED = ("amd64", "arm64")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `arm64`, `aarch64` or `linux/arm64`; a bare architecture means Linux, whatever the client's system is.

        Raises
        ------
        ConfigurationError
            The platform is not one that Galway builds for.
        """
        system, _, machine = text.strip().lower().rpartition("/")
        architecture = _MACHINES.get(machine, machine)
        if (system or "linux") != "linux" or architecture not in cls.SUPPORTED:
            known = ", ".join((*cls.SUPPORTED, "all"))
            raise ConfigurationError(f"unknown platform {text!r}", hint=f"use one of: {known}")
        return cls("linux", architecture)

    @classmethod
    def of_host(cls) -> Self:
        """The platform whose images run here without emulation (on macOS: the one of Docker's virtual machine)."""
        return cls.parse(_MACHINES.get(host.machine().lower(), host.machine()))

    @property
    def slug(self) -> str:
        """A name for files and folders: `linux-arm64`."""
        return f"{self.os}-{self.architecture}"

    def __str__(self) -> str:
        return f"{self.os}/{self.architecture}"


@dataclass(frozen=True, order=True)
class Digest:
    """A content address, `sha256:` and 64 hexadecimal digits (OCI image specification, descriptors)."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a digest.

        Raises
        ------
        ConfigurationError
            Not a lower-case SHA-256 digest.
        """
        if not _DIGEST.fullmatch(text):
            raise ConfigurationError(f"not a sha256 digest: {text!r}")
        return cls(text)

    @property
    def hex(self) -> str:
        """The 64 hexadecimal digits, the blob's file name in a layout."""
        return self.text.removeprefix("sha256:")

    @property
    def short(self) -> str:
        """Twelve digits, for tables."""
        return self.hex[:12]

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, order=True)
class Tag:
    """A tag by the grammar of the OCI distribution specification: 1 to 128 characters."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a tag.

        Raises
        ------
        ConfigurationError
            Outside the grammar.
        """
        if not _TAG.fullmatch(text):
            raise ConfigurationError(f"not a valid image tag: {text!r}")
        return cls(text)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, order=True)
class ImageRef:
    """A repository in a registry, with a tag, a digest, both or neither."""

    registry: str
    repository: str
    tag: Tag | None = None
    digest: Digest | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `registry/path[:tag][@digest]`; the registry is required, nothing defaults to Docker Hub.

        Raises
        ------
        ConfigurationError
            Outside the grammar of the OCI distribution specification.
        """
        name, _, digest = text.partition("@")
        head, slash, last = name.rpartition("/")
        last, _, tag = last.partition(":")
        registry, _, path = (head + slash + last).partition("/")
        if not path or not _PATH.fullmatch(path) or not _REGISTRY.fullmatch(registry):
            raise ConfigurationError(
                f"not an image reference: {text!r}", hint="write registry/path, registry/path:tag or …@sha256:…"
            )
        return cls(registry, path, Tag.parse(tag) if tag else None, Digest.parse(digest) if digest else None)

    def with_tag(self, tag: str) -> ImageRef:
        """The same repository under another tag, without a digest."""
        return ImageRef(self.registry, self.repository, Tag.parse(tag))

    @property
    def name(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"
