"""Provenance names the source, the bases by digest and what built, and nothing of it is secret."""

from __future__ import annotations

import base64
import json

from galway import catalog, provenance
from galway.bases import Base
from galway.plan import Plan, Settings, Target
from galway.reference import Digest, Platform
from galway.versioning import Source
from galway.workspace import REPOSITORY

REVISION = "a" * 40
BASE = Base(
    argument="UBUNTU_BASE",
    reference="ubuntu:22.04@sha256:" + "b" * 64,
    kind="stand-in",
    digest=Digest("sha256:" + "c" * 64),
    layout=None,
    context=None,
    suite="bookworm",
    description="Debian 12 stand-in",
)
RUN = provenance.Run(
    builder={"kind": "embedded", "docker": "26.1.5", "buildx": "0.13.1"},
    metadata={"buildx.build.ref": "default/default/abc", "containerimage.digest": "sha256:" + "d" * 64},
    started="2026-01-02T03:04:05Z",
    finished="2026-01-02T03:05:05Z",
)


def said() -> dict[str, object]:
    (image,) = catalog.load(REPOSITORY).select(["ci"])
    target = Target(image=image, platform=Platform.parse("arm64"), labels={})
    source = Source(revision=REVISION, branch="main", epoch=1, tree="e" * 40, dirty=False)
    plan = Plan(images=(image,), targets=(target,), source=source, contents={"ci": "x"}, settings=Settings())
    return provenance.predicate(
        plan, target, RUN, source="https://example.org/galway", bases={"UBUNTU_BASE": BASE}, inputs="f" * 64
    )


def test_the_source_commit_and_the_bases_are_dependencies_by_digest() -> None:
    definition = said()["buildDefinition"]
    assert isinstance(definition, dict)
    commit, base = definition["resolvedDependencies"]
    assert commit["digest"] == {"gitCommit": REVISION}
    assert base["uri"] == "docker-image://ubuntu:22.04"
    assert base["digest"] == {"sha256": "c" * 64}
    assert base["annotations"]["kind"] == "stand-in"


def test_what_built_and_when_is_in_the_run() -> None:
    run = said()["runDetails"]
    assert isinstance(run, dict)
    assert run["builder"]["id"] == "https://example.org/galway/builder/embedded"
    assert run["metadata"]["invocationId"] == "default/default/abc"
    (product,) = run["byproducts"]
    assert json.loads(base64.b64decode(product["content"])) == RUN.metadata
