"""The immutable references of images: what the layout holds, and what the registry has under its tags."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import msgspec

from galway.errors import BuildError, GalwayError, NotEvaluatedError
from galway.layout import Layout
from galway.registry import RegistryError, Repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from galway.catalog import Image
    from galway.reference import Digest
    from galway.registry import Client
    from galway.workspace import Workspace


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """One place where an image is.

    Parameters
    ----------
    where:
        `layout`, `registry` (by the layout's digest), or a tag in the registry.
    status:
        Whether it is there; `not_evaluated` where the registry could not be asked.
    reference:
        `registry/repository@sha256:…`; empty where it is not there.
    reason:
        Why it could not be asked.
    """

    image: str
    where: str
    status: Literal["there", "missing", "not_evaluated"]
    reference: str = ""
    reason: str = ""


def run(workspace: Workspace, images: Sequence[Image], client: Client | None) -> list[Held]:
    """Look at layouts and, with a client, into the registry: at the layout's digest, the version and `latest`."""
    return [held for image in images for held in _one(workspace, image, client)]


def verdict(found: Iterable[Held]) -> GalwayError | None:
    """What to end with: the registry could not be asked, or no layout is there."""
    seen = list(found)
    for held in seen:
        if held.status == "not_evaluated":
            return NotEvaluatedError(f"{held.image}: {held.reason}", hint="inv digest --offline prints the layouts'")
    missing = [held.image for held in seen if held.where == "layout" and held.status == "missing"]
    if missing and len(missing) == sum(held.where == "layout" for held in seen):
        return BuildError(f"there is no image layout of {', '.join(missing)}", hint="run inv build first")
    return None


def _one(workspace: Workspace, image: Image, client: Client | None) -> list[Held]:
    digest: Digest | None = None
    found = []
    try:
        digest = Layout(workspace.layout(image.name)).digest
        found.append(_held(image, "layout", digest))
    except BuildError as error:
        found.append(Held(image=image.name, where="layout", status="missing", reason=error.message))
    if client is None:
        return found
    repository = Repository(client=client, name=image.reference.repository)
    questions = [("registry", str(digest))] if digest is not None else []
    questions += [(tag, tag) for tag in (image.version, "latest")]
    try:
        for where, reference in questions:
            document = repository.document(reference)
            found.append(_held(image, where, document.digest if document else None))
    except RegistryError as error:
        found.append(Held(image=image.name, where="registry", status="not_evaluated", reason=error.message))
    return found


def _held(image: Image, where: str, digest: Digest | None) -> Held:
    if digest is None:
        return Held(image=image.name, where=where, status="missing")
    reference = replace(image.reference, tag=None, digest=digest)
    return Held(image=image.name, where=where, status="there", reference=str(reference))
