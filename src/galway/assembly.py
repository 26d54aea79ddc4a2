"""Writes OCI image layouts: assembles an index from platforms' manifests, and packs one platform for `docker load`."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from typing import TYPE_CHECKING, Any

from galway.errors import BuildError
from galway.layout import CHUNK, INDEX_TYPE, MANIFEST_TYPE, REFERENCE_NAME, Layout, Manifest
from galway.reference import Digest, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def assemble(folder: Path, sources: Mapping[Platform, Layout], *, name: str, annotations: Mapping[str, str]) -> Layout:
    """Make one layout whose index lists the manifest of each source; the bytes depend on the manifests alone.

    Blobs come first and `index.json` last, by a rename, so that an interruption leaves the old index or the new one.
    A source may be the layout itself, whose manifest is then kept.

    Parameters
    ----------
    folder:
        The layout to write.
    sources:
        For each platform a layout that holds its manifest.
    name:
        The tag that `index.json` gives the index.
    annotations:
        Of the index.

    Raises
    ------
    BuildError
        A source is damaged, or the disk is full.
    """
    target = Layout(folder)
    sizes: dict[Platform, tuple[Digest, int]] = {}
    keep: set[str] = set()
    try:
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
        for platform in sorted(sources):
            source = sources[platform]
            manifest = next(m for m in source.manifests() if m.platform == platform)
            for digest in (manifest.digest, manifest.config_digest, *(layer.digest for layer in manifest.layers)):
                _link(source.blob(digest), target.blob(digest))
                keep.add(digest.hex)
            sizes[platform] = (manifest.digest, source.blob(manifest.digest).stat().st_size)
        index = index_of(sizes, annotations)
        digest = Digest.parse(f"sha256:{hashlib.sha256(index).hexdigest()}")
        keep.add(digest.hex)
        _write(target.blob(digest), index)
        _write(folder / "oci-layout", _encode({"imageLayoutVersion": "1.0.0"}))
        root = {
            "mediaType": INDEX_TYPE,
            "digest": str(digest),
            "size": len(index),
            "annotations": {REFERENCE_NAME: name},
        }
        _write(folder / "index.json", _encode({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [root]}))
    except OSError as error:
        raise BuildError(
            f"cannot write the image layout {folder}: {error.strerror}", hint="free some disk (inv clean) and try again"
        ) from error
    for path in (folder / "blobs" / "sha256").iterdir():
        if path.name not in keep:
            path.unlink()
    return target


def index_of(manifests: Mapping[Platform, tuple[Digest, int]], annotations: Mapping[str, str]) -> bytes:
    """The one index that lists these manifests: whatever else a layout holds was not made here.

    Parameters
    ----------
    manifests:
        Digest and bytes of each platform's manifest.
    """
    descriptors = [
        {
            "mediaType": MANIFEST_TYPE,
            "digest": str(digest),
            "size": size,
            "platform": {"architecture": platform.architecture, "os": platform.os},
        }
        for platform, (digest, size) in sorted(manifests.items())
    ]
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": descriptors,
        "annotations": dict(sorted(annotations.items())),
    }
    return _encode(document)


def archive(layout: Layout, manifest: Manifest, names: tuple[str, ...]) -> Iterator[bytes]:
    """One platform's image as a tar that `docker load` reads, a chunk at a time.

    It is an OCI layout, which an engine with the containerd image store keeps digest for digest, and has the
    `manifest.json` that older image stores look for.

    Parameters
    ----------
    names:
        References that the engine should know it by.
    """
    documents = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        "index.json": {
            "schemaVersion": 2,
            "manifests": [
                {
                    "mediaType": MANIFEST_TYPE,
                    "digest": str(manifest.digest),
                    "size": layout.blob(manifest.digest).stat().st_size,
                    "annotations": {"io.containerd.image.name": name, REFERENCE_NAME: name.rpartition(":")[2]},
                }
                for name in names
            ],
        },
        "manifest.json": [
            {
                "Config": f"blobs/sha256/{manifest.config_digest.hex}",
                "RepoTags": list(names),
                "Layers": [f"blobs/sha256/{layer.digest.hex}" for layer in manifest.layers],
            }
        ],
    }
    for path, document in documents.items():
        content = _encode(document)
        yield _header(path, len(content))
        yield content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)
    digests = dict.fromkeys((manifest.digest, manifest.config_digest, *(layer.digest for layer in manifest.layers)))
    for digest in digests:
        blob = layout.blob(digest)
        size = blob.stat().st_size
        yield _header(f"blobs/sha256/{digest.hex}", size)
        with blob.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
        yield b"\0" * (-size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)


def _encode(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    aside = target.with_name(f"{target.name}.part")
    aside.unlink(missing_ok=True)
    try:
        os.link(source, aside)
    except OSError:  # another file system
        shutil.copyfile(source, aside)
    aside.replace(target)


def _write(path: Path, content: bytes) -> None:
    aside = path.with_name(f"{path.name}.part")
    aside.write_bytes(content)
    aside.replace(path)
