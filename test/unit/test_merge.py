"""Parts from several machines become the index that one machine would have made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import registries
from shop import Shop

from galway import assembly, copying, evidence
from galway.errors import BuildError, ConfigurationError
from galway.layout import Layout
from galway.reference import ImageRef, Platform
from galway.stages import merge

if TYPE_CHECKING:
    from pathlib import Path

NAME = "127.0.0.1:1/jpoley"


def machine(tmp_path: Path, architectures: tuple[str, ...], registry: str = NAME, **fields: str) -> Shop:
    """A machine that built some platforms, its index as `inv build` assembles it."""
    shop = Shop.open(tmp_path / "-".join((*architectures, *fields.values())), registry)
    made = shop.build(shop.image(), architectures=architectures, **fields)  # type: ignore[arg-type]
    annotations = made.document(made.digest)["annotations"]
    sources = {manifest.platform: made for manifest in made.manifests()}
    assembly.assemble(shop.workspace.layout("ci"), sources, name="0.1.0", annotations=annotations)
    return shop


def join(tmp_path: Path, *folders: Path) -> Layout:
    shop = Shop.open(tmp_path / "merged", NAME)
    return merge.run(shop.workspace, shop.image(), folders=folders, references=(), client=None)


def test_copies_of_other_machines_folders_give_the_index_of_one_machine(tmp_path: Path) -> None:
    one = machine(tmp_path, ("amd64", "arm64"))
    parts = [machine(tmp_path, (name,)).workspace.state for name in ("arm64", "amd64")]
    merged = join(tmp_path, *parts)
    assert merged.digest == Layout(one.workspace.layout("ci")).digest
    assert [m.platform for m in merged.manifests()] == [Platform.parse("amd64"), Platform.parse("arm64")]
    record = evidence.read(tmp_path / "merged/.galway/evidence", "ci", "linux-arm64", "scan")
    assert record is not None
    assert record.digest == str(merged.manifests()[1].digest)


def test_layouts_alone_will_do(tmp_path: Path) -> None:
    parts = [machine(tmp_path, (name,)).workspace.layout("ci") for name in ("amd64", "arm64")]
    assert len(join(tmp_path, *parts).manifests()) == 2


def test_digests_that_were_pushed_give_the_same_index(tmp_path: Path) -> None:
    with registries.serve() as registry:
        name = f"{registry.name}/jpoley"
        one = machine(tmp_path, ("amd64", "arm64"), name)
        references = []
        for architecture in ("amd64", "arm64"):
            shop = machine(tmp_path, (architecture,), name)
            found = copying.parts(shop.workspace, registry.client(), [shop.image()])
            copying.copy_parts(found)
            references += [ImageRef.parse(str(each)) for part in found for each in part.references]
        assert not registry.tags("jpoley/jp-spec-kit-ci")
        target = Shop.open(tmp_path / "merged", name)
        merged = merge.run(
            target.workspace, target.image(), folders=(), references=references, client=registry.client()
        )
        assert merged.digest == Layout(one.workspace.layout("ci")).digest
        merged.verify()


def test_a_digest_that_is_not_there_says_how_to_get_it_there(tmp_path: Path) -> None:
    with registries.serve() as registry:
        target = Shop.open(tmp_path, f"{registry.name}/jpoley")
        reference = ImageRef.parse(f"{registry.name}/jpoley/jp-spec-kit-ci@sha256:{'0' * 64}")
        with pytest.raises(BuildError) as caught:
            merge.run(target.workspace, target.image(), folders=(), references=[reference], client=registry.client())
    assert "inv push --parts" in caught.value.hint


def test_a_missing_platform_is_named(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="ci lacks linux/arm64"):
        join(tmp_path, machine(tmp_path, ("amd64",)).workspace.state)


def test_a_platform_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    two = [machine(tmp_path, ("amd64",)), machine(tmp_path, ("amd64", "arm64"), sha="1" * 40)]
    with pytest.raises(BuildError, match="linux/amd64 is there twice"):
        join(tmp_path, *(shop.workspace.state for shop in two))


def test_parts_of_different_commits_are_refused(tmp_path: Path) -> None:
    two = [machine(tmp_path, ("amd64",)), machine(tmp_path, ("arm64",), sha="1" * 40)]
    with pytest.raises(BuildError, match=r"different sources: org\.opencontainers\.image\.revision"):
        join(tmp_path, *(shop.workspace.state for shop in two))


def test_a_folder_without_the_image_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds nothing of ci"):
        join(tmp_path, tmp_path)


def test_a_damaged_part_changes_nothing(tmp_path: Path) -> None:
    shop = machine(tmp_path, ("amd64", "arm64"))
    layout = Layout(shop.workspace.layout("ci"))
    layer = layout.manifests()[0].layers[0]
    layout.blob(layer.digest).write_bytes(b"?" * layer.size)
    with pytest.raises(BuildError):
        join(tmp_path, shop.workspace.state)
    assert not (tmp_path / "merged/.galway/oci").exists()
