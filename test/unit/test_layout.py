"""OCI layouts: assembled from manifests alone, checked blob by blob, packed for `docker load`."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import layouts
import pytest
import zstandard

from galway import assembly
from galway.errors import BuildError
from galway.layout import CHUNK, DOCUMENT_LIMIT, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, Layout
from galway.reference import Platform

AMD64, ARM64 = Platform.parse("amd64"), Platform.parse("arm64")
CONTENT = b"content" * 1000


def make(folder: Path, architecture: str, *, compression: str = "zstd") -> Layout:
    return layouts.build(
        folder,
        {f"file-{architecture}": CONTENT},
        architecture=architecture,
        compression=compression,
        history=["COPY x"],
    )


@pytest.mark.parametrize("compression", ["zstd", "gzip", ""])
def test_a_layers_unpacked_size_is_its_tars(tmp_path: Path, compression: str) -> None:
    layout = make(tmp_path, "amd64", compression=compression)
    (manifest,) = layout.manifests()
    assert layout.unpacked_size(manifest.layers[0]) == 10240
    assert manifest.layers[0].instruction == "COPY x"


def test_attestations_are_left_out(tmp_path: Path) -> None:
    manifest = layouts.put_manifest(tmp_path, [layouts.tar({"a": b""})], architecture="arm64")
    layout = layouts.put_index(tmp_path, [manifest, layouts.attestation(tmp_path)])
    assert [m.platform for m in layout.manifests()] == [ARM64]


def test_a_lone_manifest_is_an_image_too(tmp_path: Path) -> None:
    layout = layouts.put_root(tmp_path, layouts.put_manifest(tmp_path, [layouts.tar({"a": b""})]))
    assert [m.platform for m in layout.manifests()] == [AMD64]


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


def lengthen_layer(layout: Layout) -> None:
    path = layout.blob(layout.manifests()[0].layers[0].digest)
    path.write_bytes(path.read_bytes() + b"x")


def remove_layer(layout: Layout) -> None:
    layout.blob(layout.manifests()[0].layers[0].digest).unlink()


LAYER_DAMAGE = {
    "is not what its digest says|cannot be decompressed": corrupt_layer,
    r"is cut short: \d+ bytes instead of \d+": truncate_layer,
    "is too long": lengthen_layer,
    "is missing": remove_layer,
}


@pytest.mark.parametrize("words", LAYER_DAMAGE)
def test_who_reads_a_damaged_layer_is_told_how_it_is_damaged(tmp_path: Path, words: str) -> None:
    layout = make(tmp_path, "amd64")
    LAYER_DAMAGE[words](layout)
    with pytest.raises(BuildError, match=words):
        layout.unpacked_size(layout.manifests()[0].layers[0])


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


ENTRIES = {
    "an index inside its index": lambda folder, good: [
        {"mediaType": INDEX_TYPE, **layouts.put_document(folder, {"manifests": [good]})}
    ],
    "unknown media type application/x": lambda _, good: [{**good, "mediaType": "application/x"}],
    "linux/amd64 twice": lambda _, good: [good, good],
    "as linux/arm64, its configuration says linux/amd64": lambda _, good: [
        {**good, "platform": {"os": "linux", "architecture": "arm64"}}
    ],
    "blob 111111111111 is missing": lambda _, good: [{**good, "digest": f"sha256:{'1' * 64}"}],
    "not a sha256 digest": lambda _, good: [{**good, "digest": "md5:1"}],
    "lacks its 'digest'": lambda _, __: [{"mediaType": MANIFEST_TYPE}],
    "lacks its 'config'": lambda folder, _: [
        {"mediaType": MANIFEST_TYPE, **layouts.put_document(folder, {"layers": []})}
    ],
    "is not a list of objects": lambda _, __: ["sha256"],
    "too many for a JSON document": lambda folder, good: [
        {**good, "digest": layouts.put(folder, b" " * (DOCUMENT_LIMIT + 1))}
    ],
}


@pytest.mark.parametrize("words", ENTRIES)
def test_an_index_that_lists_something_odd_is_refused_and_the_oddity_named(tmp_path: Path, words: str) -> None:
    good = layouts.put_manifest(tmp_path, [layouts.tar({"a": b""})])
    layout = layouts.put_index(tmp_path, ENTRIES[words](tmp_path, good))
    with pytest.raises(BuildError, match=words):
        layout.manifests()


def unpack(folder: Path, plain: bytes, blob: bytes, kind: str) -> int:
    config = {"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [sha256(plain)]}}
    layer = {"mediaType": LAYER_TYPE + kind, "digest": layouts.put(folder, blob), "size": len(blob)}
    document = {"config": layouts.put_document(folder, config), "layers": [layer]}
    layout = layouts.put_root(folder, {"mediaType": MANIFEST_TYPE, **layouts.put_document(folder, document)})
    return layout.unpacked_size(layout.manifests()[0].layers[0])


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def noise(size: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(size // 32))


PACK = {"+gzip": gzip.compress, "+zstd": zstandard.compress}


@pytest.mark.parametrize("kind", PACK)
def test_a_layer_of_several_gzip_members_or_zstd_frames_is_read_to_its_end(tmp_path: Path, kind: str) -> None:
    parts = [noise(300_000), b"", b"x" * 3_000_000]
    assert unpack(tmp_path, b"".join(parts), b"".join(map(PACK[kind], parts)), kind) == 3_300_000


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("cut", [1, 9, 1000])
def test_a_compressed_stream_that_ends_early_is_an_error_though_its_digest_is_right(
    tmp_path: Path, kind: str, cut: int
) -> None:
    plain = noise(300_000)
    with pytest.raises(BuildError, match=r"ends early|does not unpack to what"):
        unpack(tmp_path, plain, PACK[kind](plain)[:-cut], kind)


@pytest.mark.parametrize("kind", PACK)
def test_bytes_behind_the_compressed_stream_are_an_error(tmp_path: Path, kind: str) -> None:
    with pytest.raises(BuildError, match="damaged"):
        unpack(tmp_path, b"a" * 1000, PACK[kind](b"a" * 1000) + b"garbage", kind)


def test_a_layer_that_unpacks_to_other_bytes_than_the_configuration_says_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="does not unpack to what the image configuration says"):
        unpack(tmp_path, b"promised", gzip.compress(b"delivered"), "+gzip")


@pytest.mark.parametrize("kind", PACK)
def test_no_chunk_is_larger_than_asked_for_however_small_it_was_packed(tmp_path: Path, kind: str) -> None:
    plain = bytes(16 * CHUNK)
    layout = layouts.build(tmp_path, plain, compression=kind.removeprefix("+"))
    with layout.open(layout.manifests()[0].layers[0]) as chunks:
        assert max(map(len, chunks)) <= CHUNK


def test_an_unknown_media_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"unknown media type .*tar\+br"):
        unpack(tmp_path, b"", b"", "+br")


def test_every_layer_needs_its_unpacked_digest(tmp_path: Path) -> None:
    config = layouts.put_document(tmp_path, {"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": []}})
    document = layouts.put_document(tmp_path, {"config": config, "layers": [{}]})
    with pytest.raises(BuildError, match="does not name each of the 1 layers"):
        layouts.put_root(tmp_path, {"mediaType": MANIFEST_TYPE, **document}).manifests()
