"""Reads the packages out of a CycloneDX or SPDX file, one shape for both."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = {"deb": "dpkg", "pypi": "python", "cargo": "cargo"}
"""Package URL type to what people call it; a type that is not here keeps its own name."""

_PURL = re.compile(r"pkg:(?P<type>[a-z0-9.+-]+)/(?P<name>[^@?#]+)(?:@(?P<version>[^?#]+))?", re.IGNORECASE)


class Package(msgspec.Struct, frozen=True, order=True):
    """One package.

    Parameters
    ----------
    kind:
        `dpkg`, `python`, `cargo`, or the type of its package URL.
    name:
        As its package manager writes it; Python's normalised (PEP 503), so that `CacheControl` is `cachecontrol`.
    version:
        As its package manager writes it, a dpkg epoch included.
    """

    kind: str
    name: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Bom:
    """A bill of materials.

    Parameters
    ----------
    subject:
        What the document says it is about, as the tool or `canonical` wrote it.
    system:
        The operating system that the scanner recognised, such as `debian 12.12`; empty where it recognised none.
    packages:
        Sorted, each once; a crate that two programs hold is one package.
    """

    subject: str
    system: str
    packages: tuple[Package, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many packages of each kind."""
        return dict(sorted(Counter(package.kind for package in self.packages).items()))

    def has(self, kind: str, name: str) -> bool:
        """Whether some version of a package is there."""
        return any(package.kind == kind and package.name == name for package in self.packages)


def read(content: bytes, *, source: str = "the SBOM") -> Bom:
    """Read a CycloneDX or SPDX document in JSON.

    Parameters
    ----------
    source:
        What errors call it, a path for instance.

    Raises
    ------
    ConfigurationError
        It is neither.
    """
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ConfigurationError(f"{source} is not JSON: {error}") from error
    if isinstance(document, dict) and document.get("bomFormat") == "CycloneDX":
        reader = _cyclonedx
    elif isinstance(document, dict) and str(document.get("spdxVersion", "")).startswith("SPDX-2"):
        reader = _spdx
    else:
        raise ConfigurationError(f"{source} is no SBOM", hint="give a CycloneDX or SPDX 2 document in JSON")
    try:
        return reader(document)
    except (AttributeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{source} is not the SBOM that it says it is: {error!r}") from error


def _cyclonedx(document: dict[str, Any]) -> Bom:
    def packages() -> Iterator[Package]:
        for component in document.get("components", []):
            if purl := component.get("purl"):
                yield _package(purl, component.get("version", ""))

    systems = [part for part in document.get("components", []) if part["type"] == "operating-system"]
    return Bom(
        subject=document.get("metadata", {}).get("component", {}).get("bom-ref", ""),
        system=f"{systems[0]['name']} {systems[0].get('version', '')}".strip() if systems else "",
        packages=tuple(sorted(set(packages()))),
    )


def _spdx(document: dict[str, Any]) -> Bom:
    parts = document.get("packages", [])

    def packages() -> Iterator[Package]:
        for part in parts:
            if part.get("primaryPackagePurpose") in ("CONTAINER", "OPERATING-SYSTEM"):
                continue
            for reference in part.get("externalRefs", []):
                if reference["referenceType"] == "purl":
                    yield _package(reference["referenceLocator"], part.get("versionInfo", ""))

    systems = [part for part in parts if part.get("primaryPackagePurpose") == "OPERATING-SYSTEM"]
    subjects = [part for part in parts if part.get("primaryPackagePurpose") == "CONTAINER"]
    locators = [ref["referenceLocator"] for part in subjects for ref in part.get("externalRefs", [])]
    return Bom(
        subject=locators[0] if locators else "",
        system=f"{systems[0]['name']} {systems[0].get('versionInfo', '')}".strip() if systems else "",
        packages=tuple(sorted(set(packages()))),
    )


def _package(purl: str, version: str) -> Package:
    """A package by its URL (package-url/purl-spec); the version is the document's, dpkg's epoch included."""
    match = _PURL.match(purl)
    if match is None:
        raise KeyError(purl)
    kind = KINDS.get(match["type"].lower(), match["type"].lower())
    path = unquote(match["name"])
    if kind == "dpkg":  # pkg:deb/debian/bash: the distribution is not part of the name
        path = path.rpartition("/")[2]
    if kind == "python":
        path = re.sub(r"[-_.]+", "-", path).lower()
    return Package(kind, path, version or unquote(match["version"] or ""))
