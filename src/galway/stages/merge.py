"""Joins platforms that were built on several machines into one index, the one that a single machine would have made."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galway import assembly, turns
from galway.errors import BuildError, ConfigurationError
from galway.layout import INDEX_TYPE, MANIFEST_TYPE, Layout, Manifest
from galway.reference import Digest
from galway.registry import Client, Document, LyingError, Repository, download

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from galway.catalog import Image
    from galway.reference import ImageRef, Platform
    from galway.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Part:
    """One platform from somewhere.

    Parameters
    ----------
    origin:
        Where it came from, for messages.
    annotations:
        Of its manifest.
    state:
        The copy of `.galway` that it came in, with its records; None where it came alone.
    """

    origin: str
    layout: Layout
    manifest: Manifest
    annotations: dict[str, str]
    state: Path | None


def run(
    workspace: Workspace,
    image: Image,
    *,
    folders: Sequence[Path],
    references: Sequence[ImageRef],
    client: Client | None,
    say: Callable[[str], None] = lambda _line: None,
) -> Layout:
    """Write the image's layout anew from parts, and bring their records along.

    Parameters
    ----------
    folders:
        Copies of `.galway` from other machines, or layouts.
    references:
        Digests in the registry, of a platform's manifest or of an index.
    client:
        The registry of `references`; None where there are none.

    Raises
    ------
    BuildError
        A platform is missing, is there twice with different bytes, or parts were made from different sources.
    ConfigurationError
        A part holds nothing of this image.
    RegistryError
        A digest could not be had.
    """
    with (
        turns.turn(workspace.state / "build.lock", "a build of this checkout", say=say),
        tempfile.TemporaryDirectory(dir=workspace.state) as scratch,
    ):
        parts = [part for folder in folders for part in _from_folder(image, folder)]
        for number, reference in enumerate(references):
            if client is None:
                raise ConfigurationError("digests need a registry")
            say(f"fetching {reference}")
            parts += _from_registry(client, reference, Path(scratch) / str(number))
        chosen = choose(image, parts)
        annotations = next(iter(chosen.values())).annotations
        layout = assembly.assemble(
            workspace.layout(image.name),
            {platform: part.layout for platform, part in chosen.items()},
            name=image.version,
            annotations=annotations,
        )
        for platform, part in chosen.items():
            _bring_records(workspace, image, platform, part)
    layout.verify()
    return layout


def intended(
    workspace: Workspace, image: Image, *, folders: Sequence[Path], references: Sequence[ImageRef]
) -> Iterator[str]:
    """What `run` would do, a line for each step; reads the folders, asks no registry and writes nothing.

    Raises
    ------
    BuildError, ConfigurationError
        As `run`, from the folders alone where there are no references: what those hold is known once it is fetched.
    """
    for reference in references:
        yield f"would fetch {reference}"
    parts = [part for folder in folders for part in _from_folder(image, folder)]
    for part in parts if references else choose(image, parts).values():
        yield f"would take {part.manifest.platform} {part.manifest.digest.short} from {part.origin}"
    yield f"would write {workspace.layout(image.name)}"


def choose(image: Image, parts: Sequence[Part]) -> dict[Platform, Part]:
    """One part for each of the image's platforms.

    Raises
    ------
    BuildError
        See `run`.
    """
    chosen: dict[Platform, Part] = {}
    for part in parts:
        other = chosen.setdefault(part.manifest.platform, part)
        if other.manifest.digest != part.manifest.digest:
            raise BuildError(
                f"{image.name} for {part.manifest.platform} is there twice: {other.manifest.digest.short} from "
                f"{other.origin} and {part.manifest.digest.short} from {part.origin}",
                hint="give each platform once",
            )
    missing = [str(platform) for platform in image.platforms if platform not in chosen]
    if missing:
        raise BuildError(
            f"{image.name} lacks {', '.join(missing)}", hint="give the part of every platform with --part or --digest"
        )
    first = chosen[image.platforms[0]]
    for part in chosen.values():
        differing = {key for key in {*first.annotations, *part.annotations} if _differs(key, first, part)}
        if differing:
            raise BuildError(
                f"{image.name}: {first.origin} and {part.origin} were built from different sources: "
                f"{', '.join(sorted(differing))}",
                hint="build every platform from the same commit",
            )
    return chosen


def _differs(key: str, one: Part, other: Part) -> bool:
    return one.annotations.get(key) != other.annotations.get(key)


def _from_folder(image: Image, folder: Path) -> list[Part]:
    places = ((folder / "oci" / image.name, folder), (folder, None))
    for place, state in places:
        if (place / "index.json").is_file():
            layout = Layout(place)
            layout.verify()
            return [_part(str(folder), layout, manifest, state) for manifest in layout.manifests()]
    raise ConfigurationError(
        f"{folder} holds nothing of {image.name}",
        hint=f"give a copy of .galway with oci/{image.name} in it, or an OCI layout",
    )


def _from_registry(client: Client, reference: ImageRef, folder: Path) -> list[Part]:
    """Fetch a manifest, or each of an index, with its blobs, as a layout."""
    repository = Repository(client=client, name=reference.repository)
    document = repository.document(str(reference.digest)) if reference.digest else None
    if document is None:
        raise BuildError(f"{client.name} does not have {reference}", hint="push that platform first: inv push --parts")
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    root = _fetch(repository, document, blobs)
    index = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [root]}
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    layout = Layout(folder)
    return [_part(str(reference), layout, manifest, None) for manifest in layout.manifests()]


def _fetch(repository: Repository, document: Document, blobs: Path) -> dict[str, Any]:
    (blobs / document.digest.hex).write_bytes(document.content)
    value = document.json()
    try:
        if document.is_index:
            for child in value["manifests"]:
                found = repository.document(str(Digest.parse(child["digest"])))
                if found is None:
                    raise LyingError(f"{repository.client.name} lists {child['digest']} and does not have it")
                _fetch(repository, found, blobs)
        else:
            for descriptor in (value["config"], *value["layers"]):
                digest = Digest.parse(descriptor["digest"])
                download.blob(repository, digest, blobs / digest.hex, size=int(descriptor["size"]))
    except (LookupError, TypeError, ValueError) as error:
        raise LyingError(f"{repository.client.name} has no image under {document.digest.short}") from error
    kind = INDEX_TYPE if document.is_index else MANIFEST_TYPE
    return {"mediaType": kind, "digest": str(document.digest), "size": len(document.content)}


def _part(origin: str, layout: Layout, manifest: Manifest, state: Path | None) -> Part:
    annotations = layout.document(manifest.digest).get("annotations", {})
    return Part(origin=origin, layout=layout, manifest=manifest, annotations=annotations, state=state)


def _bring_records(workspace: Workspace, image: Image, platform: Platform, part: Part) -> None:
    """Copy what other stages found out about this platform: records, reports and bills of materials."""
    if part.state is None or part.state.resolve() == workspace.state.resolve():
        return
    for kind in ("evidence", "sbom"):
        source = part.state / kind / image.name / platform.slug
        if source.is_dir():
            target = workspace.state / kind / image.name / platform.slug
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target)
