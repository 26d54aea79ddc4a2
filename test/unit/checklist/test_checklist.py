"""Each item of the specification's checklist passes on a good image, and fails when its cause is planted."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from scored import World
from shop import ROOT

from galway import checklist, facts
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from galway.checklist import Verdict

APPENDIX = {
    "Pre-build": (
        "Use official base images (python:3.11-slim, rust:1.75-slim)",
        "Pin exact versions of base images",
        "Use multi-stage builds to reduce size",
    ),
    "During build": (
        "Layer dependencies before code (better caching)",
        "Clean up apt/yum caches (reduce size)",
        "Use --no-cache-dir for pip (reduce size)",
    ),
    "Post-build": (
        "Create non-root user (security)",
        "Set appropriate file permissions (security)",
        "Add HEALTHCHECK instruction (reliability)",
        "Label image with metadata (maintainability)",
    ),
    "Testing": (
        "Scan with Trivy (security)",
        "Run container-structure-tests (correctness)",
        "Test on both amd64 and arm64 (compatibility)",
    ),
    "Publishing": (
        "Tag with semantic version (traceability)",
        "Sign with Cosign (integrity)",
        "Push to GHCR (availability)",
    ),
}
"""The specification's "Appendix: Dockerfile Checklist"."""

(
    OFFICIAL,
    PINNED,
    STAGES,
    ORDER,
    CACHES,
    PIP,
    USER,
    MODES,
    HEALTH,
    LABELS,
    TRIVY,
    STRUCTURE,
    BOTH,
    VERSION,
    SIGNED,
    GHCR,
) = (item for items in APPENDIX.values() for item in items)


@pytest.fixture
def world(tmp_path: Path) -> World:
    for name in ("images.toml", *(path.name for path in (ROOT / "docker").glob("Dockerfile*"))):
        (tmp_path / "docker").mkdir(exist_ok=True)
        shutil.copy(ROOT / "docker" / name, tmp_path / "docker" / name)
    for name in ("test", "src", "docker/seccomp"):
        (tmp_path / name).symlink_to(ROOT / name)
    return World(root=tmp_path)


def judge(world: World) -> dict[str, Verdict]:
    return {verdict.item: verdict for verdict in checklist.judge(world.known(), root=world.root)}


def failing(found: dict[str, Verdict]) -> set[str]:
    return {item for item, verdict in found.items() if verdict.status == "failed"}


def test_every_item_of_the_specifications_appendix_is_one_row_and_nothing_else_is() -> None:
    assert [(group, item) for group, item, _ in checklist.ITEMS] == [
        (group, item) for group, items in APPENDIX.items() for item in items
    ]


def test_an_image_has_a_row_for_each_item_in_the_appendixs_order(world: World) -> None:
    rows = checklist.judge(world.known(), root=world.root)
    assert [(row.group, row.item) for row in rows] == [(group, item) for group, item, _ in checklist.ITEMS]
    assert {row.image for row in rows} == {"ci"}


def test_a_good_image_passes_every_item_with_evidence(world: World) -> None:
    found = judge(world)
    assert {verdict.status for verdict in found.values()} == {"passed"}, found
    assert all(verdict.evidence and verdict.detail for verdict in found.values())
    assert found[PINNED].evidence == ("Dockerfile:2",)
    assert found[USER].evidence == ("linux/amd64 config.User", "Dockerfile:18", "linux/arm64 config.User")
    assert found[TRIVY].detail.startswith("0 critical, 4 high")
    assert checklist.verdict(found.values()) is None


def text(old: str, new: str) -> Callable[[World], None]:
    def plant(world: World) -> None:
        assert re.search(old, world.dockerfile, re.DOTALL)
        world.dockerfile = re.sub(old, new, world.dockerfile, count=1, flags=re.DOTALL)

    return plant


def configure(**config: Any) -> Callable[[World], None]:
    return lambda world: world.config.update(config)


