"""Chooses the engine: a named builder, the user's Docker, the embedded engine, in this order."""

from __future__ import annotations

import dataclasses
import os
import shutil
from typing import TYPE_CHECKING

from galway.engine import builders, client, daemons, docker, embedded, packages
from galway.engine.model import DOCKER, EMBEDDED, Engine
from galway.engine.places import Places
from galway.errors import ConfigurationError, MissingToolError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from galway.engine.docker import Command, Daemon
    from galway.engine.packages import Say
    from galway.workspace import Workspace

BUILDX_HINT = "install Docker's buildx plugin (on Debian and Ubuntu: apt-get install docker-buildx)"


def find(workspace: Workspace, *, builder: str | None = None) -> Engine | None:
    """The engine that answers now; starts and installs nothing.

    Its platforms are empty where they cannot be known yet: a named builder that does not run, a docker command without
    buildx. `ensure` sees to both.

    Parameters
    ----------
    builder:
        A buildx builder named by the user; `BUILDX_BUILDER` by default.

    Raises
    ------
    ConfigurationError
        No builder has that name.
    """
    places = Places.of(workspace)
    engine = _users(places) or find_embedded(workspace)
    name = named(builder)
    if name is None:
        return engine
    commands = tuple(_commands_for_builder(places, engine))
    return _with_builder(commands, engine, name) if commands else None


def ensure(workspace: Workspace, *, builder: str | None = None, say: Say) -> Engine:
    """The engine that answers, or else the embedded one, started.

    Raises
    ------
    ConfigurationError
        No builder has the name that was asked for.
    MissingToolError
        No engine, and none can be started here.
    """
    engine = find(workspace, builder=builder)
    if engine is None and named(builder) is not None:
        _install_buildx(workspace, say=say)
        engine = find(workspace, builder=builder)
    elif engine is None:
        embedded.start(workspace, say=say)
        engine = find_embedded(workspace)
    if engine is None:
        raise MissingToolError("the embedded engine stopped again as soon as it had started", hint="run this again")
    if named(builder) is None and engine.kind == DOCKER and not engine.platforms:
        _install_buildx(workspace, say=say)
        engine = find(workspace, builder=builder) or engine
    return builders.bootstrapped(engine, say=say) if named(builder) else builders.with_layouts(engine, say=say)


def named(builder: str | None) -> str | None:
    """The builder that the user asks for by option or variable; `default` asks for none."""
    name = builder or os.environ.get("BUILDX_BUILDER") or "default"
    return None if name == "default" else name


def reason_for(daemon: Daemon, docker_host: str | None, context: str) -> str:
    """Why the user's Docker was taken."""
    way = f"DOCKER_HOST={docker_host}" if docker_host else f"context {context}"
    store = "containerd image store" if daemon.containerd_store else "classic image store"
    return f"your Docker {daemon.version} answers ({way}, {store})"


def _users(places: Places) -> Engine | None:
    """The user's Docker, if its daemon answers and is not the embedded one (`engine.env` in the user's shell)."""
    program = _own_docker(places)
    if program is None or os.environ.get("DOCKER_HOST") == places.host:
        return None
    command = docker.Command(docker=program, env={})
    daemon = docker.daemon(command)
    if daemon is None:
        return None
    context = docker.context(command)
    if not docker.has_buildx(command):
        command = docker.Command(docker=program, env=client.environment(places, host=None))
    env = {**command.env, "BUILDX_BUILDER": context}
    name = builders.name_for(os.environ.get("DOCKER_HOST"), context)
    made = None if daemon.containerd_store else docker.platforms(command, name)
    return Engine(
        kind=DOCKER,
        reason=reason_for(daemon, os.environ.get("DOCKER_HOST"), context),
        version=daemon.version,
        docker=program,
        env=env,
        containerd_store=daemon.containerd_store,
        builder=None if made is None else name,
        platforms=made or docker.platforms(command, context) or (),
    )


