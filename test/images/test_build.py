"""What a build leaves behind: whole layouts, records, images within budget, and nothing to do the second time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from galway import evidence
from galway.layout import Layout
from galway.reference import Platform
from galway.stages import build

if TYPE_CHECKING:
    from conftest import Built

NAMES = ("security-scanner", "ci", "agent-updates-collector")
HOST = Platform.of_host()


@pytest.mark.parametrize("name", NAMES)
def test_the_layout_is_whole_and_its_record_speaks_of_it(built: Built, name: str) -> None:
    layout = Layout(built.workspace.layout(name))
    layout.verify()
    digests = {manifest.platform: str(manifest.digest) for manifest in layout.manifests()}
    record = evidence.read(built.workspace.evidence, name, HOST.slug, "build")
    assert record is not None
    assert record.digest == digests[HOST]


@pytest.mark.parametrize("name", NAMES)
def test_the_compressed_size_is_within_its_budget(built: Built, name: str) -> None:
    measures = built.records[name].measures
    assert 0 < measures["compressed"] <= measures["size_budget"]


@pytest.mark.parametrize("name", NAMES)
def test_the_image_is_loaded_with_its_labels_and_a_numeric_user(built: Built, name: str) -> None:
    image = built.images[name]
    (found,) = json.loads(built.docker("image", "inspect", str(image.reference)).stdout)
    labels = found["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == image.title
    assert labels["org.opencontainers.image.version"] == image.version
    assert labels["org.opencontainers.image.revision"].startswith(built.request.plan.source.revision)
    assert found["Config"]["User"].partition(":")[0] == "1000"
    assert found["Config"]["Healthcheck"]["Test"][0] in ("CMD", "CMD-SHELL")


def test_a_rebuild_takes_every_step_from_the_cache_and_gives_the_same_digests(built: Built) -> None:
    again = build.run(built.workspace, built.request, observe=lambda _: None, say=print)
    assert {record.image: record.digest for record in again} == {n: r.digest for n, r in built.records.items()}
    steps = sum(record.measures["steps"] for record in again)
    assert steps > 0
    assert sum(record.measures["steps_cached"] for record in again) / steps > 0.8
