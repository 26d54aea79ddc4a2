"""Reads OCI image layouts: index, manifests, configs and layers, every blob checked against its digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, Any

from galway import compression
from galway.compression import CHUNK
from galway.errors import BuildError, ConfigurationError
from galway.layout.model import ATTESTATION, INDEX_TYPE, LAYER_TYPE, MANIFEST_TYPE, Layer, Manifest
from galway.reference import Digest, Platform

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from pathlib import Path

DOCUMENT_LIMIT = 4 << 20
"""Bytes of a manifest, index or configuration: what registries take (OCI distribution specification)."""

_DECOMPRESS = {
    LAYER_TYPE: compression.plain,
    f"{LAYER_TYPE}+gzip": compression.gunzip,
    f"{LAYER_TYPE}+zstd": compression.unzstd,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": compression.gunzip,
}


class Layout:
    """An OCI image layout folder that holds one image index over platforms."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def blob(self, digest: Digest) -> Path:
        """Where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.hex

    def document(self, digest: Digest) -> dict[str, Any]:
        """A JSON blob, checked against its digest.

        Raises
        ------
        BuildError
            Missing, changed, larger than any registry takes, or not JSON.
        """
        return self._parse(self.checked(digest), f"blob {digest.short}")

    def checked(self, digest: Digest) -> bytes:
        """A document's bytes, which are those of its digest.

        Raises
        ------
        BuildError
            Missing, changed, or larger than any registry takes.
        """
        try:
            if (size := self.blob(digest).stat().st_size) > DOCUMENT_LIMIT:
                raise self.damaged(f"blob {digest.short} has {size} bytes, too many for a JSON document")
            content = self.blob(digest).read_bytes()
        except OSError as error:
            raise self.damaged(f"blob {digest.short} is missing") from error
        if hashlib.sha256(content).hexdigest() != digest.hex:
            raise self.damaged(f"blob {digest.short} is not what its digest says")
        return content

    @property
    def digest(self) -> Digest:
        """The image index's digest: the image's immutable name.

        Raises
        ------
        BuildError
            No layout, or a damaged one.
        """
        return self._digest(self._root())

    def manifests(self) -> tuple[Manifest, ...]:
        """The platforms' images, in the index's order; attestations are left out.

        Raises
        ------
        BuildError
            A blob is missing or damaged, an entry is of another kind, or a platform is there twice.
        """
        root = self._root()
        if root.get("mediaType") == MANIFEST_TYPE:
            return (self._manifest(root),)
        if root.get("mediaType") != INDEX_TYPE:
            raise self.damaged(f"index.json lists the unknown media type {root.get('mediaType')}")
        children = self._list(self.document(self._digest(root)), "manifests")
        found = tuple(self._manifest(c) for c in children if ATTESTATION not in self._object(c, "annotations"))
        platforms = [manifest.platform for manifest in found]
        for platform in platforms:
            if platforms.count(platform) > 1:
                raise self.damaged(f"its index lists {platform} twice")
        return found

    def verify(self) -> None:
        """Check every layer blob's bytes against size and digest.

        Raises
        ------
        BuildError
            One is missing or changed.
        """
        for manifest in self.manifests():
            for layer in manifest.layers:
                with self._blob(layer) as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != layer.digest.hex:
                        raise self.damaged(f"layer {layer.digest.short} is not what its digest says")

    def unpacked_size(self, layer: Layer) -> int:
        """Bytes of a layer's tar, counted by decompressing it in bounded memory."""
        with self.open(layer) as chunks:
            return sum(len(chunk) for chunk in chunks)

    @contextlib.contextmanager
    def open(self, layer: Layer) -> Iterator[Iterator[bytes]]:
        """The decompressed bytes of a layer, a chunk of at most `CHUNK` bytes at a time.

        Who reads to the end has a layer whose blob has the size and digest that its manifest states, and which unpacks
        to the digest that the image configuration states.

        Raises
        ------
        BuildError
            Missing, cut, changed, of an unknown media type, or damaged in its compression.
        """
        with self._blob(layer) as stream:
            yield self._decompress(layer, stream)

    def _blob(self, layer: Layer) -> io.BufferedReader:
        path = self.blob(layer.digest)
        try:
            stream = path.open("rb")
        except OSError as error:
            raise self.damaged(f"layer {layer.digest.short} is missing") from error
        size = path.stat().st_size
        if size != layer.size:
            stream.close()
            short = "cut short" if size < layer.size else "too long"
            raise self.damaged(f"layer {layer.digest.short} is {short}: {size} bytes instead of {layer.size}")
        return stream

    def _decompress(self, layer: Layer, stream: io.BufferedReader) -> Iterator[bytes]:
        what = f"layer {layer.digest.short}"
        if layer.media_type not in _DECOMPRESS:
            raise self.damaged(f"{what} has the unknown media type {layer.media_type}")
        source, unpacked = _Hashed(stream), hashlib.sha256()
        try:
            for chunk in _DECOMPRESS[layer.media_type](source):
                unpacked.update(chunk)
                yield chunk
        except compression.DamagedError as error:
            raise self.damaged(f"{what} cannot be decompressed: {error}") from error
        while source.read(CHUNK):  # a decompressor may leave the end unread
            pass
        if source.hash.hexdigest() != layer.digest.hex:
            raise self.damaged(f"{what} is not what its digest says")
        if unpacked.hexdigest() != layer.diff_id.hex:
            raise self.damaged(f"{what} does not unpack to what the image configuration says")

    def _root(self) -> dict[str, Any]:
        try:
            index = self._parse((self.folder / "index.json").read_bytes(), "index.json")
        except OSError as error:
            raise BuildError(f"there is no image layout in {self.folder}", hint="run `inv build` first") from error
        entries = self._list(index, "manifests")
        if len(entries) != 1:
            raise self.damaged(f"index.json lists {len(entries)} images, not one")
        return entries[0]

    def _manifest(self, descriptor: dict[str, Any]) -> Manifest:
        if (kind := descriptor.get("mediaType")) == INDEX_TYPE:
            raise self.damaged("it holds an index inside its index")
        if kind != MANIFEST_TYPE:
            raise self.damaged(f"it holds an entry of the unknown media type {kind}")
        digest = self._digest(descriptor)
        document = self.document(digest)
        config_digest = self._digest(self._field(document, "config"))
        config = self.document(config_digest)
        return Manifest(
            digest=digest,
            platform=self._platform(descriptor, config),
            descriptor=descriptor,
            config_digest=config_digest,
            config=config,
            layers=self._layers(document, config),
        )

    def _platform(self, descriptor: dict[str, Any], config: dict[str, Any]) -> Platform:
        name = self._digest(descriptor).short
        try:
            platform = Platform.parse(f"{config['os']}/{config['architecture']}")
        except (KeyError, ConfigurationError) as error:
            raise self.damaged(f"manifest {name} does not say what platform it is for") from error
        said = self._object(descriptor, "platform")
        if said and (said.get("os"), said.get("architecture")) != (platform.os, platform.architecture):
            raise self.damaged(
                f"its index lists manifest {name} as {said.get('os')}/{said.get('architecture')}, "
                f"its configuration says {platform}"
            )
        return platform

    def _layers(self, document: dict[str, Any], config: dict[str, Any]) -> tuple[Layer, ...]:
        layers = self._list(document, "layers")
        diff_ids = self._field(self._field(config, "rootfs"), "diff_ids")
        if not isinstance(diff_ids, list) or len(diff_ids) != len(layers):
            raise self.damaged(f"an image configuration does not name each of the {len(layers)} layers")
        history = self._list(config, "history") if config.get("history") else []
        steps = [str(step.get("created_by", "")) for step in history if not step.get("empty_layer")]
        steps += [""] * (len(layers) - len(steps))
        return tuple(
            Layer(
                digest=self._digest(layer),
                size=self._size(layer),
                diff_id=self._digest({"digest": diff_id}),
                media_type=str(self._field(layer, "mediaType")),
                instruction=step,
            )
            for layer, diff_id, step in zip(layers, diff_ids, steps, strict=False)
        )

    def _parse(self, content: bytes, what: str) -> dict[str, Any]:
        try:
            document = json.loads(content)
        except ValueError as error:
            raise self.damaged(f"{what} is not JSON") from error
        if not isinstance(document, dict):
            raise self.damaged(f"{what} is not a JSON object")
        return document

    def _field(self, document: Any, name: str) -> Any:
        if not isinstance(document, dict) or name not in document:
            raise self.damaged(f"a document lacks its {name!r}")
        return document[name]

    def _list(self, document: dict[str, Any], name: str) -> list[dict[str, Any]]:
        entries = self._field(document, name)
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise self.damaged(f"a document's {name!r} is not a list of objects")
        return entries

    def _object(self, document: dict[str, Any], name: str) -> dict[str, Any]:
        """A field that may be missing, and is an object where it is there."""
        found = document.get(name)
        if found is not None and not isinstance(found, dict):
            raise self.damaged(f"a document's {name!r} is not an object")
        return found or {}

    def _size(self, descriptor: dict[str, Any]) -> int:
        size = self._field(descriptor, "size")
        if not isinstance(size, int) or size < 0:
            raise self.damaged(f"a document's size {size!r} is no number of bytes")
        return size

    def _digest(self, descriptor: Any) -> Digest:
        try:
            return Digest.parse(str(self._field(descriptor, "digest")))
        except ConfigurationError as error:
            raise self.damaged(error.message) from error

    def damaged(self, what: str) -> BuildError:
        """The error for a layout that is not what it should be; it names the layout and says how to get a new one."""
        return BuildError(
            f"the image layout in {self.folder} is damaged: {what}",
            hint=f"delete it and build again: rm -r {self.folder} && inv build -i {self.folder.name}",
        )


class _Hashed:
    """A stream that remembers the digest of what was read from it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self.stream = stream
        self.hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        chunk = self.stream.read(size)
        self.hash.update(chunk)
        return chunk
