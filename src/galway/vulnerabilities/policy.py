"""`docker/scan.toml`: the gate's thresholds, where the database comes from, and what proves that it knows anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from galway.errors import ConfigurationError
from galway.vulnerabilities.gate import Thresholds

if TYPE_CHECKING:
    from pathlib import Path

FILE = "docker/scan.toml"


class Sources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where Trivy's database comes from.

    Parameters
    ----------
    repositories:
        OCI repositories with a tag, tried in this order.
    max_age_days:
        Days since it was made after which it judges nobody.
    """

    repositories: tuple[str, ...]
    max_age_days: int


class Advisories(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the scanner image's snapshot comes from.

    Parameters
    ----------
    export:
        Address of OSV's export for PyPI.
    """

    export: str


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package that is known to be vulnerable.

    Parameters
    ----------
    kind:
        `dpkg` (of Debian) or `python`.
    name, version:
        The package.
    id:
        What must be reported about it.
    release, source:
        Of a dpkg package: Debian's release number, and the source package that advisories name.
    """

    kind: Literal["dpkg", "python"]
    name: str
    version: str
    id: str
    release: str = ""
    source: str = ""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    gate: Thresholds
    database: Sources
    advisories: Advisories
    canary: tuple[Canary, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What held, as records write it."""
        return (
            f"critical={self.gate.critical}",
            f"high={self.gate.high}",
            f"database_max_age_days={self.database.max_age_days}",
        )


def load(root: Path, *, strict: bool = False) -> Policy:
    """Read the table.

    Parameters
    ----------
    strict:
        Allow no high vulnerability either.

    Raises
    ------
    ConfigurationError
        It is missing or broken, or has no canary.
    """
    try:
        policy = msgspec.toml.decode((root / FILE).read_bytes(), type=Policy)
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}", hint=f"git checkout -- {FILE}") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{FILE}: {error}") from error
    if not policy.canary:
        raise ConfigurationError(f"{FILE}: there is no [[canary]]", hint="without one an empty database looks clean")
    return msgspec.structs.replace(policy, gate=policy.gate.strict()) if strict else policy
