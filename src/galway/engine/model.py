"""What a Docker engine is to the rest of Galway, and how a shell is pointed at it."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.reference import Platform

DOCKER = "docker"
"""The user's own Docker, wherever its daemon runs."""

EMBEDDED = "embedded"
"""The daemon that Galway runs from the user's cache."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An engine that answered.

    Parameters
    ----------
    kind:
        `docker` (the user's) or `embedded`.
    reason:
        One line: why this one and no other.
    version:
        The daemon's version; empty where a builder is used without a daemon.
    docker:
        Name or path of the docker command to use.
    env:
        Variables to add to a child's own so that docker, docker compose, docker-compose and buildx reach it.
    containerd_store:
        Whether images live in containerd's store, which keeps indexes and several platforms.
    builder:
        Value for `docker buildx build --builder`; None is the engine's own.
    platforms:
        What the builder can execute, natively or emulated.
    """

    kind: str
    reason: str
    version: str
    docker: str
    env: Mapping[str, str]
    containerd_store: bool
    builder: str | None
    platforms: tuple[Platform, ...]


def exports(engine: Engine) -> str:
    """POSIX shell lines for `eval "$(scripts/inv engine.env)"`, values quoted.

    `GALWAY_UID` and `GALWAY_GID` are the caller's: docker-compose.yml runs the scanner as them, so that its results
    belong to whoever asked for them.
    """
    values = {**engine.env, "GALWAY_UID": str(os.getuid()), "GALWAY_GID": str(os.getgid())}
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in sorted(values.items()))