def removal(workspace: Workspace) -> tuple[tuple[str, ...], Mapping[str, str]] | None:
    """The command that removes the builder made for the user's Docker and its cache, with its variables; None without.

    Builders that the user made and named stay.
    """
    engine = _users(Places.of(workspace))
    if engine is None or engine.builder is None:
        return None
    return builders.remove_argv(engine.docker, engine.builder), engine.env


def find_embedded(workspace: Workspace) -> Engine | None:
    """The embedded engine of this cache, if it runs."""
    places = Places.of(workspace)
    programs = packages.installed(places.home)
    if programs is None or not daemons.healthy(places, seconds=docker.PATIENCE):
        return None
    env = client.environment(places, host=places.host)
    command = docker.Command(docker=str(programs.docker), env=env)
    daemon = docker.daemon(command)
    if daemon is None:
        return None
    return Engine(
        kind=EMBEDDED,
        reason=f"no Docker of yours answers; the embedded engine runs from {places.home}",
        version=daemon.version,
        docker=command.docker,
        env=env,
        containerd_store=daemon.containerd_store,
        builder=None,
        platforms=docker.platforms(command, "default") or (Platform.of_host(),),
    )


def _commands_for_builder(places: Places, engine: Engine | None) -> Iterator[Command]:
    """Docker commands with buildx that see builders of the user, whether or not a daemon answers.

    Those made in a shell with the embedded engine's variables lie in its client's folder, all others in the user's.
    """
    if engine is not None and engine.kind == DOCKER and engine.platforms:
        yield docker.Command(docker=engine.docker, env=engine.env)
        return
    users = {"BUILDX_CONFIG": client.user_builders(places)}
    program = _own_docker(places)
    if program is not None and docker.has_buildx(own := docker.Command(docker=program, env=users)):
        yield own
    if (programs := packages.installed(places.home)) is None:
        return
    host = {name: engine.env[name] for name in ("DOCKER_HOST",) if engine and name in engine.env}
    for folder in (users, {"BUILDX_CONFIG": str(places.client / "buildx")}):
        env = {**client.environment(places, host=None), **host, **folder}
        yield docker.Command(docker=str(programs.docker), env=env)


def _with_builder(commands: Sequence[Command], engine: Engine | None, name: str) -> Engine:
    known = ((command, docker.platforms(command, name)) for command in commands)
    command, platforms = next((pair for pair in known if pair[1] is not None), (commands[0], None))
    if platforms is None:
        raise ConfigurationError(
            f"there is no buildx builder {name!r}", hint="docker buildx ls lists them, docker buildx create makes one"
        )
    if engine is not None:
        env = {**engine.env, **command.env, "BUILDX_BUILDER": name}
        reason = f"the builder {name} was named; {engine.reason}"
        return dataclasses.replace(
            engine, reason=reason, docker=command.docker, env=env, builder=name, platforms=platforms
        )
    return Engine(
        kind=DOCKER,
        reason=f"the builder {name} was named; no daemon answers, so images can be built but not run",
        version="",
        docker=command.docker,
        env={**command.env, "BUILDX_BUILDER": name},
        containerd_store=False,
        builder=name,
        platforms=platforms,
    )


def _install_buildx(workspace: Workspace, *, say: Say) -> None:
    """Bring the private docker command and its plugins, for a user's that has no buildx.

    Raises
    ------
    MissingToolError
        They cannot be had here.
    """
    try:
        embedded.install_client(workspace, say=say)
    except MissingToolError as error:
        raise MissingToolError(
            "there is no docker command with the buildx plugin, which builds need",
            hint=BUILDX_HINT,
            detail="\n".join(filter(None, (error.message, error.detail))),
        ) from error


def _own_docker(places: Places) -> str | None:
    """The docker command on PATH, the private one left aside."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return shutil.which("docker", path=os.pathsep.join(folder for folder in folders if folder != str(places.commands)))
