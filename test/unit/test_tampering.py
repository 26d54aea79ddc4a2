"""What somebody who edits layouts, records and reports gets past the gates: nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import layouts
import pytest
from shop import ANNOTATION, SHA, Shop

from galway import evidence, judges, prepare, release
from galway.errors import BuildError, ConfigurationError
from galway.layout import ATTESTATION, MANIFEST_TYPE
from galway.release import STAND_IN
from galway.stages import publish
from galway.tagging import Ref
from galway.vulnerabilities import judging
from galway.workspace import REPOSITORY, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from registries import Registry

    from galway.evidence import Record
    from galway.layout import Layout


@pytest.fixture
def shop(tmp_path: Path, registry: Registry) -> Shop:
    return Shop.open(tmp_path, f"{registry.name}/jpoley")


def reindex(layout: Layout, edit: Callable[[dict[str, Any]], None]) -> None:
    """Put an edited index in the place of a layout's own; the platforms' images and their records stay as they are."""
    document = layout.document(layout.digest)
    edit(document)
    layouts.put_root(
        layout.folder, {"mediaType": document["mediaType"], **layouts.put_document(layout.folder, document)}
    )


def smuggle(document: dict[str, Any]) -> None:
    """An image of somebody else's, first in the list, that gates and tests take for an attestation."""
    entry = {
        "mediaType": MANIFEST_TYPE,
        "digest": "sha256:" + "e" * 64,
        "size": 1,
        "platform": {"os": "linux", "architecture": "amd64"},
        "annotations": {ATTESTATION: "attestation-manifest"},
    }
    document["manifests"].insert(0, entry)


def rename(document: dict[str, Any]) -> None:
    """Another commit and another time than those that the images carry."""
    document["annotations"][f"{ANNOTATION}.created"] = "2999-01-01T00:00:00Z"


def shadow(document: dict[str, Any]) -> None:
    """Readers in other languages take a field of another case for the same one."""
    document["Manifests"] = []


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (smuggle, "its index is not the one that its platforms make"),
        (shadow, "its index is not the one that its platforms make"),
        (rename, "its index says org.opencontainers.image.created='2999-01-01T00:00:00Z', linux/amd64 says '2026"),
    ],
)
def test_an_index_that_was_edited_is_published_nowhere(
    shop: Shop, registry: Registry, edit: Callable[[dict[str, Any]], None], said: str
) -> None:
    reindex(shop.build(shop.image()), edit)
    record = shop.push(registry.client(), shop.image())["ci"]
    assert record.status == "failed"
    assert said in record.reason
    assert not [line for line in registry.log if line.startswith(("POST", "PUT"))]


def test_an_index_that_changes_after_the_gates_is_not_sent(shop: Shop, registry: Registry) -> None:
    layout = shop.build(shop.image())
    ref = Ref.parse("refs/heads/main", sha=SHA)
    request = publish.Request(
        images=(shop.image(),), ref=ref, pinned=True, default_branch="main", client=registry.client()
    )
    jobs = publish.plan(shop.workspace, request)
    layout.blob(layout.digest).write_bytes(b'{"schemaVersion":2}')
    (record,) = publish.run(shop.workspace, request, jobs)
    assert record.status == "failed"
    assert "is not what its digest says" in record.reason
    assert not registry.manifests


def test_a_record_counts_only_where_it_was_made(shop: Shop, registry: Registry) -> None:
    """The good scan of one platform, under the name of another one's, with that one's digest written into it."""
    layout = shop.build(shop.image())
    folder = shop.workspace.evidence / "ci"
    amd64, arm64 = (manifest.digest for manifest in layout.manifests())
    moved = (folder / "linux-amd64" / "scan.json").read_text().replace(str(amd64), str(arm64))
    (folder / "linux-arm64" / "scan.json").write_text(moved)
    record = shop.push(registry.client(), shop.image())["ci"]
    assert record.status == "failed"
    assert "scan on linux/arm64 has no record" in record.reason


