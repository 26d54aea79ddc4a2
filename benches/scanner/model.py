"""What an engine says of a file, and what was chosen to try it on; pure."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
TEST = re.compile(r"(^|/)(tests?|testing|test_[^/]*|[^/]*_test\.py|conftest\.py)(/|$)|(^|/)test[^/]*\.py$")
"""Tests, by the names that they have: what they do on purpose says little of a program."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One finding.

    Parameters
    ----------
    severity:
        Of the scanner's five; bandit's three are among them.
    text:
        The line without its indentation, by which a finding is known again in another release.
    """

    rule: str
    severity: str
    confidence: str
    cwe: tuple[int, ...]
    path: str
    line: int
    text: str

    @property
    def blocks(self) -> bool:
        """Whether a scan fails for it by default."""
        return self.severity in ("critical", "high")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A source distribution."""

    project: str
    version: str
    sha256: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A project's releases before and after the fix of one vulnerability."""

    project: str
    advisory: str
    cwe: int
    old: str
    new: str
    file: str

    @property
    def tuned(self) -> bool:
        """Whether rules may be improved on it: half of all projects, as the hash of the name falls."""
        return hashlib.sha256(self.project.encode()).digest()[0] % 2 == 0


@cache
def _table(name: str) -> Mapping[str, Any]:
    return tomllib.loads((HERE / name).read_text(encoding="utf-8"))


def pairs() -> tuple[Pair, ...]:
    """In the order of the file."""
    return tuple(Pair(**entry) for entry in _table("pairs.toml")["pair"])


def releases() -> Mapping[tuple[str, str], Release]:
    """The releases of all pairs, by project and version."""
    return {(entry["project"], entry["version"]): Release(**entry) for entry in _table("pairs.toml")["release"]}


def popular() -> tuple[Release, ...]:
    """Packages that many have."""
    return tuple(Release(**entry) for entry in _table("packages.toml")["popular"])


def bandit() -> Release:
    """Bandit's own source distribution, with its labelled examples."""
    return Release(**_table("packages.toml")["bandit"])
