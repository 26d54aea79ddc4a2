"""A push sends bytes first and moves tags last, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import registries
from shop import SHA, Shop

from galway import evidence
from galway.errors import BuildError, ConfigurationError
from galway.stages import digest as digests, publish

if TYPE_CHECKING:
    from pathlib import Path

    from galway.evidence import Record

CI = "jpoley/jp-spec-kit-ci"


@pytest.fixture
def shop(tmp_path: Path, registry) -> Shop:
    return Shop.open(tmp_path / "first", f"{registry.name}/jpoley")


def results(record: Record) -> dict[str, str]:
    return {tag: moved["result"] for tag, moved in record.measures["tags"].items()}


def test_a_push_leaves_the_layouts_digest_under_its_tags(shop: Shop, registry) -> None:
    layout = shop.build(shop.image())
    record = shop.push(registry.client(), shop.image())["ci"]
    assert (record.status, record.digest, record.platform) == ("passed", str(layout.digest), "index")
    assert registry.tags(CI) == dict.fromkeys(["main", "main-abc1234", "latest"], str(layout.digest))
    assert registry.manifests[CI, str(layout.digest)][0] == layout.blob(layout.digest).read_bytes()
    assert publish.verdict([record]) is None
    assert evidence.read(shop.workspace.evidence, "ci", "index", "publish") == record


def test_bytes_go_before_manifests_those_before_the_index_and_tags_come_last(shop: Shop, registry) -> None:
    layout = shop.build(shop.image())
    shop.push(registry.client(), shop.image())
    puts = [line.rpartition("/")[2] for line in registry.log if line.startswith("PUT") and "manifests" in line]
    assert puts[:3] == [*(str(m.digest) for m in layout.manifests()), str(layout.digest)]
    assert puts[3:] == ["main-abc1234", "main", "latest"]
    last_blob = max(n for n, line in enumerate(registry.log) if line.startswith("PUT") and "uploads" in line)
    assert last_blob < min(n for n, line in enumerate(registry.log) if line.startswith("PUT") and "manifests" in line)


def test_pushing_again_sends_nothing_and_moves_nothing(shop: Shop, registry) -> None:
    shop.build(shop.image())
    shop.push(registry.client(), shop.image(), ref="refs/tags/v0.1.0")
    count = len(registry.log)
    record = shop.push(registry.client(), shop.image(), ref="refs/tags/v0.1.0")["ci"]
    assert record.status == "passed"
    assert results(record) == {"0.1.0": "same", "0.1": "same", "0": "same"}
    assert not [line for line in registry.log[count:] if line.startswith(("POST", "PATCH"))]


def test_a_release_with_another_digest_is_refused_before_anything_is_sent(shop: Shop, registry) -> None:
    first = shop.build(shop.image()).digest
    shop.push(registry.client(), shop.image(), ref="refs/tags/v0.1.0")
    shop.build(shop.image(), content=b"another")
    count = len(registry.log)
    record = shop.push(registry.client(), shop.image(), ref="refs/tags/v0.1.0")["ci"]
    assert record.status == "failed"
    assert "published already, as another image" in record.reason
    assert registry.tags(CI)["0.1.0"] == str(first)
    assert not [line for line in registry.log[count:] if line.startswith(("POST", "PUT", "PATCH"))]
    error = publish.verdict([record])
    assert error is not None
    assert error.exit_code == 8


def release(shop: Shop, registry, version: str) -> Record:
    image = shop.image(version=version)
    shop.build(image, content=version.encode())
    return shop.push(registry.client(), image, ref=f"refs/tags/v{version}")["ci"]


def test_aliases_follow_the_highest_release_and_never_go_back(shop: Shop, registry) -> None:
    first = release(shop, registry, "1.2.9")
    assert results(first) == {"1.2.9": "set", "1.2": "set", "1": "set"}
    high = release(shop, registry, "1.2.10")
    assert results(high) == {"1.2.10": "set", "1.2": "set", "1": "set"}
    late = release(shop, registry, "1.1.7")
    assert results(late) == {"1.1.7": "set", "1.1": "set", "1": "kept"}
    assert "1.2.10" in late.measures["tags"]["1"]["reason"]
    tags = registry.tags(CI)
    assert tags["1.2"] == tags["1"] == tags["1.2.10"] == high.digest
    assert tags["1.1"] == late.digest


def test_a_prerelease_moves_no_alias(shop: Shop, registry) -> None:
    release(shop, registry, "1.0.0")
    assert results(release(shop, registry, "1.1.0-rc.1")) == {"1.1.0-rc.1": "set"}
    assert registry.tags(CI)["1"] == registry.tags(CI)["1.0.0"]


def test_an_alias_does_not_go_back_where_the_newer_releases_tag_is_gone(shop: Shop, registry) -> None:
    newer = release(shop, registry, "1.3.0")
    del registry.manifests[CI, "1.3.0"]
    assert results(release(shop, registry, "1.2.0"))["1"] == "kept"
    assert registry.tags(CI)["1"] == newer.digest


def push_main(shop: Shop, registry, created: str, sha: str = SHA) -> Record:
    shop.build(shop.image(), content=created.encode(), created=created, sha=sha)
    return shop.push(registry.client(), shop.image(), sha=sha)["ci"]


def test_latest_does_not_go_back_to_an_older_build(shop: Shop, registry) -> None:
    newer = push_main(shop, registry, "2026-02-01T00:00:00Z", "b" * 40)
    older = push_main(shop, registry, "2026-01-01T00:00:00Z")
    assert results(older)["latest"] == "kept"
    assert older.status == "passed"
    assert registry.tags(CI)["latest"] == newer.digest
    newest = push_main(shop, registry, "2026-03-01T00:00:00Z", "c" * 40)
    assert results(newest)["latest"] == "set"
    assert registry.tags(CI)["latest"] == newest.digest


def test_latest_of_unknown_age_is_left_alone_and_named(shop: Shop, registry) -> None:
    theirs = registry.store(CI, "latest", b'{"schemaVersion":2}', "application/vnd.oci.image.index.v1+json")
    record = push_main(shop, registry, "2026-02-01T00:00:00Z")
    assert registry.tags(CI)["latest"] == theirs
    assert record.status == "not_evaluated"
    assert "does not say when it was created" in record.reason
    error = publish.verdict([record])
    assert error is not None
    assert error.exit_code == 10


def test_two_publishers_of_one_release_do_not_both_win(shop: Shop, registry) -> None:
    """The other one writes between our question and our write, and again after our write."""
    shop.build(shop.image())
    theirs = b'{"schemaVersion":2,"theirs":1}'

    def interfere(tag: str) -> None:
        registry.on_put = None
        registry.store(CI, tag, theirs, "application/vnd.oci.image.index.v1+json")

    registry.on_put = interfere
    record = shop.push(registry.client(), shop.image(), ref="refs/tags/v0.1.0")["ci"]
    assert record.status == "failed"
    assert "at the same moment" in record.reason
    assert "0.1" not in registry.tags(CI)


def test_a_higher_release_that_appears_meanwhile_gets_the_alias(shop: Shop, registry) -> None:
    shop.build(shop.image(version="1.0.1"))
    theirs = b'{"schemaVersion":2,"theirs":1}'

    def interfere(tag: str) -> None:
        if tag == "1.0":  # after we listed releases and just before our write of the alias is seen
            registry.on_put = None
            registry.store(CI, "1.0.2", theirs, "application/vnd.oci.image.index.v1+json")

    registry.on_put = interfere
    record = shop.push(registry.client(), shop.image(version="1.0.1"), ref="refs/tags/v1.0.1")["ci"]
    assert results(record) == {"1.0.1": "set", "1.0": "kept", "1": "kept"}
    assert registry.tags(CI)["1.0"] == registries.digest(theirs)


def test_a_newer_build_that_appears_meanwhile_gets_latest(shop: Shop, registry) -> None:
    shop.build(shop.image())
    theirs = b'{"schemaVersion":2,"annotations":{"org.opencontainers.image.created":"2030-01-01T00:00:00Z"}}'

    def interfere(tag: str) -> None:
        if tag == "latest":
            registry.on_put = None
            registry.store(CI, "main-9999999", theirs, "application/vnd.oci.image.index.v1+json")

    registry.on_put = interfere
    record = shop.push(registry.client(), shop.image())["ci"]
    assert results(record)["latest"] == "kept"
    assert registry.tags(CI)["latest"] == registries.digest(theirs)


@pytest.mark.parametrize(
    "fault",
    [{"room": 10}, {"refuse_put": "manifests/sha256"}, {"lie_header": True}, {"lie_body": True}],
    ids=["full", "refuses the manifest", "lies about digests", "lies about bytes"],
)
def test_a_registry_that_fails_moves_no_tag_of_any_image(shop: Shop, registry, fault: dict[str, object]) -> None:
    for name in ("ci", "agent-updates-collector"):
        shop.build(shop.image(name))
    for key, value in fault.items():
        setattr(registry, key, value)
    images = [shop.image(name) for name in ("ci", "agent-updates-collector")]
    records = shop.push(registry.client(), *images, ref="refs/tags/v0.1.0")
    assert {record.status for record in records.values()} == {"failed"}
    assert not registry.tags(CI)


def test_one_image_that_may_not_be_published_keeps_the_tags_of_all(shop: Shop, registry) -> None:
    shop.build(shop.image())
    shop.build(shop.image("agent-updates-collector"), records=False)
    images = [shop.image(name) for name in ("ci", "agent-updates-collector")]
    records = shop.push(registry.client(), *images, ref="refs/tags/v0.1.0")
    assert records["agent-updates-collector"].status == "failed"
    assert "has no record" in records["agent-updates-collector"].reason
    assert records["ci"].status == "not_evaluated"
    assert not registry.tags(CI)


def test_a_layout_changed_after_its_test_is_refused(shop: Shop, registry) -> None:
    layout = shop.build(shop.image())
    layer = layout.manifests()[0].layers[0]
    layout.blob(layer.digest).write_bytes(b"?" * layer.size)
    with pytest.raises(BuildError, match="is not what its digest says"):
        shop.push(registry.client(), shop.image())
    assert registry.log == []


def test_a_report_changed_after_its_record_is_refused(shop: Shop, registry) -> None:
    layout = shop.build(shop.image())
    manifest = layout.manifests()[0]
    kept = evidence.keep(shop.workspace.evidence, "ci", manifest.platform.slug, {"trivy.json": b"{}"})
    shop.record(shop.image(), "scan", manifest.platform.slug, str(manifest.digest), artifacts=kept)
    assert shop.push(registry.client(), shop.image())["ci"].status == "passed"
    (shop.workspace.evidence / "ci" / manifest.platform.slug / "trivy.json").write_bytes(b"[]")
    record = shop.push(registry.client(), shop.image())["ci"]
    assert record.status == "failed"
    assert "its report trivy.json is missing or was changed" in record.reason


def test_a_record_that_its_reports_contradict_is_refused(shop: Shop, registry) -> None:
    shop.build(shop.image())
    judges = {"scan": lambda _record: ("failed", "3 critical")}
    record = shop.push(registry.client(), shop.image(), judges=judges)["ci"]
    assert record.status == "failed"
    assert "the record says passed, its reports say failed: 3 critical" in record.reason


def test_a_ref_that_names_no_image_is_an_error(shop: Shop, registry) -> None:
    shop.build(shop.image())
    with pytest.raises(ConfigurationError, match="releases no image"):
        shop.push(registry.client(), shop.image(), ref="refs/tags/v9.9.9")


@pytest.mark.parametrize(
    ("readable", "visibility", "status"),
    [(True, "public", "passed"), (False, "private", "passed"), (False, "public", "failed"), (True, "private", "10")],
)
def test_visibility_is_proved_by_asking_as_the_public(
    shop: Shop, registry, readable: bool, visibility: str, status: str
) -> None:
    registry.auth, registry.readable = "bearer", readable
    image = shop.image(visibility=visibility)
    shop.build(image)
    record = shop.push(registry.client(registries.login()), image)["ci"]
    assert record.status == (status if status != "10" else "not_evaluated")
    assert registry.tags(CI)


def test_a_wrong_login_moves_no_tag(shop: Shop, registry) -> None:
    registry.auth, registry.readable = "bearer", False
    shop.build(shop.image())
    record = shop.push(registry.client(registries.login("wrong")), shop.image())["ci"]
    assert record.status == "failed"
    assert "refuses the login" in record.reason
    assert not registry.tags(CI)


def test_the_registry_is_asked_what_it_holds(shop: Shop, registry) -> None:
    layout = shop.build(shop.image())
    before = digests.run(shop.workspace, [shop.image()], registry.client())
    assert [(held.where, held.status) for held in before] == [
        ("layout", "there"), ("registry", "missing"), ("0.1.0", "missing"), ("latest", "missing"),
    ]  # fmt: skip
    shop.push(registry.client(), shop.image())
    after = digests.run(shop.workspace, [shop.image()], registry.client())
    assert after[1].reference == after[3].reference == f"{registry.name}/{CI}@{layout.digest}"
    assert digests.verdict(after) is None
