"""What registries answer with, and how asking them fails."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from galway.errors import ConfigurationError, PublishError

if TYPE_CHECKING:
    from galway.reference import Digest

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
"""What a registry may answer with; asked for less, some convert an index to one platform's manifest."""

AGAIN = (429, 502, 503, 504)
"""Answers of a registry, or of what stands before it, that is only busy."""

HUB = "registry-1.docker.io"
"""Where the images of `docker.io` are served from."""


class RegistryError(PublishError):
    """A registry did not do what it was asked."""


class UnreachableError(RegistryError):
    """It does not answer, or too slowly."""


class DeniedError(RegistryError):
    """It wants other credentials than it was given."""


class FullError(RegistryError):
    """Its storage is full."""


class LyingError(RegistryError):
    """What it serves is not what its digest says."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a registry is waited for.

    Parameters
    ----------
    connect, silence:
        Seconds until a connection stands (and until it takes more bytes), and between bytes of an answer.
    answer:
        Seconds for a whole answer, so that one that dribbles does not hold anybody up for ever.
    tries:
        Further tries after a failure.
    backoff:
        Seconds before the second further try, doubled at each.
    """

    connect: float = 10.0
    silence: float = 30.0
    answer: float = 120.0
    tries: int = 3
    backoff: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Document:
    """A manifest or an index, whose bytes have been checked against their digest."""

    content: bytes
    media_type: str
    digest: Digest

    def json(self) -> dict[str, Any]:
        """What the bytes say.

        Raises
        ------
        LyingError
            No JSON object.
        """
        try:
            value = json.loads(self.content)
        except ValueError as error:
            raise LyingError(f"manifest {self.digest.short} is not JSON") from error
        if not isinstance(value, dict):
            raise LyingError(f"manifest {self.digest.short} is not a JSON object")
        return value

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests of platforms."""
        return self.media_type in INDEX_TYPES


def is_loopback(registry: str) -> bool:
    """Whether a registry, with or without scheme and port, is this machine: only then plain HTTP is spoken."""
    host = urlsplit(registry if "://" in registry else f"//{registry}").hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(registry: str) -> str:
    """The URL of a registry's root, from its name in references or from a URL.

    Raises
    ------
    ConfigurationError
        No such address.
    """
    text = registry.rstrip("/")
    if "://" not in text:
        name = HUB if text in ("docker.io", "index.docker.io") else text
        text = f"{'http' if is_loopback(name) else 'https'}://{name}"
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ConfigurationError(f"not a registry: {registry!r}", hint="for instance ghcr.io or 127.0.0.1:5000")
    return text
