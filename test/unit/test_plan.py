"""The plan decides without acting, and its bake definition says all that a build needs."""

import dataclasses
from pathlib import Path

import pytest

from galway import catalog, plan as planning
from galway.bases import Base
from galway.errors import ConfigurationError, NothingSelectedError
from galway.plan import Plan, Settings
from galway.reference import Digest, Platform
from galway.versioning import Source

ROOT = Path(__file__).parents[2]
AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
SOURCE = Source(revision="a" * 40, branch="main", epoch=1_700_000_000, tree="b" * 40, dirty=False)


def make(*names: str, platforms: tuple[Platform, ...] = (AMD64,), settings: Settings | None = None) -> Plan:
    table = catalog.load(ROOT)
    contents = {image.name: f"content of {image.name}" for image in table.images}
    return planning.make(
        table, names=names, platforms=platforms, source=SOURCE, contents=contents, settings=settings or Settings()
    )


def test_every_image_becomes_one_target_per_platform() -> None:
    targets = planning.bake(make(platforms=(AMD64, ARM64)))["group"]["default"]["targets"]
    images = catalog.load(ROOT).images
    assert targets == [f"{image.name}-{platform.architecture}" for image in images for platform in (AMD64, ARM64)]
    assert "ci-arm64" in targets


def test_a_target_holds_epoch_labels_annotations_and_no_provenance() -> None:
    target = planning.bake(make("ci", settings=Settings(epoch=1_767_225_600)))["target"]["ci-amd64"]
    assert target["args"]["SOURCE_DATE_EPOCH"] == "1767225600"
    assert target["labels"]["org.opencontainers.image.created"] == "2023-11-14T22:13:20Z"
    assert f"manifest:org.opencontainers.image.revision={'a' * 40}" in target["annotations"]
    assert target["attest"] == ["type=provenance,disabled=true"]
    assert "rewrite-timestamp=true" in target["output"][0]


def test_official_bases_are_named_by_digest() -> None:
    args = planning.bake(make("ci"))["target"]["ci-amd64"]["args"]
    assert args["UBUNTU_BASE"].startswith("ubuntu:22.04@sha256:")


def test_a_stand_in_becomes_a_build_context() -> None:
    digest = Digest("sha256:" + "c" * 64)
    base = Base(
        argument="UBUNTU_BASE",
        reference="ubuntu:22.04@sha256:" + "d" * 64,
        kind="stand-in",
        digest=digest,
        layout=Path("/cache/ubuntu"),
        context="galway-ubuntu",
        suite="bookworm",
        description="",
    )
    target = planning.bake(make("ci"), bases={"UBUNTU_BASE": base})["target"]["ci-amd64"]
    assert target["args"]["UBUNTU_BASE"] == "galway-ubuntu"
    assert target["contexts"] == {"galway-ubuntu": f"oci-layout:///cache/ubuntu@{digest}"}


def test_another_base_that_was_chosen_replaces_the_dockerfiles_default() -> None:
    reference = "ubuntu:24.04@sha256:" + "d" * 64
    base = Base(
        argument="UBUNTU_BASE",
        reference=reference,
        kind="registry",
        digest=Digest("sha256:" + "d" * 64),
        layout=None,
        context=None,
        suite="",
        description="",
    )
    target = planning.bake(make("ci"), bases={"UBUNTU_BASE": base})["target"]["ci-amd64"]
    assert target["args"]["UBUNTU_BASE"] == reference


def test_the_cache_has_a_scope_per_image_and_architecture() -> None:
    bake = planning.bake(make("ci", platforms=(AMD64, ARM64), settings=Settings(cache="localhost:5000/cache")))
    refs = [target["cache-to"][0] for target in bake["target"].values()]
    assert [ref.split(",")[1] for ref in refs] == [
        "ref=localhost:5000/cache/ci:amd64",
        "ref=localhost:5000/cache/ci:arm64",
    ]


def test_a_context_of_its_own_has_its_dockerfile_relative_to_it() -> None:
    target = planning.bake(make("agent-updates-collector"))["target"]["agent-updates-collector-amd64"]
    assert (target["context"], target["dockerfile"]) == ("src/agent-updates-collector", "Dockerfile")


def test_inputs_change_with_the_sources_and_not_with_the_platform() -> None:
    plan = make("ci", platforms=(AMD64, ARM64))
    first, second = (planning.inputs(plan, target, {}) for target in plan.targets)
    assert first == second
    other = dataclasses.replace(plan, contents={"ci": "another"})
    assert planning.inputs(other, other.targets[0], {}) != first


def test_an_unknown_image_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        make("nothing")


def test_a_selection_without_a_platform_is_nothing() -> None:
    with pytest.raises(NothingSelectedError):
        make(platforms=())


def test_the_matrix_lists_every_target() -> None:
    include = planning.matrix(make(platforms=(AMD64, ARM64)))["include"]
    images = catalog.load(ROOT).images
    assert [(entry["image"], entry["architecture"]) for entry in include] == [
        (image.name, platform.architecture) for image in images for platform in (AMD64, ARM64)
    ]
