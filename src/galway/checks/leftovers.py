"""Removes what a run of tests made in the engine, nobody else's: containers, volumes and names of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.checks.containers import CHECKOUT, REPOSITORY, RUN

if TYPE_CHECKING:
    from galway.engine import Engine

_CONTAINER = '{"id":{{json .Id}},"image":{{json .Config.Image}},"labels":{{json .Config.Labels}}}'


class _Container(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    image: str = ""
    labels: dict[str, str] | None = None


def sweep(engine: Engine, run: str) -> int:
    """Remove the leftovers of one run, or of all runs of a checkout.

    container-structure-test cannot label its containers: they are known by the image's name, which has the run in it.

    Parameters
    ----------
    run:
        `<checkout>.<run>`, or `<checkout>` alone.

    Returns
    -------
    int
        How many containers and volumes there were.
    """
    label = f"{RUN if '.' in run else CHECKOUT}={run}"
    containers = [found.id for found in _containers(engine) if _belongs(found, run)]
    if containers:
        _docker(engine, "rm", "--force", "--volumes", *containers)
    volumes = _docker(engine, "volume", "ls", "--quiet", "--filter", f"label={label}").split()
    if volumes:
        _docker(engine, "volume", "rm", "--force", *volumes)
    names = _docker(
        engine, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={REPOSITORY}/*"
    )
    if images := [name for name in names.split() if is_of(name, run)]:
        _docker(engine, "image", "rm", "--force", *images)
    return len(containers) + len(volumes)


def is_of(image: str, run: str) -> bool:
    """Whether an image's name is one that a run, or a checkout, gave."""
    found = image.rpartition("-")[2]
    return image.startswith(f"{REPOSITORY}/") and run in (found, found.partition(".")[0])


def _belongs(container: _Container, run: str) -> bool:
    labels = container.labels or {}
    return run in (labels.get(RUN), labels.get(CHECKOUT)) or is_of(container.image, run)


def _containers(engine: Engine) -> list[_Container]:
    """All containers of the engine; one that goes away meanwhile is left out."""
    if not (ids := _docker(engine, "ps", "--all", "--quiet", "--no-trunc").split()):
        return []
    text = _docker(engine, "container", "inspect", "--format", _CONTAINER, *ids)
    return [msgspec.json.decode(line, type=_Container) for line in text.splitlines() if line.startswith("{")]


def _docker(engine: Engine, *arguments: str) -> str:
    return process.run((engine.docker, *arguments), env=engine.env, ok=None).stdout
