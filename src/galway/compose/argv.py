"""The argument lists of docker compose, pure."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway.catalog.model import nearest
from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

FILE = "docker-compose.yml"

COLLECTOR, SCANNER = "agent-collector", "security-scanner"

SERVICES = {SCANNER: "security-scanner", COLLECTOR: "agent-updates-collector"}
"""The specification's services, and the image of the catalog that each runs; a test compares docker-compose.yml."""


PORTS = {"GALWAY_API_PORT": "8080", "GALWAY_METRICS_PORT": "9090"}
"""The variables by which docker-compose.yml publishes the collector's ports, and what each is without them."""


@dataclass(frozen=True, kw_only=True)
class Compose:
    """Docker compose with the files of one checkout.

    Parameters
    ----------
    docker:
        Name or path of the docker command.
    root:
        The checkout: relative mounts begin here.
    override:
        A file whose settings come before those of docker-compose.yml.
    """

    docker: str
    root: Path
    override: Path | None = None

    def up(self) -> tuple[str, ...]:
        """Start what is there: nothing is built or pulled behind the back of whoever tests a build."""
        return self._command("up", "--detach", "--no-build", "--pull", "never")

    def states(self) -> tuple[str, ...]:
        """Ask for the state of every service, ended ones too."""
        return self._command("ps", "--all", "--format", "json")

    def logs(self, names: Sequence[str] = (), *, follow: bool = False, tail: int | None = None) -> tuple[str, ...]:
        """What the services printed; the last `tail` lines of each."""
        options = (*(("--follow",) if follow else ()), *(("--tail", str(tail)) if tail is not None else ()))
        return self._command("logs", *options, *names)

    def down(self, *, volumes: bool = False) -> tuple[str, ...]:
        """Stop and remove containers and networks, and with `volumes` the collected data."""
        return self._command("down", *(("--volumes",) if volumes else ()))

    def _command(self, *words: str) -> tuple[str, ...]:
        override = ("--file", str(self.override)) if self.override else ()
        place = ("--project-directory", str(self.root), "--file", str(self.root / FILE))
        return (self.docker, "compose", *place, *override, *words)


def ports(environment: Mapping[str, str]) -> dict[str, str]:
    """The port behind each variable of PORTS.

    Raises
    ------
    ConfigurationError
        One is no port: compose would say so, but not which variable it came from.
    """
    found = {variable: environment.get(variable) or default for variable, default in PORTS.items()}
    for variable, port in found.items():
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise ConfigurationError(f"{variable}={port}: no port", hint=f"{variable}={PORTS[variable]} inv up")
    return found


def places(ports: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Where a service answers, as docker-compose.yml publishes it on these ports."""
    api, metrics = (ports[variable] for variable in PORTS)
    return {COLLECTOR: (f"http://127.0.0.1:{api} (API)", f"http://127.0.0.1:{metrics}/metrics")}


def results(root: Path, environment: Mapping[str, str]) -> Path:
    """The folder that the scanner writes to."""
    return root / (environment.get("GALWAY_SCAN") or ".") / "results"


def environment() -> dict[str, str]:
    """The caller's ids, which the scanner runs as, so that its results belong to whoever asked for them."""
    return {"GALWAY_UID": str(os.getuid()), "GALWAY_GID": str(os.getgid())}


def services(names: Sequence[str]) -> tuple[str, ...]:
    """Service names, checked.

    Raises
    ------
    ConfigurationError
        One is not in docker-compose.yml.
    """
    for name in names:
        if name not in SERVICES:
            raise ConfigurationError(f"unknown service {name!r}", hint=nearest(name, SERVICES))
    return tuple(names)


def seconds(word: str) -> float:
    """A timeout as a command line gives it.

    Raises
    ------
    ConfigurationError
        It is no number of seconds.
    """
    if not word.isdecimal():
        raise ConfigurationError(f"--timeout {word}: no number of seconds", hint="inv up --timeout 900")
    return float(word)
