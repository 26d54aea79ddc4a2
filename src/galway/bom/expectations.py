"""`docker/sbom.toml`: the packages that every SBOM must name, and those in which platforms may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from galway.bom.packages import Bom

FILE = "docker/sbom.toml"


class Differs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A package that may be on some platforms only, or in another version there, and why."""

    image: str
    kind: str
    name: str
    reason: str


class Expectations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table.

    Parameters
    ----------
    expects:
        Image to kind to names.
    differs:
        Excuses of the drift check.
    """

    expects: dict[str, dict[str, tuple[str, ...]]]
    differs: tuple[Differs, ...] = ()

    def missing(self, image: str, bom: Bom) -> list[str]:
        """What an image should hold and its SBOM does not name, as `kind name`."""
        wanted = self.expects.get(image, {})
        return [f"{kind} {name}" for kind, names in wanted.items() for name in names if not bom.has(kind, name)]

    def policy(self, image: str) -> tuple[str, ...]:
        """What held for an image, as records write it."""
        return tuple(f"{kind}={','.join(names)}" for kind, names in sorted(self.expects.get(image, {}).items()))


def load(root: Path) -> Expectations:
    """Read the table.

    Raises
    ------
    ConfigurationError
        It is missing or broken.
    """
    try:
        return msgspec.toml.decode((root / FILE).read_bytes(), type=Expectations)
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}", hint=f"git checkout -- {FILE}") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{FILE}: {error}") from error
