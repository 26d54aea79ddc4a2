"""Loads a bundle: its files, images and signatures are checked in this order before anything else is touched."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import copying, local_registry, prepare, registry, release, signing
from galway.airgap import seal, shared
from galway.bundling import attached, contents, tape
from galway.errors import BuildError, ConfigurationError, PublishError, VerifyError
from galway.layout import Layout
from galway.reference import Platform, Tag
from galway.registry import is_loopback
from galway.signing import Cosign
from galway.stages import build
from galway.tools.cosign import Key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from galway.bundling.contents import Contents
    from galway.catalog import Catalog, Image
    from galway.engine import Engine
    from galway.reference import Digest
    from galway.registry import Client
    from galway.workspace import Workspace

_SCRATCH = "loading"


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """One image that was loaded.

    Parameters
    ----------
    reference:
        Where it is now.
    proofs:
        How many things were proved of it.
    status, reason:
        What its gates said where it was built.
    """

    image: str
    reference: str
    digest: str
    proofs: int
    status: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Loading:
    """Loads bundles on a machine that needs no network.

    Parameters
    ----------
    registry:
        Where images go, as `REGISTRY` names it; empty for the engine of this machine.
    key:
        The public key that the operator trusts: a file.
    trust_bundled:
        Take the bundle's own key, which proves only that nothing broke.
    stand_ins:
        Images on stand-in bases that may go to a registry that is not on loopback.
    engine:
        Finds or starts an engine; asked only where no registry is named.
    """

    workspace: Workspace
    registry: str = ""
    key: str = ""
    trust_bundled: bool = False
    stand_ins: tuple[str, ...] = ()
    engine: Callable[[], Engine]
    say: Callable[[str], None] = lambda _line: None

    @property
    def folder(self) -> Path:
        """Where a bundle is unpacked, until it is loaded or refused."""
        return self.workspace.state / "bundle" / _SCRATCH

    @property
    def kept(self) -> Path:
        """Where records and database of the last bundle are afterwards."""
        return self.workspace.state / "bundle" / "loaded"

    def run(self, bundle: Path) -> list[Loaded]:
        """Check files, layouts and signatures in this order, then load, then look again at what was loaded.

        Raises
        ------
        VerifyError
            The bundle is damaged or was changed, or the key's owner did not sign what is in it. Nothing was loaded.
        ConfigurationError
            No key was given, or the bundle is of images that this checkout does not know.
        PublishError
            The registry did not take an image, or has another one under the same version.
        """
        with shared.scratch(self.workspace, _SCRATCH):
            self.say(f"checking {bundle}")
            tape.unpack(bundle, self.folder / ".galway")
            said = contents.read(self.folder / ".galway")
            cosign = self._truster(said)
            inner = replace(self.workspace, root=self.folder)
            catalog = self._catalog(said)
            images = [self._image(catalog, inner, packed) for packed in said.images]
            counts = self._prove(catalog, images, inner, cosign, said)
            if self.registry:
                self._send(catalog, images, inner, cosign)
            else:
                build.load(inner, images, self.engine(), say=self.say)
            self._keep()
        return [
            Loaded(
                image=packed.name,
                reference=str(image.reference),
                digest=packed.digest,
                proofs=counts[packed.name],
                status=packed.status,
                reason=packed.reason,
            )
            for packed, image in zip(said.images, images, strict=True)
        ]

    def _truster(self, said: Contents) -> Cosign:
        """Who checks signatures: against the operator's key, or against the bundle's where that was asked for."""
        bundled = self.folder / ".galway" / contents.KEY
        found = contents.fingerprint(shared.public_key(str(bundled)))
        if found != said.key:
            raise VerifyError(f"the bundle's key is {found[:16]}…, and it says {said.key[:16]}…")
        if self.key:
            shared.public_key(self.key)
        elif not self.trust_bundled:
            raise ConfigurationError(
                f"no key was given; the one in the bundle proves nothing by itself, its fingerprint is {found}",
                hint="--key FILE with the key that you got another way, or compare the fingerprint and give "
                "--trust-bundled-key",
            )
        tool = shared.cosign_tool(self.workspace, self.say)
        return Cosign(tool=tool, trust=Key(public=str(Path(self.key or bundled).absolute())))

    def _catalog(self, said: Contents) -> Catalog:
        environment = {"REGISTRY": self.registry} if self.registry else dict(os.environ)
        environment.pop("VERSION", None)
        table = prepare.load_catalog(self.workspace, environment=environment)
        unknown = {packed.name for packed in said.images} - {image.name for image in table.images}
        if unknown:
            raise ConfigurationError(
                f"the bundle holds {', '.join(sorted(unknown))}, which docker/images.toml does not name",
                hint="load it with the checkout of the release that wrote it",
            )
        return table

    def _image(self, catalog: Catalog, inner: Workspace, packed: contents.Packed) -> Image:
        """The image as this site will know it; its layout is checked to its last byte."""
        (image,) = (one for one in catalog.images if one.name == packed.name)
        layout = Layout(inner.layout(packed.name))
        try:
            layout.verify()
            digest, platforms = layout.digest, {manifest.platform for manifest in layout.manifests()}
        except BuildError as error:  # which speaks of a layout that was built here, and how to build it again
            what = error.message.partition(" is damaged: ")[2] or "there is no image layout"
            raise VerifyError(
                f"the bundle's {packed.name} is damaged: {what}", hint="nothing was loaded; get the bundle again"
            ) from error
        if str(digest) != packed.digest:
            raise VerifyError(f"the bundle's {packed.name} is {digest}, and it says {packed.digest}")
        if not self.registry and Platform.of_host() not in platforms:
            raise VerifyError(
                f"the bundle's {packed.name} is not built for {Platform.of_host()}, which this machine is"
            )
        self._refuse_stand_in(image, layout)
        return replace(image, version=packed.version, reference=image.reference.with_tag(packed.version))

    def _refuse_stand_in(self, image: Image, layout: Layout) -> None:
        if not self.registry or is_loopback(image.reference.registry) or image.name in self.stand_ins:
            return
        for manifest in layout.manifests():
            official = manifest.labels.get(release.STAND_IN)
            if official:
                raise PublishError(
                    f"{image.name} stands on a stand-in of {official}",
                    hint=f"--stand-in {image.name} loads it into {image.reference.registry} nevertheless",
                )

    def _prove(
        self, catalog: Catalog, images: Sequence[Image], inner: Workspace, cosign: Cosign, said: Contents
    ) -> dict[str, int]:
        """Prove everything in a registry that is thrown away, so that what does not hold is loaded nowhere."""
        counts = {}
        with local_registry.running(self.workspace, self.folder / "registry", say=self.say) as made:
            client = registry.Client(made.name)
            try:
                for image in images:
                    layout, there = Layout(inner.layout(image.name)), shared.at(image, client)
                    self._copy(there, layout, inner, client)
                    proofs = shared.prove(catalog, there, layout, client, cosign, self.folder / "prove", self.say)
                    counts[image.name] = len(proofs)
                seal.check(inner.state, client, cosign)
            except VerifyError as error:
                mine = contents.fingerprint(shared.public_key(self.key)) if self.key else said.key
                other = f"; it was signed with the key {said.key[:16]}…, yours is {mine[:16]}…"
                raise VerifyError(
                    f"{error.message}{other if mine != said.key else ''}",
                    hint="nothing was loaded; do not use this bundle before you know who made it",
                ) from error
        return counts

    def _send(self, catalog: Catalog, images: Sequence[Image], inner: Workspace, cosign: Cosign) -> None:
        """Copy to the site's registry: everything by digest, then signatures, then the version's tag."""
        name = images[0].reference.registry
        credentials = registry.find_credentials(name)
        client = registry.Client(name, credentials=credentials)
        for image in images:
            self._refuse_other(image, Layout(inner.layout(image.name)).digest, client)
        with signing.registry_environment(name, credentials) as environment:
            asking = replace(cosign, environment=environment)
            for image in images:
                layout = Layout(inner.layout(image.name))
                self.say(f"copying {image.name} to {image.reference.name}")
                self._copy(image, layout, inner, client)
                shared.prove(catalog, image, layout, client, asking, self.folder / "prove", self.say)
        for image in images:
            layout = Layout(inner.layout(image.name))
            target = copying.repository(client, image)
            self._refuse_other(image, layout.digest, client)
            document = target.document(str(layout.digest))
            if document is None:
                raise PublishError(f"{name} lost {layout.digest}", hint="run the same command again")
            target.put(image.version, document.content, document.media_type)

    def _refuse_other(self, image: Image, digest: Digest, client: Client) -> None:
        found = copying.repository(client, image).digest(str(Tag.parse(image.version)))
        if found not in (None, digest):
            raise PublishError(
                f"{image.reference} is another image there ({found.short if found else ''}); a version does not change",
                hint="delete that tag if it should, or load under another name: --registry REGISTRY/PREFIX",
            )

    def _copy(self, image: Image, layout: Layout, inner: Workspace, client: Client) -> None:
        target = copying.repository(client, image)
        copying.blobs(layout, target, lambda _size: None)
        copying.manifests(layout, target)
        copying.index(layout, target)
        attached.put(inner.state / "attached" / image.name, target)

    def _keep(self) -> None:
        """Leave records, SBOMs and database where the site's own commands can have them."""
        shutil.rmtree(self.kept, ignore_errors=True)
        self.kept.mkdir(parents=True)
        for name in ("evidence", "sbom", "database", contents.FILE):
            with contextlib.suppress(FileNotFoundError):
                (self.folder / ".galway" / name).rename(self.kept / name)
