"""Reads OCI image layouts: index, manifests, configs and layers, every blob checked against its digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zstandard

from galway.errors import BuildError, ConfigurationError
from galway.reference import Digest, Platform

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Mapping
    from pathlib import Path

INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
CHUNK = 1 << 20
REFERENCE_NAME = "org.opencontainers.image.ref.name"
ATTESTATION = "vnd.docker.reference.type"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a manifest.

    Parameters
    ----------
    digest, size:
        Of the compressed blob; bytes.
    media_type:
        Tells the compression.
    instruction:
        The history line that made it.
    """

    digest: Digest
    size: int
    media_type: str
    instruction: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """One platform's image.

    Parameters
    ----------
    descriptor:
        As the index lists it.
    config_digest:
        Of the image configuration blob.
    config:
        The image configuration.
    layers:
        Lowest first.
    """

    digest: Digest
    platform: Platform
    descriptor: Mapping[str, Any]
    config_digest: Digest
    config: Mapping[str, Any]
    layers: tuple[Layer, ...]

    @property
    def size(self) -> int:
        """Compressed bytes of all layers: what a pull transfers."""
        return sum(layer.size for layer in self.layers)


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
            Missing, changed or not JSON.
        """
        try:
            content = self.blob(digest).read_bytes()
        except OSError as error:
            raise self._damaged(f"blob {digest.short} is missing") from error
        if hashlib.sha256(content).hexdigest() != digest.hex:
            raise self._damaged(f"blob {digest.short} is not what its digest says")
        return self._parse(content, f"blob {digest.short}")

    @property
    def digest(self) -> Digest:
        """The image index's digest: the image's immutable name.

        Raises
        ------
        BuildError
            No layout, or a damaged one.
        """
        return Digest.parse(self._root()["digest"])

    def manifests(self) -> tuple[Manifest, ...]:
        """The platforms' images, in the index's order; attestations are left out.

        Raises
        ------
        BuildError
            A blob is missing or damaged.
        """
        root = self._root()
        if root["mediaType"] == MANIFEST_TYPE:
            return (self._manifest(root),)
        children = self._field(self.document(Digest.parse(root["digest"])), "manifests")
        return tuple(self._manifest(child) for child in children if ATTESTATION not in child.get("annotations", {}))

    def verify(self) -> None:
        """Check every layer blob's bytes against size and digest.

        Raises
        ------
        BuildError
            One is missing or changed.
        """
        for manifest in self.manifests():
            for layer in manifest.layers:
                path = self.blob(layer.digest)
                if not path.is_file() or path.stat().st_size != layer.size:
                    raise self._damaged(f"layer {layer.digest.short} is missing or cut short")
                with path.open("rb") as stream:
                    if hashlib.file_digest(stream, "sha256").hexdigest() != layer.digest.hex:
                        raise self._damaged(f"layer {layer.digest.short} is not what its digest says")

    def unpacked_size(self, layer: Layer) -> int:
        """Bytes of a layer's tar, counted by decompressing it in bounded memory."""
        with self.open(layer) as chunks:
            return sum(len(chunk) for chunk in chunks)

    @contextlib.contextmanager
    def open(self, layer: Layer) -> Iterator[Iterator[bytes]]:
        """The decompressed bytes of a layer, a chunk at a time.

        Raises
        ------
        BuildError
            Unknown compression, or damaged data.
        """
        with self.blob(layer.digest).open("rb") as stream:
            yield self._decompress(layer, stream)

    def _decompress(self, layer: Layer, stream: io.BufferedReader) -> Iterator[bytes]:
        kind = layer.media_type.rpartition(".")[2].rpartition("+")[2]
        try:
            if kind in ("gzip", "tar.gzip"):
                inflate = zlib.decompressobj(wbits=31)
                while chunk := stream.read(CHUNK):
                    yield inflate.decompress(chunk)
            elif kind == "zstd":
                yield from zstandard.ZstdDecompressor().read_to_iter(stream, read_size=CHUNK, write_size=CHUNK)
            elif kind == "tar":
                while chunk := stream.read(CHUNK):
                    yield chunk
            else:
                raise self._damaged(f"layer {layer.digest.short} has the unknown media type {layer.media_type}")
        except (zlib.error, zstandard.ZstdError) as error:
            raise self._damaged(f"layer {layer.digest.short} cannot be decompressed: {error}") from error

    def _root(self) -> dict[str, Any]:
        try:
            index = self._parse((self.folder / "index.json").read_bytes(), "index.json")
        except OSError as error:
            raise BuildError(f"there is no image layout in {self.folder}", hint="run `inv build` first") from error
        entries = self._field(index, "manifests")
        if len(entries) != 1 or not {"digest", "mediaType"} <= set(entries[0]):
            raise self._damaged(f"index.json lists {len(entries)} images, not one")
        return dict(entries[0])

    def _manifest(self, descriptor: dict[str, Any]) -> Manifest:
        if descriptor.get("mediaType") != MANIFEST_TYPE:
            raise self._damaged(f"it holds an entry of the unknown media type {descriptor.get('mediaType')}")
        digest = Digest.parse(descriptor["digest"])
        document = self.document(digest)
        config_digest = Digest.parse(self._field(document, "config")["digest"])
        config = self.document(config_digest)
        steps = [step.get("created_by", "") for step in config.get("history", []) if not step.get("empty_layer")]
        layers = self._field(document, "layers")
        steps += [""] * (len(layers) - len(steps))
        try:
            platform = Platform.parse(f"{config['os']}/{config['architecture']}")
        except (KeyError, ConfigurationError) as error:
            raise self._damaged(f"manifest {digest.short} does not say what platform it is for") from error
        return Manifest(
            digest=digest,
            platform=platform,
            descriptor=descriptor,
            config_digest=config_digest,
            config=config,
            layers=tuple(
                Layer(
                    digest=Digest.parse(layer["digest"]),
                    size=layer["size"],
                    media_type=layer["mediaType"],
                    instruction=step,
                )
                for layer, step in zip(layers, steps, strict=False)
            ),
        )

    def _parse(self, content: bytes, what: str) -> dict[str, Any]:
        try:
            document = json.loads(content)
        except ValueError as error:
            raise self._damaged(f"{what} is not JSON") from error
        if not isinstance(document, dict):
            raise self._damaged(f"{what} is not a JSON object")
        return document

    def _field(self, document: dict[str, Any], name: str) -> Any:
        if name not in document:
            raise self._damaged(f"a document lacks its {name!r}")
        return document[name]

    def _damaged(self, what: str) -> BuildError:
        return BuildError(
            f"the image layout in {self.folder} is damaged: {what}",
            hint=f"delete it and build again: rm -r {self.folder} && inv build -i {self.folder.name}",
        )
