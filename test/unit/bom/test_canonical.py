"""Trivy's SBOMs become a function of the manifest: what a second run drew or timed anew is gone."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from galway import bom
from galway.bom import canonical
from galway.reference import Digest, ImageRef, Platform

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parents[2] / "data" / "sbom"
MAKE = {"cyclonedx": canonical.cyclonedx, "spdx": canonical.spdx}
SUBJECT = canonical.Subject(
    reference=ImageRef.parse("ghcr.io/jpoley/jp-spec-kit-ci:1.2.3"),
    digest=Digest.parse("sha256:" + "a" * 64),
    platform=Platform.parse("arm64"),
    created="2026-11-02T12:55:59Z",
)


def captured(run: str, form: str) -> bytes:
    return (DATA / f"{run}.{form}.json").read_bytes()


@pytest.mark.parametrize("form", MAKE)
def test_two_runs_of_trivy_give_the_same_bytes(form: str) -> None:
    assert captured("first", form) != captured("second", form)
    assert MAKE[form](captured("first", form), SUBJECT) == MAKE[form](captured("second", form), SUBJECT)


@pytest.mark.parametrize("form", MAKE)
def test_making_it_canonical_again_changes_nothing(form: str) -> None:
    once = MAKE[form](captured("first", form), SUBJECT)
    assert json.loads(MAKE[form](once, SUBJECT)) == json.loads(once)


@pytest.mark.parametrize("form", MAKE)
def test_the_packages_stay_and_the_document_names_the_manifest(form: str) -> None:
    raw = captured("first", form)
    made = bom.read(MAKE[form](raw, SUBJECT))
    assert made.packages == bom.read(raw).packages
    assert made.subject == SUBJECT.purl
    assert "a" * 64 in made.subject


@pytest.mark.parametrize("form", MAKE)
def test_another_manifest_gives_another_document(form: str) -> None:
    other = canonical.Subject(
        reference=SUBJECT.reference,
        digest=Digest.parse("sha256:" + "b" * 64),
        platform=SUBJECT.platform,
        created=SUBJECT.created,
    )
    identity: dict[str, Callable[[Any], Any]] = {
        "cyclonedx": lambda d: d["serialNumber"],
        "spdx": lambda d: d["documentNamespace"],
    }
    raw = captured("first", form)
    one, two = (identity[form](json.loads(MAKE[form](raw, subject))) for subject in (SUBJECT, other))
    assert one != two


def test_no_time_of_a_scan_is_left() -> None:
    for form, make in MAKE.items():
        raw = captured("first", form)
        assert b"2026-11-25T" in raw
        # what stays of that day is the image's own label
        left = [line for line in make(raw, SUBJECT).splitlines() if b"2026-11-25T" in line]
        assert all(b"value" in line or b"comment" in line for line in left)


def test_every_edge_leads_to_a_component_and_copies_of_a_crate_stay_apart() -> None:
    document = json.loads(canonical.cyclonedx(captured("first", "cyclonedx"), SUBJECT))
    refs = [component["bom-ref"] for component in document["components"]]
    assert len(set(refs)) == len(refs)
    known = {*refs, SUBJECT.purl}
    assert all({edge["ref"], *edge["dependsOn"]} <= known for edge in document["dependencies"])
    programs = {c["bom-ref"]: c["name"] for c in document["components"] if c["type"] == "application"}
    below = {programs[e["ref"]]: set(e["dependsOn"]) for e in document["dependencies"] if e["ref"] in programs}
    assert len(below) == 2
    assert not below["opt/ci/bin/uv"] & below["opt/ci/bin/uvx"]


def test_the_order_in_which_trivy_names_things_plays_no_part() -> None:
    document = msgspec.json.decode(captured("first", "cyclonedx"))
    shuffle = random.Random(7).shuffle  # noqa: S311 - no secret depends on it
    shuffle(document["components"])
    shuffle(document["dependencies"])
    for edge in document["dependencies"]:
        shuffle(edge["dependsOn"])
    expected = canonical.cyclonedx(captured("first", "cyclonedx"), SUBJECT)
    assert canonical.cyclonedx(json.dumps(document).encode(), SUBJECT) == expected
