"""Publishing to real registry programs, and what becomes of it when they die, fill up or are shared.

Debian's `docker-registry`, go-containerregistry's `crane registry serve` and olareg run on loopback; the real image is
pulled back by the engine.
"""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import programs
import pytest
from registries import PASSWORD, USER, login
from shop import SHA, Shop

from galway import copying, process, release, toolbox
from galway.layout import Layout
from galway.reference import Digest, ImageRef
from galway.registry import Client, Patience, Repository, referrers
from galway.stages import publish
from galway.tagging import Ref
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Built
    from galway.evidence import Record
    from galway.local_registry import LocalRegistry

CI = "jpoley/jp-spec-kit-ci"
BCRYPT = "$2b$04$BaMSJhKdT5KuWx0bzG5/ZehxesKggVHxSIEHTFW6YCET5cUUvmxJe"
"""Of the tests' password, at the lowest cost."""


@pytest.fixture(params=programs.NAMES)
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalRegistry]:
    made = programs.start(request.param, tmp_path / "registry")
    yield made
    made.stop()


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[LocalRegistry]:
    made = programs.start("docker-registry", tmp_path / "registry")
    yield made
    made.stop()


def client(registry: LocalRegistry, **fields: object) -> Client:
    return Client(registry.name, patience=Patience(tries=1, backoff=0.05), **fields)  # type: ignore[arg-type]


def tags(registry: LocalRegistry, repository: str = CI) -> dict[str, str]:
    found = Repository(client=client(registry), name=repository)
    return {tag: str(found.digest(tag)) for tag in found.tags()}


def large(shop: Shop, *, megabytes: int = 24) -> Layout:
    """A layout with a layer that takes a while."""
    return shop.build(shop.image(), content=os.urandom(megabytes << 20))


def test_the_digest_that_another_program_sees_is_the_layouts(registry: LocalRegistry, tmp_path: Path) -> None:
    shop = Shop.open(tmp_path / "shop", f"{registry.name}/jpoley")
    layout = large(shop, megabytes=3)
    record = shop.push(client(registry), shop.image())["ci"]
    assert record.status == "passed"
    oras = toolbox.ensure(Workspace.here(), "oras")
    for tag in ("main", "main-abc1234", "latest"):
        seen = process.run((str(oras.path), "resolve", "--plain-http", f"{registry.name}/{CI}:{tag}")).stdout.strip()
        assert seen == str(layout.digest)


def test_releases_aliases_and_attachments(registry: LocalRegistry, tmp_path: Path) -> None:
    shop = Shop.open(tmp_path / "shop", f"{registry.name}/jpoley")
    for version in ("1.2.9", "1.2.10", "1.1.7"):
        image = shop.image(version=version)
        shop.build(image, content=version.encode())
        assert shop.push(client(registry), image, ref=f"refs/tags/v{version}")["ci"].status == "passed"
    seen = tags(registry)
    assert seen["1"] == seen["1.2"] == seen["1.2.10"]
    assert seen["1.1"] == seen["1.1.7"]
    target = Repository(client=client(registry), name=CI, push=True)
    subject = Digest.parse(seen["1.2.10"])
    document = target.document(str(subject))
    assert document is not None
    config = target.document(document.json()["manifests"][0]["digest"])
    assert config is not None
    signature = config.content.replace(
        b'"schemaVersion"', f'"subject":{descriptor(document)},"schemaVersion"'.encode(), 1
    )
    attached = referrers.attach(target, signature, media_type=config.media_type)
    assert [each["digest"] for each in referrers.find(target, subject)] == [str(attached)]


def descriptor(document) -> str:
    size = len(document.content)
    return f'{{"mediaType":"{document.media_type}","digest":"{document.digest}","size":{size}}}'