def check(name: str, detail: str = "") -> Callable[[World], None]:
    def plant(world: World) -> None:
        checks = [dict(each) for each in world.records["linux-amd64", "test"]["measures"]["checks"]]
        for each in checks:
            if each["name"] == name:
                each.update(status="failed", detail=detail or f"{name} is wrong", hint="mend it")
        world.change("linux-amd64", "test", checks=checks)

    return plant


def record(platform: str, stage: str, **fields: Any) -> Callable[[World], None]:
    return lambda world: world.records[platform, stage].update(fields)


def without_arm64(world: World) -> None:
    world.image = replace(world.image, platforms=(Platform.parse("amd64"),))


def unsigned(world: World) -> None:
    world.records["index", "sign"] = world.records["index", "verify"] = {}


def branch_push(world: World) -> None:
    world.change("index", "publish", tags={"main": {"result": "set", "reason": ""}})


PLANTED: list[tuple[str, Callable[[World], None], str, str]] = [
    (
        OFFICIAL,
        text("python:3.11", "quay.io/some/python:3.11"),
        "quay.io/some/python:3.11-slim is no",
        "Dockerfile:2",
    ),
    (PINNED, text(r"@sha256:\w+", ""), "python:3.11-slim names no digest", "Dockerfile:2"),
    (PINNED, text("3.11-slim", "latest"), "latest is no version", "Dockerfile:2"),
    (STAGES, text("FROM .* AS builder.*\n\nFROM", "FROM"), "1 stage", "Dockerfile:4"),
    (STAGES, text("--from=builder ", ""), "copies from no other", "Dockerfile:15"),
    (ORDER, text("COPY requirements.txt", "COPY ."), "pip first runs at line 9, after code", "Dockerfile:8"),
    (CACHES, text(" && .\n    rm -rf /var/lib/apt/lists/.", ""), "apt leaves its lists", "Dockerfile:5"),
    (
        CACHES,
        check("package-caches", "/var/lib/apt/lists/x"),
        "/var/lib/apt/lists/x",
        "record test linux/amd64: package-caches",
    ),
    (PIP, check("package-caches", "/root/.cache/x"), "/root/.cache/x", "record test linux/amd64: package-caches"),
    (PIP, text(" --no-cache-dir", ""), "pip leaves its cache", "Dockerfile:9"),
    (USER, configure(User="root"), "USER root is no number", "linux/amd64 config.User"),
    (USER, configure(User=""), "no USER is set", "linux/amd64 config.User"),
    (MODES, check("world-writable"), "world-writable is wrong", "record test linux/amd64"),
    (HEALTH, configure(Healthcheck={"Test": ["NONE"]}), "no HEALTHCHECK", "linux/amd64 config.Healthcheck"),
    (LABELS, configure(Labels={}), "title is missing", "linux/amd64 config.Labels"),
    (
        TRIVY,
        record("linux-arm64", "scan", status="failed", reason="1 CRITICAL"),
        "1 CRITICAL",
        "record scan linux/arm64",
    ),
    (STRUCTURE, check("binary"), "binary is wrong", "record test linux/amd64"),
    (BOTH, record("linux-arm64", "test", status="failed", reason="it fell"), "it fell", "record test linux/arm64"),
    (BOTH, without_arm64, "the catalog leaves out linux/arm64", "docker/images.toml"),
    (VERSION, branch_push, "pushed as main: no semantic version", "record publish"),
    (SIGNED, unsigned, "no record of sign", "record sign"),
    (GHCR, record("index", "publish", status="failed", reason="denied"), "denied", "record publish"),
]
"""What makes each item fail: the item, how its cause is planted, what is told of it, and the evidence."""

DECIDED_BY_THE_DOCKERFILE = {PINNED, STAGES, ORDER, CACHES, PIP}
"""A Dockerfile is always there, so that these have a verdict before anything is built."""


