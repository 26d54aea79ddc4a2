"""Decides what will be built: catalog and selection in, `Plan` and its bake definition out; pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from galway import versioning
from galway.errors import NothingSelectedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.bases import Base
    from galway.catalog import Catalog, Image
    from galway.reference import Platform
    from galway.versioning import Source

EXPORTER = {
    "zstd": "compression=zstd,compression-level=11",  # BuildKit treats every level above 11 as 11
    "gzip": "compression=gzip,compression-level=9",
}
"""Layer compression by name; gzip is for clients older than containerd 1.5."""


OUT = PurePath(".galway/build")
"""Where bake leaves single-platform layouts, until they are assembled."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment and the command line say about a build.

    Parameters
    ----------
    cache:
        Registry repository that holds the build cache (`CACHE`); empty for none.
    compression:
        `zstd` or `gzip` (`COMPRESSION`).
    no_cache:
        Execute every step.
    epoch:
        Seconds since 1970, the latest time that a file in a layer may have.
    """

    cache: str = ""
    compression: str = "zstd"
    no_cache: bool = False
    epoch: int = 0


@dataclass(frozen=True, kw_only=True)
class Target:
    """One image on one platform: what one bake target builds.

    Parameters
    ----------
    image:
        Its catalog entry.
    platform:
        What it is built for.
    labels:
        OCI labels, which are its manifest's annotations too.
    """

    image: Image
    platform: Platform
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        """The bake target's name."""
        return f"{self.image.name}-{self.platform.architecture}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a build will do, before anything is done.

    Parameters
    ----------
    images:
        What is built, each after those that it needs.
    targets:
        One per image and platform.
    source:
        The checkout's state.
    contents:
        For each image an id of what it is made from.
    settings:
        How to build.
    """

    images: tuple[Image, ...]
    targets: tuple[Target, ...]
    source: Source
    contents: Mapping[str, str]
    settings: Settings

    @property
    def base_arguments(self) -> tuple[str, ...]:
        """The Dockerfile arguments that name base images, each once."""
        return tuple(dict.fromkeys(name for image in self.images for name, _ in image.bases))

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms that it builds for, each once."""
        return tuple(dict.fromkeys(target.platform for target in self.targets))


def make(
    catalog: Catalog,
    *,
    names: Sequence[str],
    platforms: Sequence[Platform],
    source: Source,
    contents: Mapping[str, str],
    settings: Settings,
) -> Plan:
    """Select what to build.

    Parameters
    ----------
    names:
        Catalog names; none means all.
    platforms:
        Platforms to build for; an image is built for those of them that it supports.
    contents:
        For each image an id of what it is made from.

    Raises
    ------
    ConfigurationError
        An unknown image.
    NothingSelectedError
        No selected image supports a selected platform.
    """
    images = catalog.select(names)
    targets = tuple(
        Target(image=image, platform=platform, labels=versioning.labels(catalog, image, source))
        for image in images
        for platform in platforms
        if platform in image.platforms
    )
    if not targets:
        raise NothingSelectedError(
            f"none of {', '.join(image.name for image in images)} is built for {', '.join(map(str, platforms))}",
            hint="see `inv plan --platform all`",
        )
    selected = {target.image.name for target in targets}
    return Plan(
        images=tuple(image for image in images if image.name in selected),
        targets=targets,
        source=source,
        contents=contents,
        settings=settings,
    )


def bake(
    plan: Plan,
    *,
    out: PurePath = OUT,
    bases: Mapping[str, Base] | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Any]:
    """The bake definition of a plan, which `docker buildx bake -f` runs from the repository's root.

    Parameters
    ----------
    out:
        Folder that takes one single-platform OCI layout per target, relative to the repository.
    bases:
        Resolved base images by Dockerfile argument; stand-ins become build contexts.
    secrets:
        For each image, files mounted while its steps run, by id (host's CA bundle, package mirrors); never part of
        a layer.

    Returns
    -------
    dict
        JSON-ready, keys in a stable order.
    """
    targets = {
        target.name: _bake_target(
            plan, target, out / target.name, bases or {}, (secrets or {}).get(target.image.name, {})
        )
        for target in plan.targets
    }
    return {"group": {"default": {"targets": list(targets)}}, "target": targets}


def inputs(plan: Plan, target: Target, bases: Mapping[str, Base]) -> str:
    """A hash of everything that a target is made from: manifests with the same one may share an index.

    The platform is left out, as are places and caches: neither changes what is built.
    """
    image = target.image
    content = {
        "image": image.name,
        "contents": plan.contents[image.name],
        "epoch": plan.settings.epoch,
        "labels": dict(target.labels),
        "compression": plan.settings.compression,
        "bases": {argument: bases[argument].description for argument, _ in image.bases if argument in bases},
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def matrix(plan: Plan) -> dict[str, Any]:
    """The plan for programs; `include` is a GitHub Actions matrix."""
    return {
        "source": {
            "revision": plan.source.revision,
            "branch": plan.source.branch,
            "dirty": plan.source.dirty,
            "created": plan.source.created,
        },
        "include": [
            {
                "image": target.image.name,
                "platform": str(target.platform),
                "architecture": target.platform.architecture,
                "reference": str(target.image.reference),
                "version": target.image.version,
                "dockerfile": target.image.dockerfile,
                "context": target.image.context,
                "bases": dict(target.image.bases),
                "labels": dict(target.labels),
                "size_budget": target.image.size_budget,
                "visibility": target.image.visibility,
            }
            for target in plan.targets
        ],
    }


def _bake_target(
    plan: Plan, target: Target, destination: PurePath, bases: Mapping[str, Base], secrets: Mapping[str, str]
) -> dict[str, Any]:
    image, settings = target.image, plan.settings
    args = {"SOURCE_DATE_EPOCH": str(plan.settings.epoch)}
    contexts = {need: f"target:{need}-{target.platform.architecture}" for need in image.needs}
    for argument, reference in image.bases:
        base = bases.get(argument)
        if base is not None and base.context is not None:
            args[argument] = base.context
            contexts[base.context] = f"oci-layout://{base.layout}@{base.digest}"
        else:
            args[argument] = reference if base is None else base.reference
    definition: dict[str, Any] = {
        "context": image.context,
        "dockerfile": _relative(image.dockerfile, image.context),
        "platforms": [str(target.platform)],
        "args": args,
        "labels": dict(target.labels),
        "annotations": [f"manifest:{key}={value}" for key, value in target.labels.items()],
        "attest": ["type=provenance,disabled=true"],  # made beside the image later: its bytes stay reproducible
        "output": [
            f"type=oci,dest={destination},tar=false,oci-mediatypes=true,rewrite-timestamp=true,force-compression=true,"
            + EXPORTER[settings.compression]
        ],
    }
    if contexts:
        definition["contexts"] = contexts
    if secrets:
        definition["secret"] = [f"id={name},src={path}" for name, path in secrets.items()]
    if settings.no_cache:
        definition["no-cache"] = True
    if settings.cache:
        cache = f"type=registry,ref={settings.cache}/{image.name}:{target.platform.architecture}"
        definition["cache-from"] = [cache]
        definition["cache-to"] = [f"{cache},mode=max,compression=zstd"]
    return definition


def _relative(dockerfile: str, context: str) -> str:
    """Bake looks for a Dockerfile relative to its context."""
    return dockerfile if context == "." else dockerfile.removeprefix(f"{context}/")