def test_a_registry_killed_in_the_middle_moves_no_tag_and_the_next_run_goes_on(
    debian: LocalRegistry, tmp_path: Path
) -> None:
    shop = Shop.open(tmp_path / "shop", f"{debian.name}/jpoley")
    layout = large(shop)
    sent = killed(debian, shop, after=copying.total([layout]) * 2 // 3)
    assert sent["record"].status == "failed"
    assert "registry 127.0.0.1" in sent["record"].reason
    debian.start()
    assert tags(debian) == {}
    again: list[int] = []
    record = push(debian, shop, again.append)
    assert record.status == "passed"
    assert record.measures["blobs"].get("there", 0) >= 1  # what had arrived was not sent again
    assert tags(debian)["main"] == str(layout.digest)


def test_a_registry_that_comes_back_is_gone_on_with(debian: LocalRegistry, tmp_path: Path) -> None:
    shop = Shop.open(tmp_path / "shop", f"{debian.name}/jpoley")
    layout = large(shop)
    outcome = killed(debian, shop, after=copying.total([layout]) // 3, comes_back=True)
    assert outcome["record"].status == "passed", outcome["record"].reason
    assert tags(debian)["main"] == str(layout.digest)


def killed(registry: LocalRegistry, shop: Shop, *, after: int, comes_back: bool = False) -> dict[str, Record]:
    """Publish, and kill the registry when so many bytes are sent."""
    count, once, lock = 0, threading.Event(), threading.Lock()

    def advance(size: int) -> None:
        nonlocal count
        with lock:
            count += size
            if count > after and not once.is_set():
                once.set()
                registry.stop()
                if comes_back:
                    registry.start()

    return {"record": push(registry, shop, advance)}


def push(registry: LocalRegistry, shop: Shop, advance) -> Record:
    request = publish.Request(
        images=(shop.image(),),
        ref=Ref.parse("refs/heads/main", sha=SHA),
        pinned=True,
        default_branch="main",
        client=client(registry),
    )
    (record,) = publish.run(shop.workspace, request, publish.plan(shop.workspace, request), advance=advance)
    return record


@pytest.mark.skipif(os.geteuid() != 0, reason="a small file system is mounted by root only")
def test_a_full_registry_says_so_and_moves_no_tag(tmp_path: Path) -> None:
    small = tmp_path / "registry"
    small.mkdir()
    process.run(("mount", "-t", "tmpfs", "-o", "size=8m", "galway-test", str(small)))
    try:
        registry = programs.start("docker-registry", small)
        try:
            shop = Shop.open(tmp_path / "shop", f"{registry.name}/jpoley")
            large(shop)
            record = shop.push(client(registry), shop.image())["ci"]
            assert record.status == "failed"
            assert "is full" in record.reason
            assert tags(registry) == {}
        finally:
            registry.stop()
    finally:
        process.run(("umount", str(small)))


def test_logins_and_visibility(tmp_path: Path) -> None:
    accounts = tmp_path / "accounts"
    accounts.write_text(f"{USER}:{BCRYPT}\n")
    assert PASSWORD not in accounts.read_text()
    registry = programs.start("docker-registry", tmp_path / "registry", accounts=accounts)
    try:
        shop = Shop.open(tmp_path / "shop", f"{registry.name}/jpoley")
        private, public = shop.image(visibility="private"), shop.image()
        shop.build(private)
        nobody = shop.push(client(registry), private)["ci"]
        assert "wants a login" in nobody.reason
        wrong = shop.push(client(registry, credentials=login("wrong")), private)["ci"]
        assert "refuses the login" in wrong.reason
        assert shop.push(client(registry, credentials=login()), private)["ci"].status == "passed"
        hidden = shop.push(client(registry, credentials=login()), public)["ci"]
        assert "nobody without a login can read it" in hidden.reason
    finally:
        registry.stop()


def test_two_publishers_at_once_leave_the_aliases_at_the_higher_release(
    registry: LocalRegistry, tmp_path: Path
) -> None:
    # docker-registry answers 500 to who reads a tag's file while another writes it: asking again is part of the promise
    patient = Client(registry.name, patience=Patience(tries=5, backoff=0.05))
    for minor in range(4):
        versions = (f"1.{minor}.1", f"1.{minor}.2")
        shops = {}
        for version in versions:
            shops[version] = Shop.open(tmp_path / version, f"{registry.name}/jpoley")
            shops[version].build(shops[version].image(version=version), content=version.encode())
        records: dict[str, Record] = {}

        def one(version: str, shops=shops, records=records) -> None:
            shop = shops[version]
            image = shop.image(version=version)
            records[version] = shop.push(patient, image, ref=f"refs/tags/v{version}")["ci"]

        threads = [threading.Thread(target=one, args=(version,)) for version in versions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {record.status for record in records.values()} == {"passed"}
        seen = tags(registry)
        assert seen["1"] == seen[f"1.{minor}"] == seen[versions[1]]


def test_the_real_image_is_pulled_back_by_its_digest(built: Built, debian: LocalRegistry, tmp_path: Path) -> None:
    name = "agent-updates-collector"
    shop = Shop.open(tmp_path / "shop", f"{debian.name}/jpoley")
    shutil.copytree(built.workspace.layout(name), shop.workspace.layout(name))
    layout = Layout(shop.workspace.layout(name))
    image = shop.image(name)
    for manifest in layout.manifests():
        for stage in release.GATES:
            shop.record(image, stage, manifest.platform.slug, str(manifest.digest))
    record = shop.push(client(debian), image, sha=release.built(layout).revision)[name]
    assert record.status == "passed"
    reference = ImageRef.parse(str(replace(image.reference, tag=None, digest=layout.digest)))
    try:
        built.docker("pull", str(reference))
        assert "RepoDigests" in built.docker("image", "inspect", str(reference)).stdout
    finally:
        built.docker("image", "rm", "--force", str(reference), ok=None)
