"""Writes synthetic OCI image layouts from dictionaries of files, honest ones and broken ones.

    layout = layouts.build(tmp_path, {"app": layouts.directory(0o555), "app/x": b"bytes"}, {"app/.wh.x": b""})
    (manifest,) = layout.manifests()

Each positional argument after the folder is a layer, lowest first: a mapping of paths to nodes, or the bytes of a whole
tar where a test needs one that no library writes.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zstandard

from galway.layout import ATTESTATION, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, Layout

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

COMPRESS = {"zstd": zstandard.compress, "gzip": lambda data: gzip.compress(data, mtime=0), "": bytes}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One entry of a layer, any that tar knows."""

    type: bytes = tarfile.REGTYPE
    content: bytes = b""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    target: str = ""
    size: int | None = None  # what the header claims, where that is not the content's length
    pax: tuple[tuple[str, str], ...] = ()


def file(content: bytes = b"", mode: int = 0o644, *, uid: int = 0, gid: int = 0) -> Node:
    """A regular file."""
    return Node(content=content, mode=mode, uid=uid, gid=gid)


def directory(mode: int = 0o755, *, uid: int = 0, gid: int = 0) -> Node:
    """A directory."""
    return Node(type=tarfile.DIRTYPE, mode=mode, uid=uid, gid=gid)


def symlink(target: str) -> Node:
    """A symbolic link."""
    return Node(type=tarfile.SYMTYPE, target=target, mode=0o777)


def hardlink(target: str) -> Node:
    """A hard link to a path of the image."""
    return Node(type=tarfile.LNKTYPE, target=target)


def device() -> Node:
    """A character device."""
    return Node(type=tarfile.CHRTYPE)


def fifo() -> Node:
    """A named pipe."""
    return Node(type=tarfile.FIFOTYPE)


def tar(files: Mapping[str, Node | bytes] | Sequence[tuple[str, Node | bytes]]) -> bytes:
    """A layer's tar; pairs instead of a mapping where a path comes twice."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, given in files if isinstance(files, (list, tuple)) else files.items():  # type: ignore[union-attr]
            node = given if isinstance(given, Node) else file(given)
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.linkname = node.type, node.mode, node.target
            info.uid, info.gid, info.pax_headers = node.uid, node.gid, dict(node.pax)
            info.size = len(node.content) if node.size is None else node.size
            if node.size is None:
                archive.addfile(info, io.BytesIO(node.content))
            else:
                archive.addfile(info)
                stream.write(node.content + b"\0" * (-len(node.content) % tarfile.BLOCKSIZE))
                archive.offset = stream.tell()  # where tarfile writes on
    return stream.getvalue()


def zipped(content: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip that holds `pkg/data.txt`."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("empty.txt", b"")
        archive.writestr("pkg/data.txt", content)
    return stream.getvalue()


def put(folder: Path, data: bytes) -> str:
    """Write a blob; its digest."""
    name = hashlib.sha256(data).hexdigest()
    (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs" / "sha256" / name).write_bytes(data)
    return f"sha256:{name}"


def put_document(folder: Path, document: Any) -> dict[str, Any]:
    """Write a JSON blob; digest and size as a descriptor has them."""
    data = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    return {"digest": put(folder, data), "size": len(data)}


def put_manifest(
    folder: Path,
    layers: Sequence[bytes],
    *,
    architecture: str = "amd64",
    compression: str = "zstd",
    config: Mapping[str, Any] | None = None,
    history: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write one platform's image from its layers' tars; the descriptor that an index lists it with.

    Parameters
    ----------
    compression:
        `zstd`, `gzip` or none.
    config:
        The `config` object of the image configuration: User, Env, Labels and so on.
    history:
        The instruction of each layer.
    """
    configuration = {
        "os": "linux",
        "architecture": architecture,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "history": [{"created_by": step} for step in history or [f"COPY layer {n}" for n in range(len(layers))]],
    }
    blobs = [COMPRESS[compression](layer) for layer in layers]
    kind = LAYER_TYPE + (f"+{compression}" if compression else "")
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put_document(folder, configuration)},
        "layers": [{"mediaType": kind, "digest": put(folder, blob), "size": len(blob)} for blob in blobs],
    }
    return {
        "mediaType": MANIFEST_TYPE,
        **put_document(folder, document),
        "platform": {"os": "linux", "architecture": architecture},
    }


def attestation(folder: Path) -> dict[str, Any]:
    """What BuildKit adds to an index for a platform's provenance; its manifest is not there."""
    return {
        "mediaType": MANIFEST_TYPE,
        "digest": "sha256:" + "0" * 64,
        "size": 1,
        "annotations": {ATTESTATION: "attestation-manifest"},
        "platform": {"os": "unknown", "architecture": "unknown"},
    }


def put_index(
    folder: Path, manifests: Sequence[Mapping[str, Any]], *, annotations: Mapping[str, str] | None = None
) -> Layout:
    """Write an index over descriptors, and `index.json` that lists it."""
    document = {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": list(manifests),
        "annotations": dict(annotations or {}),
    }
    return put_root(folder, {"mediaType": INDEX_TYPE, **put_document(folder, document)})


def put_root(folder: Path, *descriptors: Mapping[str, Any]) -> Layout:
    """Write `index.json`."""
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": list(descriptors)}))
    return Layout(folder)


def build(
    folder: Path,
    *layers: Mapping[str, Node | bytes] | bytes,
    architecture: str = "amd64",
    compression: str = "zstd",
    config: Mapping[str, Any] | None = None,
    history: Sequence[str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Layout:
    """A layout of one platform, as `inv build` leaves it; see `put_manifest` for the parameters."""
    tars = [layer if isinstance(layer, bytes) else tar(layer) for layer in layers]
    manifest = put_manifest(
        folder, tars, architecture=architecture, compression=compression, config=config, history=history
    )
    return put_index(folder, [manifest], annotations=annotations)
