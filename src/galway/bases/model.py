"""A base image as a build uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from galway.reference import Digest

REGISTRY = "registry"
STAND_IN = "stand-in"


@dataclass(frozen=True, kw_only=True)
class Base:
    """A base image, decided.

    Parameters
    ----------
    argument:
        The Dockerfile `ARG` that names it, for instance `PYTHON_BASE`.
    reference:
        The official image with its digest: `python:3.11-slim@sha256:…`.
    kind:
        `registry` or `stand-in`.
    digest:
        Of the index that the build uses.
    layout:
        OCI layout of the stand-in, None for the registry; buildx reads it as `oci-layout://LAYOUT@DIGEST`.
    context:
        Name of the build context that the stand-in is given by, None for the registry.
    suite:
        Debian suite of the stand-in, `bookworm`; empty for the registry.
    description:
        One line for records.
    """

    argument: str
    reference: str
    kind: str
    digest: Digest
    layout: Path | None
    context: str | None
    suite: str
    description: str
