"""Registries by the OCI distribution specification: tags, manifests, blobs, referrers, logins."""

from galway.registry.client import Client
from galway.registry.credentials import Credentials, find as find_credentials
from galway.registry.model import (
    DeniedError,
    Document,
    FullError,
    LyingError,
    Patience,
    RegistryError,
    UnreachableError,
    is_loopback,
)
from galway.registry.repository import Repository
from galway.registry.upload import Upload

__all__ = [
    "Client",
    "Credentials",
    "DeniedError",
    "Document",
    "FullError",
    "LyingError",
    "Patience",
    "RegistryError",
    "Repository",
    "UnreachableError",
    "Upload",
    "find_credentials",
    "is_loopback",
]
