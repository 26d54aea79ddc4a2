"""Who follows docs/adding-an-image.md to the letter in a fresh clone has an image that builds and passes every test."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import TYPE_CHECKING

import pages
import pytest

from galway import engine, evidence, process
from galway.reference import Platform
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from galway.engine import Engine

PAGE = "docs/adding-an-image.md"
NAME = "greeter"
REFERENCE = f"ghcr.io/jpoley/{NAME}:0.1.0"
WRITES = 11
"""Files that the page makes or adds to: one that is not read as such would be left out in silence."""

STEP_SECONDS = 300.0

ASKS = re.compile(r"\bcatalog\b|images\.toml|^import (?:bundles|pages|scored|shop|workflows)$|^from shop", re.MULTILINE)
"""How a unit test shows that it reads the catalog, the workflows or the pages; the others cannot see a fourth image."""

IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "A reader"), ("EMAIL", "reader@example.com"))
}
"""Git commits for nobody; a fresh machine has no identity set."""


@pytest.fixture
def docker() -> Iterator[tuple[Engine, Workspace]]:
    """The engine that answers, without any image of the catalog; stopped at the end where it had to be started."""
    workspace = Workspace.here()
    was_there = engine.find(workspace) is not None
    try:
        yield engine.ensure(workspace), workspace
    finally:
        if not was_there:
            engine.stop(workspace)


@pytest.mark.slow
def test_the_page_leads_to_an_image_that_passes(docker: tuple[Engine, Workspace], tmp_path: Path) -> None:
    """The commands use this machine's engine and caches; the clone has its own environment, layouts and records."""
    answering, here = docker
    there = dataclasses.replace(here, root=tmp_path / "galway")
    process.run(("git", "clone", "--quiet", str(here.root), str(there.root)), timeout=STEP_SECONDS)
    steps = pages.steps((here.root / PAGE).read_text())
    assert sum(isinstance(step, pages.Write) for step in steps) == WRITES
    try:
        for step in steps:
            if isinstance(step, pages.Write):
                step.apply(there.root)
            else:
                env = {**os.environ, **IDENTITY}
                process.run(("sh", "-ec", step.line), cwd=there.root, env=env, timeout=STEP_SECONDS)
        for stage in ("build", "sbom", "test"):
            record = evidence.read(there.evidence, NAME, Platform.of_host().slug, stage)
            assert record is not None
            assert record.status == "passed", record.reason
        tests = [str(path.relative_to(there.root)) for path in sorted(there.root.glob("test/unit/**/test_*.py"))]
        asking = [path for path in tests if ASKS.search((there.root / path).read_text())]
        assert len(asking) > 20
        process.run(("scripts/nox", "-s", "tests", "--", *asking), cwd=there.root, timeout=STEP_SECONDS)
        greeting = process.run((answering.docker, "run", "--rm", REFERENCE, "Ada"), env=answering.env, timeout=60)
        assert greeting.stdout == "hello, Ada\n"
    finally:
        process.run((answering.docker, "image", "rm", "--force", REFERENCE), env=answering.env, ok=None, timeout=60)
