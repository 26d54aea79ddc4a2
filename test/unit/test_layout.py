"""OCI layouts: assembled from manifests alone, checked blob by blob, packed for `docker load`."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from galway import assembly
from galway.errors import BuildError
from galway.layout import INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, Layout
from galway.reference import Platform

AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
CONTENT = b"content" * 1000


def put(folder: Path, data: bytes) -> str:
    name = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / "sha256" / name).write_bytes(data)
    return f"sha256:{name}"


def make(folder: Path, architecture: str, *, compression: str = "zstd", attestation: bool = False) -> Layout:
    """A layout as BuildKit leaves it: one manifest of one layer, perhaps below an index with an attestation."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo(f"file-{architecture}")
        info.size = len(CONTENT)
        archive.addfile(info, io.BytesIO(CONTENT))
    plain = tar.getvalue()
    layer = {"zstd": zstandard.compress(plain), "gzip": gzip.compress(plain, mtime=0), "": plain}[compression]
    config = json.dumps({"os": "linux", "architecture": architecture, "history": [{"created_by": "COPY x"}]}).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"digest": put(folder, config), "size": len(config)},
        "layers": [
            {
                "digest": put(folder, layer),
                "size": len(layer),
                "mediaType": LAYER_TYPE + (f"+{compression}" if compression else ""),
            }
        ],
    }
    root = {"mediaType": MANIFEST_TYPE, "digest": put(folder, json.dumps(document).encode())}
    if attestation:
        child = {"mediaType": MANIFEST_TYPE, "digest": "sha256:" + "0" * 64}
        child["annotations"] = {"vnd.docker.reference.type": "attestation-manifest"}  # type: ignore[assignment]
        index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [root, child]}
        root = {"mediaType": INDEX_TYPE, "digest": put(folder, json.dumps(index).encode())}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [root]}))
    return Layout(folder)


@pytest.mark.parametrize("compression", ["zstd", "gzip", ""])
def test_a_layers_unpacked_size_is_its_tars(tmp_path: Path, compression: str) -> None:
    layout = make(tmp_path, "amd64", compression=compression)
    (manifest,) = layout.manifests()
    assert layout.unpacked_size(manifest.layers[0]) == 10240
    assert manifest.layers[0].instruction == "COPY x"


def test_attestations_are_left_out(tmp_path: Path) -> None:
    assert [m.platform for m in make(tmp_path, "arm64", attestation=True).manifests()] == [ARM64]


def test_an_index_is_a_function_of_its_manifests(tmp_path: Path) -> None:
    amd64, arm64 = make(tmp_path / "a", "amd64"), make(tmp_path / "b", "arm64")
    first = assembly.assemble(tmp_path / "1", {AMD64: amd64, ARM64: arm64}, name="1.0", annotations={"k": "v"})
    second = assembly.assemble(tmp_path / "2", {AMD64: amd64}, name="1.0", annotations={"k": "v"})
    assert second.digest != first.digest
    second = assembly.assemble(tmp_path / "2", {ARM64: arm64, AMD64: second}, name="1.0", annotations={"k": "v"})
    assert second.digest == first.digest
    assert [m.platform for m in second.manifests()] == [AMD64, ARM64]
    second.verify()


def test_a_dropped_platforms_blobs_go(tmp_path: Path) -> None:
    amd64, arm64 = make(tmp_path / "a", "amd64"), make(tmp_path / "b", "arm64")
    both = assembly.assemble(tmp_path / "1", {AMD64: amd64, ARM64: arm64}, name="1.0", annotations={})
    gone = both.manifests()[1]
    one = assembly.assemble(tmp_path / "1", {AMD64: amd64}, name="1.0", annotations={})
    assert not one.blob(gone.layers[0].digest).exists()
    one.verify()


def test_the_archive_holds_what_docker_load_reads(tmp_path: Path) -> None:
    layout = make(tmp_path, "amd64")
    (manifest,) = layout.manifests()
    data = b"".join(assembly.archive(layout, manifest, ("ghcr.io/a/b:1",)))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for name in archive.getnames():
            if name.startswith("blobs/"):
                member = archive.extractfile(name)
                assert member is not None
                assert hashlib.sha256(member.read()).hexdigest() == name.rpartition("/")[2]
        listed = archive.extractfile("manifest.json")
        assert listed is not None
        assert json.load(listed)[0]["RepoTags"] == ["ghcr.io/a/b:1"]


def test_no_layout_says_build_first(tmp_path: Path) -> None:
    with pytest.raises(BuildError) as caught:
        _ = Layout(tmp_path).digest
    assert "inv build" in caught.value.hint


def corrupt_layer(layout: Layout) -> None:
    path = layout.blob(layout.manifests()[0].layers[0].digest)
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def truncate_layer(layout: Layout) -> None:
    path = layout.blob(layout.manifests()[0].layers[0].digest)
    path.write_bytes(path.read_bytes()[:-10])


def corrupt_manifest(layout: Layout) -> None:
    path = layout.blob(layout.manifests()[0].digest)
    path.write_bytes(path.read_bytes() + b" ")


def corrupt_index(layout: Layout) -> None:
    (layout.folder / "index.json").write_text("{")


@pytest.mark.parametrize("damage", [corrupt_layer, truncate_layer, corrupt_manifest, corrupt_index])
def test_damage_is_found_and_says_what_to_do(tmp_path: Path, damage: object) -> None:
    layout = make(tmp_path, "amd64")
    damage(layout)  # type: ignore[operator]
    with pytest.raises(BuildError, match="damaged") as caught:
        layout.verify()
    assert "build again" in caught.value.hint


def test_an_unknown_compression_is_refused(tmp_path: Path) -> None:
    layout = make(tmp_path, "amd64")
    (manifest,) = layout.manifests()
    layer = manifest.layers[0]
    odd = type(layer)(digest=layer.digest, size=layer.size, media_type="application/x", instruction="")
    with pytest.raises(BuildError, match="unknown media type"):
        layout.unpacked_size(odd)
