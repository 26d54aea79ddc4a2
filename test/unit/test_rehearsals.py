"""A dry run of push or sign that shows a refusal ends with it, and asks no registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from invoke.context import Context
from shop import ROOT, SHA, Shop

from galway import attachment, evidence, judges
from galway.commands import publishing, signing
from galway.stages import sign
from galway.versioning import Source
from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from registries import Registry

    from galway.layout import Layout


@pytest.fixture
def shop(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A checkout whose commands publish to the test's registry; its records have no reports to be judged by."""
    made = Shop.open(tmp_path, f"{registry.name}/jpoley")
    for name in ("docker", "src", "test"):
        (tmp_path / name).symlink_to(ROOT / name)
    source = Source(revision=SHA, branch="main", epoch=0, tree="", dirty=False)
    monkeypatch.setenv("REGISTRY", made.registry)
    monkeypatch.setattr(Workspace, "here", lambda: made.workspace)
    monkeypatch.setattr(Source, "read", lambda _root: source)
    monkeypatch.setattr(judges, "judges", lambda *_: {})
    return made


def push() -> int:
    return ended(lambda: publishing.push.body(Context(), ["ci"], [], ref="refs/heads/main", sha=SHA, dry=True))


def signed() -> int:
    return ended(lambda: signing.sign.body(Context(), ["ci"], dry=True))


def ended(run) -> int:
    """The exit code of a command's body."""
    try:
        run()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def attach(shop: Shop, layout: Layout) -> None:
    """Provenance and SBOMs of every platform, as build and sbom leave them, and the record of a push."""
    for manifest in layout.manifests():
        where = ("ci", manifest.platform.slug)
        kept = evidence.keep(shop.workspace.evidence, *where, {sign.PROVENANCE: b"{}"})
        shop.record(shop.image(), "build", where[1], str(manifest.digest), artifacts=kept)
        files = {f"{form}.json": b"{}" for form in attachment.SBOM_TYPES}
        kept = evidence.keep(shop.workspace.sboms, *where, files)
        shop.record(shop.image(), "sbom", where[1], str(manifest.digest), artifacts=kept)
    shop.record(shop.image(), "publish", evidence.INDEX, str(layout.digest))


def test_a_push_that_may_go_ends_well(shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    layout = shop.build(shop.image())
    assert push() == 0
    assert str(layout.digest) in capsys.readouterr().out
    assert registry.log == []


def test_a_push_that_is_refused_shows_every_reason_and_ends_with_8(
    shop: Shop, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.build(shop.image(), records=False)
    assert push() == 8
    streams = capsys.readouterr()
    assert streams.out.count("has no record") == 8
    assert "error: ci: may not be published: build on linux/amd64 has no record" in streams.err
    assert "(and 7 more)" in streams.err
    assert registry.log == []


def test_a_push_of_what_was_not_evaluated_ends_with_10(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = shop.build(shop.image()).manifests()[0]
    fields = {"status": "not_evaluated", "reason": "no database"}
    shop.record(shop.image(), "scan", manifest.platform.slug, str(manifest.digest), **fields)
    assert push() == 10
    assert "error: ci: scan on linux/amd64 was not evaluated: no database" in capsys.readouterr().err


def test_a_signature_that_would_be_made_ends_well(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    layout = shop.build(shop.image())
    attach(shop, layout)
    assert signed() == 0
    assert capsys.readouterr().out.count("cosign sign") == 3


def test_what_was_not_published_is_not_signed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    shop.build(shop.image())
    assert signed() == 8
    streams = capsys.readouterr()
    assert streams.out.count("cosign sign") == 3
    assert "error: ci as it is now was not published" in streams.err


def test_a_record_of_a_push_alone_gets_nothing_signed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody copied the image by other means and wrote the record by hand."""
    layout = shop.build(shop.image())
    attach(shop, layout)
    (shop.workspace.evidence / "ci" / "linux-arm64" / "test.json").unlink()
    assert signed() == 8
    assert "error: ci may not be signed: test on linux/arm64 has no record" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("sbom/ci/linux-amd64/spdx.json", "sbom on linux/amd64 failed: its report spdx.json is missing"),
        ("evidence/ci/linux-arm64/provenance.json", "build on linux/arm64 failed: its report provenance.json is"),
    ],
)
def test_what_lacks_a_file_to_attach_is_not_signed(
    shop: Shop, gone: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    attach(shop, shop.build(shop.image()))
    (shop.workspace.state / gone).unlink()
    assert signed() == 8
    assert said in capsys.readouterr().err


def test_a_record_without_its_file_is_not_enough_to_be_signed(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    """The record names no report, so that none is missed by its hash."""
    layout = shop.build(shop.image())
    attach(shop, layout)
    manifest = layout.manifests()[1]
    shop.record(shop.image(), "build", manifest.platform.slug, str(manifest.digest))
    assert signed() == 8
    assert "error: ci for linux/arm64 has no provenance of these bytes" in capsys.readouterr().err
