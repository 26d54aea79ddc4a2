"""A bundle carries every platform of an image, whichever machine packs and loads it, and each is checked on its own."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
import registries
from bundles import NAME, build, changed, checkout, load
from signer import Program, Signer

from galway import local_registry
from galway.airgap import Packing, loading, packing, shared
from galway.bundling import contents
from galway.errors import VerifyError
from galway.layout import Layout
from galway.tools.cosign import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from galway.airgap import Loaded
    from galway.workspace import Workspace

PEM = "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n"

pytestmark = pytest.mark.starts_processes  # git is asked for the commit


@contextlib.contextmanager
def in_memory(_workspace: Workspace, _folder: Path, **_: Any) -> Iterator[registries.Registry]:
    """Stands for the registry that is thrown away."""
    with registries.serve() as made:
        yield made


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle of one image for two platforms, and what it was made of."""

    path: Path
    built: Layout
    key: Key
    site: Workspace

    def load(self, registry: registries.Registry, path: Path | None = None, **options: Any) -> list[Loaded]:
        """Load it, or another file, into the site's registry."""
        values = {"registry": registry.name, "key": self.key.public, **options}
        return load(self.site, path or self.path, **values)

    def platforms(self, registry: registries.Registry) -> dict[str, str]:
        """What the index that lies under the version's tag there lists."""
        (repository, content) = next(
            (name, content)
            for (name, tag), (content, _) in registry.manifests.items()
            if tag[:1].isdigit() and name.endswith(f"-{NAME}")
        )
        assert registries.digest(content) == str(self.built.digest)
        listed = self.built.document(self.built.digest)["manifests"]
        return {
            each["platform"]["architecture"]: each["digest"]
            for each in listed
            if (repository, each["digest"]) in registry.manifests
        }


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """Packed once, without Cosign and without a registry program."""
    folder = tmp_path_factory.mktemp("sender")
    sender = checkout(folder / "checkout")
    build(sender, "hello")
    key = Key(private=str(folder / "k.key"), public=str(folder / "k.pub"))
    (folder / "k.key").write_text("private")
    (folder / "k.pub").write_text(PEM.format("b3Vycw=="))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COSIGN_PASSWORD", "")
        patch.setattr(local_registry, "running", in_memory)
        patch.setattr(shared, "cosign_tool", lambda *_: Program())
        patch.setattr(packing, "Cosign", Signer)
        patch.setattr(loading, "Cosign", Signer)
        patch.setattr(packing.judges, "judges", lambda *_: {})  # no reports of real tools lie behind these records
        path = folder / "bundle.tar"
        Packing(workspace=sender, names=[NAME], key=key.private).run(path)
        yield Bundle(path=path, built=Layout(sender.layout(NAME)), key=key, site=sender)


@pytest.fixture
def bundle(packed: Bundle, tmp_path: Path) -> Bundle:
    """The bundle at a site of its own."""
    return replace(packed, site=checkout(tmp_path / "site"))


def test_both_platforms_arrive_under_one_digest_with_their_signatures(bundle: Bundle) -> None:
    with registries.serve() as registry:
        (loaded,) = bundle.load(registry)
        assert loaded.digest == str(bundle.built.digest)
        wanted = {one.platform.architecture: str(one.digest) for one in bundle.built.manifests()}
        assert sorted(wanted) == ["amd64", "arm64"]
        assert bundle.platforms(registry) == wanted
        tags = {tag for _, tag in registry.manifests}
        for digest in (loaded.digest, *wanted.values()):
            assert digest.replace(":", "-") + ".sig" in tags
        for digest in wanted.values():
            assert digest.replace(":", "-") + ".att" in tags


def test_the_contents_name_both_platforms(bundle: Bundle, tmp_path: Path) -> None:
    changed(bundle.path, tmp_path / "x", lambda _folder: None)
    (packed,) = contents.read(tmp_path / "x" / "open").images
    assert packed.platforms == ("linux/amd64", "linux/arm64")


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
@pytest.mark.parametrize("part", ["layer", "config", "manifest"])
def test_a_corrupt_blob_of_either_platform_is_refused_and_nothing_is_loaded(
    bundle: Bundle, tmp_path: Path, architecture: str, part: str
) -> None:
    def corrupt(folder: Path) -> None:
        layout = Layout(folder / "oci" / NAME)
        (one,) = (each for each in layout.manifests() if each.platform.architecture == architecture)
        digest = {"layer": one.layers[0].digest, "config": one.config_digest, "manifest": one.digest}[part]
        blob = layout.blob(digest)
        blob.write_bytes(blob.read_bytes()[:-1] + b"\0")

    path = changed(bundle.path, tmp_path / "x", corrupt)
    with registries.serve() as registry:
        with pytest.raises(VerifyError, match=f"the bundle's {NAME} is damaged") as caught:
            bundle.load(registry, path)
        assert "nothing was loaded" in caught.value.hint
        assert not registry.manifests
        assert not registry.blobs
    assert not list((bundle.site.state / "bundle").iterdir())


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_a_platform_whose_signature_was_taken_away_is_refused(
    bundle: Bundle, tmp_path: Path, architecture: str
) -> None:
    (one,) = (each for each in bundle.built.manifests() if each.platform.architecture == architecture)

    def strip(folder: Path) -> None:
        path = folder / "attached" / NAME / "index.json"
        path.write_text(
            path.read_text().replace(f"{one.digest}".replace(":", "-") + ".sig", "sha256-" + "0" * 64 + ".sig")
        )

    path = changed(bundle.path, tmp_path / "x", strip)
    with registries.serve() as registry:
        with pytest.raises(VerifyError, match=f"linux-{architecture} signature"):
            bundle.load(registry, path)
        assert not registry.manifests


def test_another_key_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "other.pub").write_text(PEM.format("dGhlaXJz"))
    with registries.serve() as registry:
        with pytest.raises(VerifyError, match="it was signed with the key"):
            bundle.load(registry, key=str(tmp_path / "other.pub"))
        assert not registry.manifests
