"""A locked dependency, a manifest, and what the advisories say of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

SEPARATORS = re.compile(r"[-_.]+")
NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
PYPI = re.compile(r"https?://(?:[a-z0-9-]+\.)*(?:pypi\.org|pythonhosted\.org)(?:[:/]|$)", re.IGNORECASE)


class Status(StrEnum):
    """There is no fourth: what was not evaluated is never called clean."""

    VULNERABLE = "vulnerable"
    NO_KNOWN_VULNERABILITY = "no_known_vulnerability"
    NOT_EVALUATED = "not_evaluated"


class Reason(StrEnum):
    """Why a dependency was not evaluated."""

    NO_ADVISORIES = "no_advisories"
    STALE = "stale"
    UNPINNED = "unpinned"
    UNKNOWN_PACKAGE = "unknown_package"
    PRIVATE = "private"
    VCS = "vcs"
    PARSE_ERROR = "parse_error"


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """One entry of a manifest.

    Parameters
    ----------
    name:
        Normalised as packaging does it: `foo-bar`.
    version:
        Exact; empty where the manifest gives none.
    unjudgeable:
        Known from the manifest alone: unpinned, from version control, a path or a private index, not readable.
    detail:
        A few words for the reader, for instance the requirement as it stands there.
    groups:
        Dependency groups or extras that ask for it; empty for the main ones.
    requires:
        Names of what it depends on, where the manifest says so.
    hashes:
        `sha256:…` as the manifest gives them.
    index:
        Address of the index that it came from, where that is not PyPI.
    """

    name: str
    version: str
    line: int = 1
    unjudgeable: Reason | None = None
    detail: str = ""
    groups: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()
    licence: str = ""
    marker: str = ""
    index: str = ""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One lock or requirements file.

    Parameters
    ----------
    kind:
        `uv.lock` and so on; `declared_only` for a pyproject.toml without a lock.
    own:
        Names of the project's own packages that the lock lists; they are no dependencies.
    roots:
        Names that the project asks for itself.
    error:
        Why it could not be read; then it has no dependencies that could be counted.
    """

    path: str
    kind: str
    dependencies: tuple[Dependency, ...] = ()
    own: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Vulnerability:
    """One flaw of one dependency, its identifiers joined."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: str
    cwe: tuple[int, ...]
    fixed: tuple[str, ...]
    published: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A dependency and the verdict on it."""

    dependency: Dependency
    manifest: str
    status: Status
    reason: Reason | None = None
    vulnerabilities: tuple[Vulnerability, ...] = ()
    accepted: bool = field(default=False)
    """Not evaluated, and the caller said beforehand that it cannot be (`PRIVATE`)."""


def normalise(name: str) -> str:
    """The one spelling that indexes compare: `Foo._Bar` is `foo-bar`."""
    return SEPARATORS.sub("-", name).lower()


def valid(name: str) -> bool:
    """Whether a package could have this name at all."""
    return NAME.fullmatch(name) is not None
