"""Says how an image was made, as an SLSA v1 provenance predicate; pure.

It is attached beside the image and signed, so that the image's own bytes stay reproducible: it holds times and the id
of one build, which no rebuild repeats. Source: https://slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.bases import Base
    from galway.plan import Plan, Target

PREDICATE_TYPE = "https://slsa.dev/provenance/v1"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run of the builder.

    Parameters
    ----------
    builder:
        Names and versions of what built; `kind` is the engine's.
    metadata:
        What BuildKit reported about the target.
    started, finished:
        RFC 3339, UTC.
    """

    builder: Mapping[str, str]
    metadata: Mapping[str, Any]
    started: str
    finished: str


def predicate(
    plan: Plan, target: Target, run: Run, *, source: str, bases: Mapping[str, Base], inputs: str
) -> dict[str, Any]:
    """The predicate of one image on one platform.

    Parameters
    ----------
    source:
        The repository's public address, as the catalog gives it.
    bases:
        Resolved base images by Dockerfile argument.
    inputs:
        The hash of everything that the target was made from.
    """
    image = target.image
    revision = plan.source.revision
    repository = f"git+{source}@{revision}"
    return {
        "buildDefinition": {
            "buildType": f"{source}/blob/main/docs/security.md#provenance",
            "externalParameters": {
                "image": image.name,
                "version": image.version,
                "platform": str(target.platform),
                "dockerfile": image.dockerfile,
                "context": image.context,
                "source": {"uri": repository, "dirty": plan.source.dirty},
                "compression": plan.settings.compression,
            },
            "internalParameters": {"inputs": inputs, "epoch": plan.settings.epoch},
            "resolvedDependencies": [
                {"uri": repository, "digest": {"gitCommit": revision}},
                *(_dependency(bases[argument]) for argument, _ in image.bases if argument in bases),
            ],
        },
        "runDetails": {
            "builder": {"id": f"{source}/builder/{run.builder['kind']}", "version": dict(run.builder)},
            "metadata": {
                "invocationId": str(run.metadata.get("buildx.build.ref", "")),
                "startedOn": run.started,
                "finishedOn": run.finished,
            },
            "byproducts": [{"name": "buildkit-metadata", "content": _encoded(run.metadata)}],
        },
    }


def _dependency(base: Base) -> dict[str, Any]:
    algorithm, _, value = str(base.digest).partition(":")
    name = base.reference.partition("@")[0]
    return {
        "uri": f"docker-image://{name}",
        "digest": {algorithm: value},
        "annotations": {"kind": base.kind, "what": base.description},
    }


def _encoded(metadata: Mapping[str, Any]) -> str:
    """Content of a resource descriptor is base64 (in-toto attestation framework, ResourceDescriptor)."""
    return base64.b64encode(json.dumps(metadata, sort_keys=True).encode()).decode()
