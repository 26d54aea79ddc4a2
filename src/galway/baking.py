"""Runs one bake of a plan: its definition on disk, the one command, BuildKit's steps as they come, errors explained."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from galway import plan as planning, process
from galway.engine import DOCKER, EMBEDDED
from galway.layout import Layout
from galway.tools import buildx, failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path, PurePath

    from galway.bases import Base
    from galway.engine import Engine
    from galway.layout import Manifest
    from galway.plan import Plan, Target
    from galway.tools.buildx import Step, Trace
    from galway.workspace import Workspace

LARGER = {
    DOCKER: "give your Docker a larger disk",
    EMBEDDED: "point GALWAY_CACHE at a larger disk",
}
"""The way to a larger disk, by kind of engine."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a build works with.

    Parameters
    ----------
    plan:
        What to build.
    bases:
        Resolved base images by Dockerfile argument.
    secrets:
        For each image, files mounted while its steps run, by id.
    engine:
        What builds.
    """

    plan: Plan
    bases: Mapping[str, Base]
    secrets: Mapping[str, Mapping[str, str]]
    engine: Engine


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where one bake has its files, all relative to the repository, in whose root it runs.

    Parameters
    ----------
    definition:
        The bake definition.
    out:
        Takes one single-platform OCI layout per target.
    """

    definition: Path
    out: PurePath = planning.OUT

    @property
    def metadata(self) -> Path:
        """Where bake says what it built."""
        return self.definition.with_name("metadata.json")


def place(workspace: Workspace) -> Place:
    """Where `inv build` bakes."""
    return Place(definition=workspace.plan.relative_to(workspace.root))


def define(workspace: Workspace, request: Request, where: Place) -> dict[str, Any]:
    """Write the bake definition where a person can run it by hand, and return it."""
    definition = planning.bake(request.plan, out=where.out, bases=request.bases, secrets=request.secrets)
    path = workspace.root / where.definition
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".part")
    aside.write_text(json.dumps(definition, indent=2) + "\n", encoding="utf-8")
    aside.replace(path)
    return definition


def command(
    where: Place, *, docker: str = "docker", builder: str | None = None, unexported: Sequence[str] = ()
) -> tuple[str, ...]:
    """The one command that a bake is, in the repository's root."""
    return buildx.bake(docker, where.definition, metadata=where.metadata, builder=builder, unexported=unexported)


def run(
    workspace: Workspace,
    request: Request,
    where: Place,
    observe: Callable[[Step], None],
    *,
    unexported: Sequence[str] = (),
) -> tuple[Trace, float]:
    """Bake what was defined; BuildKit's steps, and the seconds that it took.

    Parameters
    ----------
    observe:
        Told of each step as it begins and ends.
    unexported:
        Targets that are only solved.

    Raises
    ------
    BuildError
        A step failed, or the disk is full; the message names step and image.
    """
    trace = buildx.Trace([target.name for target in request.plan.targets])

    def feed(line: str) -> None:
        for step in trace.feed(line):
            observe(step)

    argv = command(where, docker=request.engine.docker, builder=request.engine.builder, unexported=unexported)
    done = process.run(argv, env=request.engine.env, cwd=workspace.root, ok=None, on_stderr=feed)
    if done.code != 0:
        shutil.rmtree(workspace.root / where.out, ignore_errors=True)  # half an image; it may be what fills the disk
        raise failure.explain(trace, destination=str(where.out), engines_disk=LARGER[request.engine.kind])
    return trace, done.seconds


def version(engine: Engine) -> str:
    """What buildx says about itself."""
    return process.run(buildx.version(engine.docker), env=engine.env).stdout.strip()


def baked(workspace: Workspace, where: Place, target: Target) -> tuple[Layout, Manifest]:
    """What a bake left of one target.

    Raises
    ------
    BuildError
        It is missing or damaged.
    """
    layout = Layout(workspace.root / where.out / target.name)
    return layout, of(layout, target)


def of(layout: Layout, target: Target) -> Manifest:
    """The manifest of a target's platform.

    Raises
    ------
    BuildError
        The layout is missing, damaged, or lacks the platform.
    """
    for manifest in layout.manifests():
        if manifest.platform == target.platform:
            return manifest
    raise layout.damaged(f"it lacks {target.platform}")
