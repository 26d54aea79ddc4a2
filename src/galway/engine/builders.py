"""Buildx builders: starts the one that the user named, makes one for a Docker whose own cannot export OCI layouts."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import TYPE_CHECKING

from galway import process
from galway.engine import docker
from galway.engine.docker import Command
from galway.engine.model import DOCKER
from galway.errors import GalwayError, MissingToolError

if TYPE_CHECKING:
    from galway.engine.model import Engine
    from galway.engine.packages import Say

BUILDER = "galway"
"""The builder made for a Docker without the containerd image store, whose own cannot export an OCI layout."""

BUILDKIT_IMAGE = "moby/buildkit:v0.33.1@sha256:cec9f139f45e93c5c69c60f8b07cfad9f43f4ef6b6a6cd917527fea5ff2e3dea"
"""BuildKit of that builder; the variable of the same name overrides it. renovate: datasource=docker"""


def bootstrapped(engine: Engine, *, say: Say) -> Engine:
    """Start the named builder where it does not run: only then it says what it can execute.

    Raises
    ------
    MissingToolError
        It does not start, or its nodes do not answer.
    """
    if engine.platforms or engine.builder is None:
        return engine
    command = Command(docker=engine.docker, env=engine.env)
    say(f"starting the buildx builder {engine.builder!r}")
    try:
        process.run(bootstrap_argv(engine.docker, engine.builder), env=engine.env)
    except GalwayError as error:
        raise _silent_builder(engine.builder, error.detail) from error
    platforms = docker.platforms(command, engine.builder)
    if not platforms:
        raise _silent_builder(engine.builder, "")
    return dataclasses.replace(engine, platforms=platforms)


def _silent_builder(name: str, detail: str) -> MissingToolError:
    hint = f"docker buildx inspect --bootstrap {name}"
    return MissingToolError(f"the buildx builder {name!r} does not answer", hint=hint, detail=detail)


def with_layouts(engine: Engine, *, say: Say) -> Engine:
    """Give a Docker whose own builder cannot export OCI layouts one that can, of the image that is asked for.

    A builder that could not be started is removed again: it would be taken for a good one by the next command.

    Raises
    ------
    MissingToolError
        The builder's image cannot be had.
    """
    if engine.kind != DOCKER or engine.containerd_store:
        return engine
    command = Command(docker=engine.docker, env=engine.env)
    name = engine.builder or name_for(os.environ.get("DOCKER_HOST"), engine.env["BUILDX_BUILDER"])
    current = docker.image_of(command, name) if engine.builder else None
    image = wanted_image(os.environ.get("BUILDKIT_IMAGE"), current)
    try:
        if image != current:
            say(f"your Docker uses the classic image store: making the buildx builder {name!r} of {image}, once")
            if current:
                process.run(remove_argv(engine.docker, name, keep_cache=True), env=engine.env)
            process.run(create_argv(engine.docker, name, image), env=engine.env)
        process.run(bootstrap_argv(engine.docker, name), env=engine.env)
    except GalwayError as error:
        if image != current:
            process.run(remove_argv(engine.docker, name, keep_cache=bool(current)), env=engine.env, ok=None)
        raise MissingToolError(
            f"the buildx builder {name!r} could not be started from {image}",
            hint="name an image that your Docker has with BUILDKIT_IMAGE, or turn on its containerd image store",
            detail=error.detail,
        ) from error
    platforms = docker.platforms(command, name) or engine.platforms
    return dataclasses.replace(engine, builder=name, platforms=platforms)


def name_for(host: str | None, context: str) -> str:
    """The name of the builder made for one Docker: two of them must not take each other's.

    Parameters
    ----------
    host:
        `DOCKER_HOST`, which comes before the context.
    context:
        The context's name; `default` is the machine's own Docker.
    """
    place = host or context
    return BUILDER if place == "default" else f"{BUILDER}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"


def wanted_image(named: str | None, current: str | None) -> str:
    """The BuildKit image of the builder: the one named now, else the one named when it was made, else the pinned one.

    Parameters
    ----------
    named:
        `BUILDKIT_IMAGE`.
    current:
        What the builder was made of, if there is one: an earlier pin gives way, and a builder that tells of no image
        (empty) is not one of ours.
    """
    if current is None or current.partition(":")[0] == BUILDKIT_IMAGE.partition(":")[0]:
        return named or BUILDKIT_IMAGE
    return (named or current) if current else ""


def create_argv(docker: str, name: str, image: str) -> tuple[str, ...]:
    """The command that makes the builder; on the host's network, to reach a registry on loopback."""
    options = ("--driver-opt", f"image={image}", "--driver-opt", "network=host")
    return (docker, "buildx", "create", "--name", name, "--driver", "docker-container", *options)


def bootstrap_argv(docker: str, name: str) -> tuple[str, ...]:
    """The command that starts a builder that exists."""
    return (docker, "buildx", "inspect", "--bootstrap", name)


def remove_argv(docker: str, name: str, *, keep_cache: bool = False) -> tuple[str, ...]:
    """The command that removes a builder and its container, and unless asked to keep it the volume with its cache."""
    return (docker, "buildx", "rm", *(("--keep-state",) if keep_cache else ()), name)
