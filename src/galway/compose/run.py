"""Starts the services and waits until the collector is healthy and the scanner has ended."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.compose import state as states
from galway.compose.argv import COLLECTOR, SCANNER, SERVICES, environment
from galway.errors import BuildError, ConfigurationError, GalwayError, ImageTestError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from galway.compose.argv import Compose
    from galway.compose.state import State
    from galway.engine import Engine
    from galway.reference import ImageRef

PERIOD = 1.0
"""Seconds between two looks."""

REPORT = 30.0
"""Seconds after which progress is said again although nothing changed."""

TAIL = 15
"""Lines of a log in an error."""

TAKEN = re.compile(r"port is already allocated|address already in use")
"""How dockerd and its proxy say that a port has another owner; there is no field for it."""

PUBLISHED = re.compile(r"127\.0\.0\.1:(\d+)")
"""The port in such a sentence: docker-compose.yml publishes on loopback only."""


def up(
    compose: Compose,
    engine: Engine,
    images: Mapping[str, ImageRef],
    *,
    ports: Mapping[str, str],
    results: Path,
    timeout: float,
    say: Callable[[str], None],
) -> dict[str, State]:
    """Start the services; the states that they came to.

    Parameters
    ----------
    images:
        What each service runs.
    ports:
        The variables that choose the published ports, and their values.
    results:
        The folder that the scanner writes to; made here, since the engine would make it root's.
    timeout:
        Seconds until the collector must be healthy and the scanner have ended.

    Raises
    ------
    BuildError
        An image is not in the engine.
    ConfigurationError
        A port has another owner, or there is no folder to scan or to write results to.
    ImageTestError
        The collector ended or is unhealthy, or the time is over.
    """
    for service, reference in images.items():
        _present(engine, service, reference)
    try:
        results.mkdir(exist_ok=True)
    except OSError as error:
        hint = "GALWAY_SCAN is a folder that you can write to"
        raise ConfigurationError(f"cannot make {results}: {error.strerror}", hint=hint) from error
    done = process.run(compose.up(), env=_env(engine), ok=None, on_stderr=say)
    if done.code != 0:
        raise _refused(done, ports)
    return _wait(compose, engine, timeout=timeout, say=say)


def down(compose: Compose, engine: Engine, *, volumes: bool, say: Callable[[str], None]) -> None:
    """Stop and remove the services.

    Raises
    ------
    ProcessError
        Compose could not.
    """
    process.run(compose.down(volumes=volumes), env=_env(engine), on_stderr=say)


def _wait(compose: Compose, engine: Engine, *, timeout: float, say: Callable[[str], None]) -> dict[str, State]:
    started = told = time.monotonic()
    before = ""
    while True:
        found = look(compose, engine)
        line = ", ".join(f"{name} {found.get(name, 'is not there')}" for name in SERVICES)
        moment = time.monotonic()
        if line != before or moment - told > REPORT:
            say(f"{moment - started:.0f} s: {line}")
            before, told = line, moment
        failure = judge(found)
        if failure:
            raise ImageTestError(failure, hint="inv logs; inv down", detail=_tail(compose, engine, COLLECTOR))
        if settled(found):
            return found
        if moment - started > timeout:
            raise ImageTestError(f"not ready after {timeout:.0f} s: {line}", hint="inv logs, or a longer --timeout")
        time.sleep(PERIOD)


def look(compose: Compose, engine: Engine) -> dict[str, State]:
    """The states now.

    Raises
    ------
    MissingToolError
        This compose answers in a way that is not known.
    """
    printed = process.run(compose.states(), env=_env(engine)).stdout
    try:
        return states.parse(printed)
    except msgspec.DecodeError as error:
        raise MissingToolError("docker compose ps answers in an unknown form", hint="install compose 2.20+") from error


def judge(found: Mapping[str, State]) -> str:
    """Why waiting longer is of no use; empty while there is hope."""
    state = found.get(COLLECTOR)
    if state is None:
        return f"{COLLECTOR} is not there any more"
    if state.ended or state.health == "unhealthy":
        return f"{COLLECTOR} is {state}"
    return ""


def settled(found: Mapping[str, State]) -> bool:
    """Whether the collector is healthy and the scanner has ended."""
    scanner = found.get(SCANNER)
    return found[COLLECTOR].health == "healthy" and scanner is not None and scanner.ended


def _present(engine: Engine, service: str, reference: ImageRef) -> None:
    inspect = (engine.docker, "image", "inspect", str(reference))
    if process.run(inspect, env=engine.env, ok=None).code != 0:
        hint = f"inv build -i {SERVICES[service]}"
        raise BuildError(f"{service}: {reference} is not in the engine", hint=hint)


def _refused(done: process.Completed, ports: Mapping[str, str]) -> GalwayError:
    """Why compose did not start them: its last line says it."""
    last = (done.tail.splitlines() or ["docker compose said nothing"])[-1].strip()
    if TAKEN.search(last):
        said = PUBLISHED.search(last)
        port = said[1] if said else ", ".join(ports.values())
        names = [variable for variable, value in ports.items() if said is None or value == port]
        hint = f"choose another one in {' or '.join(names)}, or stop what listens there (ss -ltnp names it)"
        return ConfigurationError(f"port {port} has another owner: {COLLECTOR} was not started", hint=hint)
    return ImageTestError(f"docker compose could not start the services: {last}", hint="inv logs; inv down")


def _tail(compose: Compose, engine: Engine, service: str) -> str:
    return process.run(compose.logs([service], tail=TAIL), env=_env(engine), ok=None).stdout.rstrip()


def _env(engine: Engine) -> dict[str, str]:
    return {**engine.env, **environment()}
