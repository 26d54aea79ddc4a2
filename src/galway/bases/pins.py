"""`docker/bases.toml` as types: the official base images by digest, and the recipes of their stand-ins."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError
from galway.reference import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_REFERENCE = re.compile(r"(?P<name>[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9_][A-Za-z0-9_.-]*)@(?P<digest>sha256:[0-9a-f]{64})")


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """How a stand-in is made from the Debian archive; the comments in the table say what each field does."""

    title: str
    suite: str
    zstd: int
    cmd: tuple[str, ...]
    env: dict[str, str]
    parent: str = msgspec.field(default="", name="from")
    layout: str = ""
    packages: tuple[str, ...] = ()
    unpacked: tuple[str, ...] = ()
    other_architectures: tuple[str, ...] = ()
    build_platform_only: bool = False

    @property
    def adds_nothing(self) -> bool:
        """Whether its files are its parent's, so that the layer can be the same bytes."""
        return bool(self.parent) and not (self.packages or self.unpacked or self.other_architectures or self.layout)


class OfficialBase(msgspec.Struct, frozen=True, kw_only=True):
    """A base image as its publisher ships it, and the stand-in that replaces it where no registry answers.

    Parameters
    ----------
    argument:
        The Dockerfile `ARG` that names it.
    name:
        Repository and tag, `python:3.11-slim`.
    digest:
        Of its index.
    recipe_name:
        Key of the stand-in's recipe in the table.
    recipes:
        That recipe and its ancestors by name.
    names:
        For each of them, the official image that it stands for.
    """

    argument: str
    name: str
    digest: Digest
    recipe_name: str
    recipes: dict[str, Recipe]
    names: dict[str, str]

    def stands_for(self, recipe: str) -> str:
        """Name and tag of the official image that a recipe of the lineage stands for; its own name where none."""
        return self.names.get(recipe, recipe)

    @property
    def reference(self) -> str:
        """`python:3.11-slim@sha256:…`."""
        return f"{self.name}@{self.digest}"

    @property
    def recipe(self) -> Recipe:
        """How its stand-in is made."""
        return self.recipes[self.recipe_name]

    @property
    def lineage(self) -> tuple[str, ...]:
        """Names of the recipe's ancestors and itself, the oldest first."""
        names = [self.recipe_name]
        while parent := self.recipes[names[0]].parent:
            names.insert(0, parent)
        return tuple(names)


class _Other(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    reference: str
    stand_in: str


class _Pin(_Other, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    others: tuple[_Other, ...] = ()

    @property
    def all(self) -> tuple[_Other, ...]:
        """The default first."""
        return (self, *self.others)


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    bases: dict[str, _Pin]
    stand_ins: dict[str, Recipe]


def official(root: Path, environment: Mapping[str, str] = MappingProxyType({})) -> dict[str, OfficialBase]:
    """Read the base images of a repository.

    Parameters
    ----------
    root:
        The repository; the table is its `docker/bases.toml`.
    environment:
        Where a variable of an argument's name asks for another of its bases: `PYTHON_BASE=python:3.13-slim`.

    Returns
    -------
    dict[str, OfficialBase]
        By the Dockerfile `ARG` that names them.

    Raises
    ------
    ConfigurationError
        The table is missing or does not fit its types, with the path of the field; or it has no base of that name.
    """
    return {
        argument: _chosen(bases, environment.get(argument, "").partition("@")[0])
        for argument, bases in choices(root).items()
    }


def choices(root: Path) -> dict[str, list[OfficialBase]]:
    """For each Dockerfile `ARG` the bases that it may name, its default first.

    Raises
    ------
    ConfigurationError
        The table is missing or does not fit its types, with the path of the field.
    """
    path = root / "docker" / "bases.toml"
    try:
        table = msgspec.toml.decode(path.read_bytes(), type=_Table)
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    names = {pin.stand_in: pin.reference.partition("@")[0] for pins in table.bases.values() for pin in pins.all}
    return {
        argument: [_parse(argument, pin, table.stand_ins, names) for pin in pins.all]
        for argument, pins in table.bases.items()
    }


def _chosen(bases: Sequence[OfficialBase], name: str) -> OfficialBase:
    found = next((base for base in bases if not name or base.name == name), None)
    if found is None:
        raise ConfigurationError(
            f"docker/bases.toml has no {name} for {bases[0].argument}",
            hint=f"it has {', '.join(base.name for base in bases)}",
        )
    return found


def _parse(argument: str, pin: _Other, recipes: dict[str, Recipe], names: dict[str, str]) -> OfficialBase:
    match = _REFERENCE.fullmatch(pin.reference)
    if match is None:
        raise ConfigurationError(
            f"docker/bases.toml: {argument} is {pin.reference!r}",
            hint="write name:tag@sha256:… with the index's digest",
        )
    lineage: dict[str, Recipe] = {}
    name = pin.stand_in
    while name:
        if name not in recipes or name in lineage:
            why = "comes from itself" if name in lineage else "is not there"
            raise ConfigurationError(f"docker/bases.toml: {argument} needs the stand-in {name!r}, which {why}")
        lineage[name] = recipes[name]
        name = recipes[name].parent
    return OfficialBase(
        argument=argument,
        name=match["name"],
        digest=Digest.parse(match["digest"]),
        recipe_name=pin.stand_in,
        recipes=lineage,
        names={recipe: names[recipe] for recipe in lineage if recipe in names},
    )
