"""Packs what this checkout built: through the gates, signed and proved in a throw-away registry, then into one file."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from galway import evidence, judges, local_registry, prepare, registry, signing, tagging
from galway.airgap import seal, shared
from galway.bundling import attached, contents, tape
from galway.bundling.tape import Member
from galway.errors import ConfigurationError, NotEvaluatedError, PublishError
from galway.layout import Layout
from galway.registry import Repository
from galway.signing import Cosign
from galway.stages import publish, sign
from galway.versioning import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from galway.bundling.contents import Contents
    from galway.bundling.tape import Written
    from galway.catalog import Image
    from galway.errors import GalwayError
    from galway.evidence import Judges, Record
    from galway.registry import Client
    from galway.workspace import Workspace

DATABASE = ("metadata.json", "trivy.db")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle.

    Parameters
    ----------
    unevaluated:
        The error for a gate that could not be judged; None where all passed.
    """

    written: Written
    contents: Contents
    unevaluated: GalwayError | None


@dataclass(frozen=True, kw_only=True)
class Packing:
    """Makes bundles of what this checkout built.

    Parameters
    ----------
    names:
        Images; none for all.
    key:
        The signing key, as `inv sign` takes it.
    database:
        A folder with Trivy's database to take along.
    say:
        Told of plain lines of progress.
    """

    workspace: Workspace
    names: Sequence[str] = ()
    key: str = ""
    database: Path | None = None
    say: Callable[[str], None] = lambda _line: None

    def images(self) -> tuple[Image, ...]:
        """What will be in it."""
        return prepare.load_catalog(self.workspace, self.names).select(self.names)

    def run(self, output: Path) -> Bundle:
        """Write the bundle.

        Raises
        ------
        ConfigurationError
            There is no key, or no database where one was named.
        PublishError
            A gate refuses an image, it could not be signed, or there is no room for the file.
        VerifyError
            What was signed could not be proved.
        """
        images = self.images()
        trust = signing.pair(self.workspace.root, key=self.key)
        public = shared.public_key(trust.public)
        database = _database(self.database)
        with shared.scratch(self.workspace, "packing") as work:
            cosign = Cosign(
                tool=shared.cosign_tool(self.workspace, self.say), trust=trust, environment=signing.unlock(trust)
            )
            inner = self._borrow(work)
            with local_registry.running(self.workspace, work / "registry", say=self.say) as made:
                client = registry.Client(made.name)
                table = judges.judges(self.workspace, images, prepare.rules(self.workspace))
                published = self._publish(inner, images, client, table)
                packed = [self._sign(inner, record, image, client, cosign, table) for record, image in published]
                said = contents.Contents(
                    format=contents.FORMAT,
                    images=tuple(packed),
                    key=contents.fingerprint(public),
                    database=bool(database),
                )
                members = [*_members(work, said, public), *database]
                seal.make(members, work / seal.FOLDER, client, cosign)
            members += _below(seal.FOLDER, work / seal.FOLDER, _files(work / seal.FOLDER))
            self.say(f"writing {output}")
            written = tape.write(output, members)
        return Bundle(written=written, contents=said, unevaluated=publish.verdict([record for record, _ in published]))

    def _borrow(self, work: Path) -> Workspace:
        """A workspace whose records can be written without touching those of the real registry."""
        state = work / ".galway"
        state.mkdir(parents=True)
        for name in ("oci", "sbom"):
            (state / name).symlink_to(self.workspace.state / name)
        if self.workspace.evidence.is_dir():
            shutil.copytree(self.workspace.evidence, state / "evidence")
        return replace(self.workspace, root=work)

    def _publish(
        self, inner: Workspace, images: Sequence[Image], client: Client, table: Judges
    ) -> list[tuple[Record, Image]]:
        """Through the same gates as any push to this machine; tags are those of the checkout's ref."""
        there = {image.name: shared.at(image, client) for image in images}
        request = publish.Request(
            images=tuple(there.values()),
            ref=tagging.choose(Source.read(self.workspace.root)),
            pinned=False,
            default_branch=tagging.default_branch(),
            client=client,
            judges=table,
        )
        records = publish.run(inner, request, publish.plan(inner, request))
        error = publish.verdict(records)
        if error is not None and not isinstance(error, NotEvaluatedError):
            raise error
        if lacking := there.keys() - {record.image for record in records}:
            raise PublishError(f"{', '.join(sorted(lacking))} would have no tag here", hint="see inv tags --explain")
        return [(record, there[record.image]) for record in records]

    def _sign(
        self, inner: Workspace, record: Record, image: Image, client: Client, cosign: Cosign, table: Judges
    ) -> contents.Packed:
        """Sign one image, prove it, and keep what is attached to it."""
        material = sign.collect(inner, image, table)
        sign.run(sign.request(inner, image, client, cosign, material), say=self.say)
        layout = Layout(inner.layout(image.name))
        manifests = layout.manifests()
        source = Repository(client=client, name=image.reference.repository)
        shared.prove(
            prepare.load_catalog(self.workspace, self.names),
            image,
            layout,
            client,
            cosign,
            inner.root / "prove",
            self.say,
        )
        subjects = [layout.digest, *(manifest.digest for manifest in manifests)]
        attached.collect(source, subjects, inner.root / "attached" / image.name)
        return contents.Packed(
            name=image.name,
            version=image.version,
            digest=str(layout.digest),
            platforms=tuple(str(manifest.platform) for manifest in manifests),
            status=record.status,
            reason=record.reason,
        )