def scanned(shop: Shop, layout: Layout, image: str) -> Record:
    """A record of a scan whose report says that it is about the image of this configuration."""
    manifest = layout.manifests()[0]
    report = {"SchemaVersion": 2, "Metadata": {"ImageID": image, "OS": {"Family": "debian", "Name": "12"}}}
    where = ("ci", manifest.platform.slug)
    kept = evidence.keep(shop.workspace.evidence, *where, {judging.REPORT: json.dumps(report).encode()})
    return shop.record(shop.image(), "scan", where[1], str(manifest.digest), artifacts=kept)


def test_a_genuine_report_about_another_image_is_no_verdict_about_this_one(shop: Shop) -> None:
    layout = shop.build(shop.image())
    rules = prepare.rules(Workspace(root=REPOSITORY, cache=shop.workspace.cache))
    (shop.workspace.root / "docker").symlink_to(REPOSITORY / "docker")
    judge = judges.judges(shop.workspace, [shop.image()], rules)["scan"]
    own = scanned(shop, layout, str(layout.manifests()[0].config_digest))
    assert "is about another image" not in judge(own)[1]
    other = scanned(shop, layout, str(layout.manifests()[1].config_digest))
    assert judge(other) == ("failed", "trivy.json is about another image")


def built(folder: Path, labels: dict[str, str]) -> release.Built:
    return release.built(layouts.build(folder, {"app": b"x"}, config={"Labels": labels}))


def test_a_stand_in_is_known_by_its_label_whatever_the_record_says(tmp_path: Path) -> None:
    image = Shop.open(tmp_path, "ghcr.io/jpoley").image()
    image = replace(image, platforms=image.platforms[:1])
    made = built(tmp_path / "a", {STAND_IN: "ubuntu:22.04"})
    for one, refused in ((made, True), (built(tmp_path / "b", {}), False)):
        records = [
            evidence.Record(
                stage=stage,
                image="ci",
                platform="linux-amd64",
                digest=str(next(iter(one.manifests.values()))),
                status="passed",
                measures={"bases": {image.bases[0][0]: {"kind": "registry"}}},
            )
            for stage in release.GATES
        ]
        found = release.requirements(records, one, image, "", loopback=False)
        assert any("stands on a stand-in base" in line for line in found.refusals) == refused


JSON = [None, True, -1, 1 << 70, "x", "sha256:zz", [], [None], {}, {"digest": 1}, [{}], [[]]]


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a JSON document."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield (*path, key)
        yield from places(document[key], (*path, key))


def edited(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    copy = json.loads(json.dumps(document))
    spot = copy
    for key in path[:-1]:
        spot = spot[key]
    spot[path[-1]] = value
    return copy


@pytest.mark.parametrize("kind", ["root", "index", "manifest", "config"])
def test_a_layout_with_anything_in_any_place_is_read_or_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "ci"
    config = {"Labels": {f"{ANNOTATION}.version": "1"}, "Env": ["A=b"]}
    layout = layouts.build(folder, {"app": b"x"}, config=config, annotations={f"{ANNOTATION}.version": "1"})
    index = layout.document(layout.digest)
    manifest = layout.document(layout.manifests()[0].digest)
    configuration = layout.document(layout.manifests()[0].config_digest)
    root = json.loads((folder / "index.json").read_text())
    whole = {"root": root, "index": index, "manifest": manifest, "config": configuration}[kind]
    refused = 0
    for path in places(whole):
        for value in JSON:
            changed = edited(whole, path, value)
            if kind == "root":
                (folder / "index.json").write_text(json.dumps(changed))
            else:
                one = layouts.put_document(folder, changed if kind == "config" else configuration)
                two = changed if kind == "manifest" else {**manifest, "config": {**manifest["config"], **one}}
                descriptor = {**index["manifests"][0], **layouts.put_document(folder, two)}
                three = changed if kind == "index" else {**index, "manifests": [descriptor]}
                layouts.put_root(folder, {"mediaType": index["mediaType"], **layouts.put_document(folder, three)})
            try:
                found = release.built(layout)
                layout.verify()
                refused += bool(found.flaws)
                for one_platform in layout.manifests():
                    assert one_platform.created
                    assert one_platform.size >= 0
            except (BuildError, ConfigurationError):
                refused += 1
    assert refused
