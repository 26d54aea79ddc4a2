"""The images of this checkout, built once for the host's platform in whichever engine answers."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from galway import engine, prepare, process
from galway.stages import build
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.catalog import Image
    from galway.engine import Engine
    from galway.evidence import Record


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs an engine."""
    for item in items:
        item.add_marker(pytest.mark.images)


def say(text: str) -> None:
    """Progress, which pytest shows with -s and after a failure."""
    sys.stderr.write(text + "\n")


@dataclass(frozen=True, kw_only=True)
class Built:
    """The catalog's images as built and loaded."""

    workspace: Workspace
    engine: Engine
    request: build.Request
    records: dict[str, Record]
    images: dict[str, Image]

    def docker(self, *arguments: str, ok: tuple[int, ...] | None = (0,)) -> process.Completed:
        """Run a docker command in the engine."""
        return process.run((self.engine.docker, *arguments), env=self.engine.env, ok=ok, timeout=300)

    def run(self, name: str, *arguments: str, options: tuple[str, ...] = (), ok: tuple[int, ...] | None = (0,)) -> str:
        """Run an image under its own run profile, to its end; its output."""
        image = self.images[name]
        completed = self.docker("run", "--rm", *profile(image), *options, str(image.reference), *arguments, ok=ok)
        return completed.stdout + completed.stderr

    def start(self, name: str, *options: str) -> str:
        """Start an image under its own run profile; the container's id."""
        image = self.images[name]
        return self.docker("run", "--detach", *profile(image), *options, str(image.reference)).stdout.strip()


def profile(image: Image) -> tuple[str, ...]:
    """The options of an image's run profile."""
    run = image.run
    return (
        *(("--read-only",) if run.read_only else ()),
        *(option for mount in run.tmpfs for option in ("--tmpfs", mount)),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", run.user),
        *("--cpus", str(min(run.cpus, 2.0)), "--memory", run.memory, "--memory-swap", run.memory),
    )


@pytest.fixture(scope="session")
def built() -> Iterator[Built]:
    """Build what is missing and load it; an engine that this had to start is stopped at the end."""
    workspace = Workspace.here()
    was_there = engine.find(workspace) is not None
    plan = prepare.plan(workspace)
    request = prepare.request(workspace, plan, builder=None, say=say)
    try:
        records = build.run(workspace, request, observe=lambda _: None)
        build.load(workspace, plan.images, request.engine, say=say)
        yield Built(
            workspace=workspace,
            engine=request.engine,
            request=request,
            records={record.image: record for record in records},
            images={image.name: image for image in plan.images},
        )
    finally:
        if not was_there:
            engine.stop(workspace, say=say)