def _database(folder: Path | None) -> list[Member]:
    if folder is None:
        return []
    for place in (folder, folder / "db"):
        if all((place / name).is_file() for name in DATABASE):
            return [Member(name=f"database/{name}", path=place / name) for name in DATABASE]
    raise ConfigurationError(
        f"{folder} holds no vulnerability database", hint=f"name a folder with {' and '.join(DATABASE)}"
    )


def _members(work: Path, said: Contents, public: bytes) -> Iterator[Member]:
    """The files of a bundle, as it is unpacked into `.galway` again."""
    yield Member(name=contents.FILE, content=contents.encode(said))
    yield Member(name=contents.README, content=contents.readme(said))
    yield Member(name=contents.KEY, content=public)
    for packed in said.images:
        layout = Layout(work / ".galway" / "oci" / packed.name)
        digests = {layout.digest}
        for manifest in layout.manifests():
            digests |= {manifest.digest, manifest.config_digest, *(layer.digest for layer in manifest.layers)}
        paths = [layout.folder / "index.json", layout.folder / "oci-layout", *map(layout.blob, digests)]
        yield from _below(f"oci/{packed.name}", layout.folder, paths)
        folder = work / "attached" / packed.name
        yield from _below(f"attached/{packed.name}", folder, _files(folder))
        yield from _records(work / ".galway", packed.name, {str(digest) for digest in digests})


def _records(state: Path, image: str, digests: set[str]) -> Iterator[Member]:
    """The records that speak of these bytes, with the raw reports that they name and that are as they say."""
    found: dict[str, Path] = {}
    for path in (state / "evidence" / image).glob("*/*.json"):
        record = evidence.read(state / "evidence", image, path.parent.name, path.stem)
        if record is None or record.digest not in digests:
            continue
        found[f"evidence/{image}/{path.parent.name}/{path.name}"] = path
        for name in record.artifacts:
            for folder in ("evidence", "sbom"):
                if evidence.artifact(state / folder, record, name) is not None:
                    place = f"{folder}/{image}/{record.platform}/{name}"
                    found[place] = state / place
    for name, path in found.items():
        yield Member(name=name, path=path)


def _below(prefix: str, folder: Path, paths: Sequence[Path]) -> Iterator[Member]:
    for path in paths:
        yield Member(name=f"{prefix}/{path.relative_to(folder).as_posix()}", path=path)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