def test_each_item_is_seen_to_fail_below_and_to_be_left_open_unless_the_dockerfile_decides_it(world: World) -> None:
    assert {item for item, *_ in PLANTED} == set(judge(world))
    stood_in = {"B": {"kind": "stand-in", "what": "stand-in"}}
    world.change("linux-amd64", "build", bases=stood_in)
    open_with_a_build = {item for item, verdict in judge(world).items() if verdict.status == "not_evaluated"}
    shutil.rmtree(world.workspace.layout("ci"))
    known = facts.read(world.workspace, world.image, judges={})
    bare = {verdict.item for verdict in checklist.judge(known, root=world.root) if verdict.status == "not_evaluated"}
    assert open_with_a_build | bare == set(judge(world)) - DECIDED_BY_THE_DOCKERFILE


@pytest.mark.parametrize(("item", "plant", "told", "evidence"), PLANTED)
def test_an_item_fails_alone_when_its_cause_is_planted(
    world: World, item: str, plant: Callable[[World], None], told: str, evidence: str
) -> None:
    plant(world)
    found = judge(world)
    assert failing(found) == {item}
    assert told in found[item].detail
    assert evidence in found[item].evidence
    assert found[item].hint
    error = checklist.verdict(found.values())
    assert error is not None
    assert error.exit_code == 7


@pytest.mark.parametrize(
    ("item", "plant", "told"),
    [
        (OFFICIAL, lambda w: w.change("linux-amd64", "build", bases={"B": {"kind": "stand-in", "what": "stand-in"}}),
         "this build stands on a stand-in"),
        (MODES, lambda w: w.change("linux-amd64", "test", checks=[]), "was not checked"),
        (TRIVY, lambda w: w.change("linux-amd64", "scan", objection="there was no database"), "there was no database"),
        (TRIVY, record("linux-amd64", "scan", digest="sha256:0"), "speaks of sha256:0"),
        (GHCR, lambda w: w.change("index", "publish", registry="127.0.0.1:5000"), "a registry on this machine"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_not_evaluated(
    world: World, item: str, plant: Callable[[World], None], told: str
) -> None:
    plant(world)
    found = judge(world)
    assert found[item].status == "not_evaluated"
    assert told in found[item].detail
    assert found[item].hint
    assert item not in failing(found)


def test_what_an_image_has_no_use_for_is_said_to_be_unneeded_and_never_passed(world: World) -> None:
    world.dockerfile = re.sub(r"RUN .*?\nSH\n", "", world.dockerfile, flags=re.DOTALL)
    found = judge(world)
    assert {item for item, verdict in found.items() if verdict.status == "skipped"} == {ORDER, CACHES, PIP}


def test_without_a_build_only_what_the_dockerfile_decides_has_a_verdict(world: World) -> None:
    world.known()
    shutil.rmtree(world.workspace.layout("ci"))
    known = facts.read(world.workspace, world.image, judges={})
    found = {v.item: v.status for v in checklist.judge(known, root=world.root)}
    assert {item for item, status in found.items() if status == "passed"} == {
        OFFICIAL,
        PINNED,
        STAGES,
        ORDER,
        CACHES,
        PIP,
    }
    assert set(found.values()) == {"passed", "not_evaluated"}


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt",
        "RUN PIP_NO_CACHE_DIR=1 pip install -r requirements.txt",
        "ENV PIP_NO_CACHE_DIR=1\nRUN pip install -r requirements.txt",
    ],
)
def test_pips_cache_may_be_kept_out_in_any_of_its_ways(world: World, line: str) -> None:
    world.dockerfile = re.sub(r"RUN --mount=type=secret.*?\nSH", line, world.dockerfile, flags=re.DOTALL)
    assert judge(world)[PIP].status == "passed"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (
            "RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt apt-get install x",
            "passed",
        ),
        ("RUN --mount=type=cache,target=/var/cache/apt apt-get install x", "failed"),
        ("RUN apk add --no-cache x", "passed"),
        ("RUN apk add x", "failed"),
        ("RUN dnf -y install x && dnf clean all", "passed"),
    ],
)
def test_each_package_manager_cleans_up_in_its_way(world: World, line: str, status: str) -> None:
    world.dockerfile = world.dockerfile.replace("COPY requirements.txt", f"{line}\nCOPY requirements.txt")
    assert judge(world)[CACHES].status == status
