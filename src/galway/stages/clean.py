"""Deletes what builds left: in the checkout, in the engine's cache, or all that Galway put on the machine."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from galway import engine, process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.workspace import Workspace


def run(workspace: Workspace, *, cache: bool = False, everything: bool = False, dry: bool = False) -> Iterator[str]:
    """Delete, and yield a line about each thing deleted (or, with `dry`, to be deleted).

    Parameters
    ----------
    cache:
        Also the engine's build cache and dangling images.
    everything:
        Also the embedded engine and the user's cache: bases, tools, uv.
    """
    word = "would delete" if dry else "deleted"
    if workspace.state.exists():
        if not dry:
            shutil.rmtree(workspace.state)
        yield f"{word} {workspace.state}"
    answering = engine.find(workspace) if cache and not everything else None
    if answering is not None:
        for argv in commands(answering.docker):
            if not dry:
                process.run(argv, env=answering.env)
            yield f"{'would run' if dry else 'ran'} {process.quote(argv)}"
    if everything and workspace.cache.exists():
        if not dry:
            engine.remove(workspace)
            shutil.rmtree(workspace.cache)
        yield f"{word} {workspace.cache}"


def commands(docker: str) -> tuple[tuple[str, ...], ...]:
    """What empties an engine's build cache and drops images that nothing names."""
    return ((docker, "buildx", "prune", "--all", "--force"), (docker, "image", "prune", "--force"))
