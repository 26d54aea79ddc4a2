"""Writes a stand-in as an OCI image layout whose bytes depend on nothing but its files."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import zstandard

from galway.errors import BuildError
from galway.reference import Digest, Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"

TAG = "stand-in"
"""The layout's only tag."""

_CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer's blob.

    Parameters
    ----------
    digest, size:
        Of the compressed bytes.
    diff_id:
        Digest of the plain tar.
    """

    digest: Digest
    size: int
    diff_id: Digest


class _Tee:
    """A sink that hashes and counts on the way to another."""

    def __init__(self, target: Any) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self.size += len(data)
        self._target.write(data)
        return len(data)

    @property
    def digest(self) -> Digest:
        return Digest.parse(f"sha256:{self._hash.hexdigest()}")


def timestamp(epoch: int) -> str:
    """Seconds since 1970 as RFC 3339, as `created` fields want it."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Layout:
    """An OCI image layout with one tag, an index over platforms of which each has one layer.

    `index.json` is written last and replaced at once: a layout without it was never finished, and a reader sees
    either the platforms before or those after an addition.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def index(self) -> Digest | None:
        """Digest of the index over all platforms; None while nothing is finished."""
        try:
            outer = json.loads((self.folder / "index.json").read_bytes())
            return Digest.parse(outer["manifests"][0]["digest"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, LookupError) as error:
            raise BuildError(f"the stand-in in {self.folder} is damaged", hint="delete that folder") from error

    @property
    def manifests(self) -> dict[Platform, dict[str, Any]]:
        """The platforms that are there, with their manifests."""
        index = self.index
        if index is None:
            return {}
        found = {}
        for entry in self._read(index)["manifests"]:
            platform = Platform(entry["platform"]["os"], entry["platform"]["architecture"])
            found[platform] = self._read(Digest.parse(entry["digest"]))
        return found

    def config(self, platform: Platform) -> dict[str, Any]:
        """The image configuration of one platform."""
        found: dict[str, Any] = self._read(Digest.parse(self.manifests[platform]["config"]["digest"]))
        return found

    def layer(self, platform: Platform) -> Layer:
        """The one layer of a platform."""
        [entry] = self.manifests[platform]["layers"]
        [diff_id] = self.config(platform)["rootfs"]["diff_ids"]
        return Layer(digest=Digest.parse(entry["digest"]), size=entry["size"], diff_id=Digest.parse(diff_id))

    def blob(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def chunks(self, layer: Layer) -> Iterator[bytes]:
        """The plain tar of a layer, piece by piece."""
        with self.blob(layer.digest).open("rb") as stream:
            yield from zstandard.ZstdDecompressor().read_to_iter(stream, write_size=_CHUNK)

    def pack(self, root: Path, *, epoch: int, level: int, tick: Callable[[], None]) -> Layer:
        """Write a folder as a layer: sorted, numeric owners, no time after `epoch`.

        Parameters
        ----------
        root:
            The root filesystem.
        epoch:
            The latest modification time that is kept, in seconds.
        level:
            Of zstd; two jobs whatever the machine, since their number shows in the bytes.
        tick:
            Called for each file, may raise to stop.
        """
        self.blob(Digest.parse("sha256:" + "0" * 64)).parent.mkdir(parents=True, exist_ok=True)
        draft = self.folder / "blobs" / f"layer-{os.getpid()}-{root.parent.name}-{root.name}"
        compressor = zstandard.ZstdCompressor(level=level, threads=2, write_checksum=True)
        try:
            with draft.open("wb") as stream:
                packed = _Tee(stream)
                with compressor.stream_writer(packed, closefd=False) as squeezed:  # type: ignore[arg-type]
                    plain = _Tee(squeezed)
                    _write_tar(root, plain, epoch=epoch, tick=tick)
            draft.replace(self.blob(packed.digest))
        finally:
            draft.unlink(missing_ok=True)
        return Layer(digest=packed.digest, size=packed.size, diff_id=plain.digest)

    def adopt(self, other: Layout, layer: Layer) -> None:
        """Take a layer's blob from another layout in the same cache; a hard link, so the bytes lie there once."""
        target = self.blob(layer.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(other.blob(layer.digest), target)

    def add(
        self,
        platform: Platform,
        layer: Layer,
        *,
        epoch: int,
        config: Mapping[str, Any],
        annotations: Mapping[str, str],
        history: str,
    ) -> None:
        """Put one platform's image into the index; the last step, which makes it visible."""
        created = timestamp(epoch)
        configuration = {
            "architecture": platform.architecture,
            "os": platform.os,
            "created": created,
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [str(layer.diff_id)]},
            "history": [{"created": created, "created_by": history}],
        }
        if platform.architecture == "arm64":
            configuration["variant"] = "v8"
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._write(configuration, CONFIG),
            "layers": [{"mediaType": LAYER, "digest": str(layer.digest), "size": layer.size}],
            "annotations": annotations,
        }
        entries = {
            Platform(entry["platform"]["os"], entry["platform"]["architecture"]): entry
            for entry in (self._read(self.index)["manifests"] if self.index else [])
        }
        variant = {"variant": "v8"} if platform.architecture == "arm64" else {}
        place = {"architecture": platform.architecture, "os": platform.os, **variant}
        entries[platform] = {**self._write(manifest, MANIFEST), "platform": place}
        index = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [entry for _, entry in sorted(entries.items())],
        }
        tagged = {**self._write(index, INDEX), "annotations": {"org.opencontainers.image.ref.name": TAG}}
        _replace(self.folder / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        _replace(self.folder / "index.json", _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [tagged]}))

    def _read(self, digest: Digest) -> Any:
        try:
            return json.loads(self.blob(digest).read_bytes())
        except (OSError, ValueError) as error:
            raise BuildError(
                f"the stand-in in {self.folder} is damaged: blob {digest.short}", hint="delete that folder"
            ) from error

    def _write(self, document: Mapping[str, Any], media_type: str) -> dict[str, Any]:
        data = _encode(document)
        digest = Digest.parse(f"sha256:{hashlib.sha256(data).hexdigest()}")
        _replace(self.blob(digest), data)
        return {"mediaType": media_type, "digest": str(digest), "size": len(data)}


def _encode(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _replace(path: Path, data: bytes) -> None:
    draft = path.with_name(f"{path.name}.draft")
    draft.write_bytes(data)
    draft.replace(path)


def _write_tar(root: Path, sink: IO[bytes] | _Tee, *, epoch: int, tick: Callable[[], None]) -> None:
    with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for path in _walk(root):
            tick()
            info = tar.gettarinfo(path, arcname=str(path.relative_to(root)))
            if info is None:
                continue  # a socket
            info.uname = info.gname = ""
            # a folder's time tells in which order its files came, which is nobody's business
            info.mtime = epoch if info.isdir() else min(int(info.mtime), epoch)
            if info.isreg():
                with path.open("rb") as stream:
                    tar.addfile(info, stream)
            else:
                tar.addfile(info)


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if stat.S_ISDIR(path.lstat().st_mode):
            yield from _walk(path)
