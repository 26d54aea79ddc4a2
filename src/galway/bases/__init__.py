"""Base images: the registry's by digest where one answers, else stand-ins made from the Debian archive."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from galway.bases import registry_probe, shelf, stand_in
from galway.bases.model import REGISTRY, STAND_IN, Base
from galway.bases.pins import OfficialBase, official
from galway.bases.workshop import version_told
from galway.errors import BuildError, ConfigurationError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.workspace import Workspace

__all__ = ["REGISTRY", "STAND_IN", "Base", "OfficialBase", "clean", "official", "resolve"]


def _silent(_line: str) -> None:
    """Say nothing."""


def resolve(
    workspace: Workspace,
    arguments: Sequence[str],
    platforms: Sequence[Platform],
    *,
    stand_in: bool | None = None,
    say: Callable[[str], None] = _silent,
) -> dict[str, Base]:
    """Decide where each base image comes from, and make the stand-ins that are missing.

    Parameters
    ----------
    arguments:
        Dockerfile `ARG` names.
    platforms:
        That are built; a base that only the build platform runs is made for the host's alone.
    stand_in:
        True or False forces one kind; None leaves it to the variable `BASES` (`registry` or `stand-in`), and else to
        whether a registry answers.
    say:
        Told of each step.

    Returns
    -------
    dict[str, Base]
        By argument. One registry answer short of all, and every base is a stand-in: an image whose parts come from
        both would be harder to explain than to rebuild.

    Raises
    ------
    ConfigurationError
        An unknown argument or value of `BASES`.
    MissingToolError
        No registry answers and stand-ins cannot be made here.
    BuildError
        A stand-in could not be made, or a finished one is damaged.
    """
    wanted = _select(official(workspace.root, os.environ), arguments)
    because = _why_stand_ins(workspace, wanted, forced=_forced(stand_in))
    if because is None:
        return {base.argument: _from_registry(base) for base in wanted}
    pairs = [(base, _platforms(base, platforms)) for base in wanted]
    _provide(workspace, pairs, because, say)
    return {base.argument: _from_shelf(workspace, base, chosen[0]) for base, chosen in pairs}


def clean(workspace: Workspace) -> None:
    """Remove every stand-in and what is left of making them."""
    shutil.rmtree(shelf.folder(workspace), ignore_errors=True)


def _select(table: dict[str, OfficialBase], arguments: Sequence[str]) -> list[OfficialBase]:
    for argument in arguments:
        if argument not in table:
            raise ConfigurationError(
                f"docker/bases.toml has no base for the argument {argument}", hint=f"it has {', '.join(sorted(table))}"
            )
    return [table[argument] for argument in dict.fromkeys(arguments)]


def _forced(stand_in: bool | None) -> bool | None:
    if stand_in is not None:
        return stand_in
    choice = os.environ.get("BASES", "")
    if choice not in ("", REGISTRY, STAND_IN):
        raise ConfigurationError(f"unknown BASES {choice!r}", hint=f"use {REGISTRY} or {STAND_IN}, or leave it unset")
    return choice == STAND_IN if choice else None


def _why_stand_ins(workspace: Workspace, wanted: Sequence[OfficialBase], *, forced: bool | None) -> str | None:
    """The reason to use stand-ins, None where the registry has everything."""
    if forced is not None:
        return "stand-in bases were asked for" if forced else None
    probe = registry_probe.Probe(
        memory=shelf.folder(workspace) / "registry.json", registries=registry_probe.endpoints()
    )
    answers = probe.ask(wanted)
    lacking = [base.name for base in wanted if not answers[base.reference]]
    return f"no registry answers for {', '.join(lacking)}" if lacking else None


def _provide(
    workspace: Workspace,
    pairs: Sequence[tuple[OfficialBase, Sequence[Platform]]],
    because: str,
    say: Callable[[str], None],
) -> None:
    stand_in.provide(workspace, pairs, because=because, say=say)


def _platforms(base: OfficialBase, platforms: Sequence[Platform]) -> tuple[Platform, ...]:
    if base.recipe.build_platform_only or not platforms:
        return (Platform.of_host(),)
    return tuple(dict.fromkeys(platforms))


def _from_registry(base: OfficialBase) -> Base:
    return Base(
        argument=base.argument,
        reference=base.reference,
        kind=REGISTRY,
        digest=base.digest,
        layout=None,
        context=None,
        suite="",
        description=f"{base.name} from the registry",
    )


def _from_shelf(workspace: Workspace, base: OfficialBase, platform: Platform) -> Base:
    layout = shelf.layout(workspace, base)
    if layout.index is None:
        raise BuildError(f"the stand-in of {base.name} is gone from {layout.folder}", hint="run again")
    record = shelf.record(layout, platform)
    told = version_told(base.recipe, record["packages"])
    made = layout.config(platform)["created"].partition("T")[0]
    parts = [f"{base.recipe.title} stand-in of {base.name}", told, f"made of packages up to {made}"]
    return Base(
        argument=base.argument,
        reference=base.reference,
        kind=STAND_IN,
        digest=layout.index,
        layout=layout.folder,
        context=f"galway-standin-{base.recipe_name}",
        suite=base.recipe.suite,
        description=", ".join([*filter(None, parts), f"{len(record['packages'])} packages"]),
    )
