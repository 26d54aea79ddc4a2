"""The history loses no line to a crash, forgets only what it is told to, and never stops a build."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import registries
from shop import ROOT, Shop

from galway import catalog, evidence, history
from galway.errors import BuildError, ConfigurationError, MissingToolError, VerifyError
from galway.history import Figures, Pull, Release, Scan
from galway.reference import Digest
from galway.registry import UnreachableError
from galway.stages import verify
from galway.toolbox import Tool
from galway.tools.cosign import Key
from galway.workspace import Workspace

NOW = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path / "checkout", cache=tmp_path / "cache")


def pull(number: int = 0, at: str = "2026-11-25T00:00:00Z") -> Pull:
    return Pull(at=at, reference=f"ghcr.io/x/{number}@sha256:0", ok=True)


def test_lines_come_back_in_their_order(workspace: Workspace) -> None:
    entries = [pull(1), Scan(at="x", image="ci", platform="p", digest="d", critical=0, high=1), pull(2)]
    assert [history.append(workspace, entry) for entry in entries] == ["", "", ""]
    assert list(history.read(workspace).entries) == entries


def test_a_torn_last_line_is_ignored_and_counted_and_the_next_one_is_whole(workspace: Workspace) -> None:
    history.append(workspace, pull(1))
    history.append(workspace, pull(2))
    path = history.path(workspace)
    path.write_bytes(path.read_bytes()[:-20])
    found = history.read(workspace)
    assert (found.entries, found.ignored) == ((pull(1),), 1)
    history.append(workspace, pull(3))
    found = history.read(workspace)
    assert (found.entries, found.ignored) == ((pull(1), pull(3)), 1)


def test_many_writers_at_once_lose_nothing(workspace: Workspace) -> None:
    def write(start: int) -> None:
        for number in range(start, start + 10):
            history.append(workspace, pull(number))

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 80, 10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = history.read(workspace)
    assert found.ignored == 0
    assert sorted(entry.reference for entry in found.pulls) == sorted(pull(n).reference for n in range(80))


def test_pruning_forgets_what_is_older_and_torn_but_no_last_release(workspace: Workspace) -> None:
    release = Release(
        at="2020-01-01T00:00:00Z",
        image="ci",
        version="1.0.0",
        registry="r",
        digest="d",
        platforms={"p": Figures(digest="d")},
    )
    for entry in (pull(1, "2026-01-01T00:00:00Z"), release, pull(2, "2026-11-24T00:00:00Z")):
        history.append(workspace, entry)
    with history.path(workspace).open("ab") as file:
        file.write(b'{"kind":"pu')
    assert history.prune(workspace, days=30, now=NOW) == 2
    found = history.read(workspace)
    assert (list(found.entries), found.ignored) == ([release, pull(2, "2026-11-24T00:00:00Z")], 0)


def test_pruning_nothing_is_nothing(workspace: Workspace) -> None:
    assert history.prune(workspace, days=1, now=NOW) == 0
    with pytest.raises(ConfigurationError):
        history.prune(workspace, days=-1, now=NOW)


def test_a_log_that_cannot_be_written_is_said_and_stops_nothing(workspace: Workspace) -> None:
    workspace.cache.mkdir()
    (workspace.cache / "history").write_text("in the way")
    said: list[str] = []
    with history.building(workspace, [("ci", "linux-amd64")], said.append) as built:
        built([record()])
    assert len(said) == 1
    assert "cannot be written" in said[0]


def record(**measures: object) -> evidence.Record:
    return evidence.Record(
        stage="build", image="ci", platform="linux-amd64", digest="d", status="passed", seconds=3, started="s",
        measures={"steps": 4, "steps_cached": 1, "compressed": 7, "revision": "abc", **measures},
    )  # fmt: skip


def test_a_build_is_logged_with_what_the_cache_gave(workspace: Workspace) -> None:
    with history.building(workspace, [("ci", "linux-amd64")]) as built:
        built([record()])
    (build,) = history.read(workspace).builds
    assert (build.ok, build.steps, build.cached, build.is_cold, build.revision) == (True, 4, 1, True, "abc")
    assert build.targets[0].compressed == 7


def test_a_build_that_fails_is_logged_and_still_fails(workspace: Workspace) -> None:
    with pytest.raises(BuildError), history.building(workspace, [("ci", "linux-amd64")]):
        raise BuildError("RUN false")
    (build,) = history.read(workspace).builds
    assert (build.ok, build.reason, build.targets[0].image) == (False, "RUN false", "ci")


@pytest.mark.parametrize("error", [MissingToolError("no engine"), KeyboardInterrupt()])
def test_what_never_was_a_build_is_not_logged_as_one(workspace: Workspace, error: BaseException) -> None:
    with pytest.raises(type(error)), history.building(workspace, [("ci", "linux-amd64")]):
        raise error
    assert history.read(workspace).builds == []


def test_a_pull_is_logged_with_its_bytes(workspace: Workspace, tmp_path: Path) -> None:
    blobs = tmp_path / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with history.pulling(workspace, "r/x@sha256:0", tmp_path / "layout"):
        (blobs / "a").write_bytes(b"12345")
    (found,) = history.read(workspace).pulls
    assert (found.ok, found.size) == (True, 5)


def test_a_pull_that_fails_is_logged_whether_it_raises_or_says_so(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(VerifyError), history.pulling(workspace, "r/x@sha256:0", tmp_path):
        raise VerifyError("gone")
    with history.pulling(workspace, "r/x@sha256:0", tmp_path) as attempt:
        attempt.reason = "other bytes"
    assert [(entry.ok, entry.reason) for entry in history.read(workspace).pulls] == [
        (False, "gone"),
        (False, "other bytes"),
    ]


def test_each_checkout_has_a_log_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(root=tmp_path / "other" / "checkout", cache=workspace.cache)
    history.append(workspace, pull())
    assert history.read(other).entries == ()
    assert history.path(workspace).is_relative_to(workspace.cache)


def test_a_scan_without_a_database_counts_nothing(workspace: Workspace) -> None:
    fields = {"stage": "scan", "image": "ci", "platform": "p", "digest": "d", "status": "passed"}
    blind = evidence.Record(**fields, measures={"objection": "there was no database", "counts": {}})
    seen = evidence.Record(**fields, measures={"objection": "", "counts": {"HIGH": 2}})
    history.scanned(workspace, [blind, seen])
    assert [(s.critical, s.high) for s in history.read(workspace).scans("ci", "p")] == [(0, 2)]


class Cosign:
    """Takes whatever it is asked about for signed, and knows no provenance."""

    tool = Tool(name="cosign", version="0", path=Path("cosign"), source="a test", verified="", third_party=False)
    trust = Key(public="key.pub", private="key")

    def unsigned(self, _reference: object) -> str:
        return ""

    def provenance(self, _reference: object) -> tuple[list[object], str]:
        return [], "there is none"


def proved(shop: Shop, registry: registries.Registry, digest: Digest) -> None:
    image = shop.image()
    published = verify.published(
        catalog.load(ROOT), image, replace(image.reference, tag=None, digest=digest), platforms=image.platforms,
        client=registry.client(), cosign=Cosign(),  # type: ignore[arg-type]
    )  # fmt: skip
    verify.run(shop.workspace, published)


def test_a_proof_of_a_published_image_logs_its_pull(tmp_path: Path, registry: registries.Registry) -> None:
    shop = Shop.open(tmp_path, f"{registry.name}/jpoley")
    layout = shop.build(shop.image())
    shop.push(registry.client(), shop.image())
    proved(shop, registry, layout.digest)
    (pull,) = history.read(shop.workspace).pulls
    assert (pull.ok, pull.reason) == (True, "")
    assert pull.size > sum(manifest.size for manifest in layout.manifests())


def test_a_pull_of_what_is_not_there_and_one_from_a_dead_registry_are_failed_ones(tmp_path: Path) -> None:
    with registries.serve() as registry:
        shop = Shop.open(tmp_path, f"{registry.name}/jpoley")
        proved(shop, registry, Digest.parse("sha256:" + "0" * 64))
    with pytest.raises(UnreachableError):
        proved(shop, registry, Digest.parse("sha256:" + "0" * 64))
    missing, dead = history.read(shop.workspace).pulls
    assert not missing.ok
    assert "does not hold" in missing.reason
    assert not dead.ok


def test_a_push_of_a_version_is_a_release_with_its_figures_once_and_one_of_a_branch_is_none(
    tmp_path: Path, registry: registries.Registry
) -> None:
    shop = Shop.open(tmp_path, f"{registry.name}/jpoley")
    layout = shop.build(shop.image())
    measures = {"bases": {}, "steps": 4, "steps_cached": 4, "compressed": 77}
    for manifest in layout.manifests():
        shop.record(shop.image(), "build", manifest.platform.slug, str(manifest.digest), measures=measures, seconds=5.0)
    for ref in ("refs/heads/main", "refs/tags/v0.1.0", "refs/tags/v0.1.0"):
        history.released(shop.workspace, shop.push(registry.client(), shop.image(), ref=ref).values())
    (release,) = history.read(shop.workspace).entries
    assert isinstance(release, Release)
    assert (release.image, release.version, release.digest) == ("ci", "0.1.0", str(layout.digest))
    figures = release.platforms["linux-arm64"]
    assert (figures.compressed, figures.seconds, figures.cold, figures.high) == (77, 5.0, False, None)
