"""Reads `docker/exceptions.toml`: the findings that someone answers for until a day."""

from __future__ import annotations

import datetime
import tomllib
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from galway.vulnerabilities.findings import Finding

FILE = "docker/exceptions.toml"


class Waiver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One accepted vulnerability of one package in one image.

    Parameters
    ----------
    id:
        The CVE or advisory id, as Trivy reports it.
    image, package:
        Where it is accepted; nowhere else.
    owner:
        Who answers for it.
    reason:
        Why it does no harm there.
    expires:
        The last day on which it holds.
    """

    id: str
    image: str
    package: str
    owner: str
    reason: str
    expires: datetime.date

    def covers(self, finding: Finding, image: str) -> bool:
        """Whether it speaks of this finding in this image."""
        where = (self.image, self.id, self.package)
        return finding.kind == "vulnerability" and where == (image, finding.id, finding.package)

    def __str__(self) -> str:
        return f"{self.id} of {self.package} in {self.image} (until {self.expires}, {self.owner})"


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    waiver: tuple[Waiver, ...] = ()


def load(root: Path, *, images: Collection[str]) -> tuple[Waiver, ...]:
    """Read and check the waivers.

    Parameters
    ----------
    root:
        The repository.
    images:
        The catalog's names; a waiver for another image would silently cover nothing.

    Raises
    ------
    ConfigurationError
        The table is broken, a waiver lacks a field, is there twice, or is for no image.
    """
    try:
        raw = tomllib.loads((root / FILE).read_text(encoding="utf-8"))
        found = msgspec.convert(raw, _Table).waiver
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{FILE} is not valid TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"{FILE}: {error}", hint="each [[waiver]] has id, image, package, owner, reason and expires (a date)"
        ) from error
    seen: set[tuple[str, str, str]] = set()
    for waiver in found:
        where = (waiver.image, waiver.id, waiver.package)
        empty = [name for name in ("id", "package", "owner", "reason") if not getattr(waiver, name).strip()]
        if empty:
            raise ConfigurationError(f"{FILE}: {waiver}: {empty[0]} is empty", hint="say it, or remove the waiver")
        if waiver.image not in images:
            raise ConfigurationError(f"{FILE}: {waiver}: unknown image", hint=f"known: {', '.join(sorted(images))}")
        if where in seen:
            raise ConfigurationError(f"{FILE}: {waiver}: is there twice", hint="remove one of them")
        seen.add(where)
    return found
