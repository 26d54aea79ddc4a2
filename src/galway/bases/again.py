"""Makes stand-ins a second time and compares them with the first, platform by platform."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from galway import bases
from galway.bases import oci, shelf
from galway.engine.places import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from galway.bases.model import Base
    from galway.reference import Platform
    from galway.workspace import Workspace


class Remade(msgspec.Struct, frozen=True, kw_only=True):
    """A stand-in on one platform that was made again.

    Parameters
    ----------
    argument:
        The Dockerfile argument that names it.
    platform:
        `linux/arm64`.
    old, new:
        Digests of the only layer's files and of their compressed bytes: what a build starts from.
    reason:
        Why they differ; empty where they do not.
    """

    argument: str
    platform: str
    old: str
    new: str
    reason: str = ""


def remake(
    workspace: Workspace, resolved: Mapping[str, Base], platforms: Sequence[Platform], *, say: Callable[[str], None]
) -> list[Remade]:
    """Make the stand-ins among some bases again in a folder of their own, which is removed, and compare; minutes.

    A base from a registry is named by its digest, and there is nothing to make.

    Parameters
    ----------
    resolved:
        What a build stands on, by Dockerfile argument.

    Raises
    ------
    MissingToolError
        Stand-ins cannot be made here, or the archive does not answer.
    BuildError
        One could not be made, or is damaged.
    """
    wanted = {name: base for name, base in resolved.items() if base.layout is not None}
    if not wanted:
        return []
    scratch = replace(workspace, cache=workspace.cache / "bases-again")  # on the disk that has room for bases
    shutil.rmtree(scratch.cache, ignore_errors=True)
    try:
        made = bases.resolve(scratch, list(wanted), platforms, stand_in=True, say=say)
        return [each for name, base in wanted.items() for each in compare(base, made[name])]
    finally:
        shutil.rmtree(scratch.cache, ignore_errors=True)
        # What emulation notes of a cache; the cache that this is beside has registered it before.
        shutil.rmtree(Places.of(scratch).run, ignore_errors=True)


def compare(old: Base, new: Base) -> Iterator[Remade]:
    """Compare two stand-ins of one base on the platforms that both have."""
    if old.layout is None or new.layout is None:
        return
    first, second = oci.Layout(old.layout), oci.Layout(new.layout)
    for platform in sorted(first.manifests.keys() & second.manifests.keys()):
        was, is_now = (layout.manifests[platform] for layout in (first, second))
        before, after = first.layer(platform), second.layer(platform)
        reason = ""
        if was != is_now:
            packages = _moved(shelf.record(first, platform), shelf.record(second, platform))
            if packages:
                more = f" (and {len(packages) - 3} more)" if len(packages) > 3 else ""
                reason = f"the archive has moved on: {', '.join(packages[:3])}{more}"
            elif before.diff_id == after.diff_id:
                reason = "the same files, described or compressed to other bytes"
            else:
                reason = "the same packages gave other files"
        yield Remade(
            argument=old.argument,
            platform=str(platform),
            old=str(before.digest),
            new=str(after.digest),
            reason=reason,
        )


def _moved(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Packages whose version or bytes are other ones."""
    before, after = ({(p["name"], p["architecture"]): p for p in side["packages"]} for side in (old, new))
    found = []
    for key in sorted(before.keys() | after.keys()):
        was, is_now = before.get(key), after.get(key)
        if was is None or is_now is None:
            found.append(f"{'+' if was is None else '-'}{key[0]} {(was or is_now or {}).get('version')}")
        elif (was["version"], was["sha256"]) != (is_now["version"], is_now["sha256"]):
            found.append(f"{key[0]} {was['version']} → {is_now['version']}")
    return found
