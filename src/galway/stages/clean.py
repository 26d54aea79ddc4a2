"""Deletes what builds left: in the checkout, in the engine's cache, or all that Galway put on the machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from galway import engine, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.workspace import Workspace


def run(workspace: Workspace, *, cache: bool = False, everything: bool = False, dry: bool = False) -> Iterator[str]:
    """Delete, and yield a line about each thing deleted (or, with `dry`, to be deleted).

    Parameters
    ----------
    cache:
        Also the engine's build cache and dangling images.
    everything:
        Also the embedded engine, the builder made for the user's Docker and the user's cache: bases, tools, uv.
    """
    word = "would delete" if dry else "deleted"
    if workspace.state.exists():
        if not dry:
            shutil.rmtree(workspace.state)
        yield f"{word} {workspace.state}"
    answering = engine.find(workspace) if cache and not everything else None
    if answering is not None:
        for argv in commands(answering.docker, answering.builder):
            yield _run(argv, answering.env, dry=dry)
    if everything and (removal := engine.removal(workspace)) is not None:
        yield _run(*removal, dry=dry)
    if everything and workspace.cache.exists():
        if not dry:
            engine.remove(workspace)
            shutil.rmtree(workspace.cache)
        yield f"{word} {workspace.cache}"


def commands(docker: str, builder: str | None) -> tuple[tuple[str, ...], ...]:
    """What empties the build cache of an engine, or of its builder, and drops images that nothing names."""
    named = () if builder is None else ("--builder", builder)
    return ((docker, "buildx", "prune", *named, "--all", "--force"), (docker, "image", "prune", "--force"))


def _run(argv: tuple[str, ...], env: Mapping[str, str], *, dry: bool) -> str:
    if not dry:
        process.run(argv, env=env)
    return f"{'would run' if dry else 'ran'} {process.quote(argv)}"
