"""Asks a docker command about its daemon and its builders; reads what they answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import process
from galway.errors import ConfigurationError, GalwayError
from galway.reference import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 20.0
"""Seconds until a daemon that does not answer counts as none (an ssh:// host may take a while)."""

CONTAINERD = "io.containerd.snapshotter.v1"
"""The driver type that `docker info` reports for the containerd image store."""

_PLATFORMS = re.compile(r"^\s*Platforms:\s*(.*)$", re.MULTILINE)
_IMAGE = re.compile(r'^\s*Driver Options:.*\bimage="([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """What `docker info` says about the server."""

    version: str
    containerd_store: bool
    host: str


@dataclass(frozen=True, kw_only=True)
class Command:
    """A docker command and the variables that it is run with."""

    docker: str
    env: Mapping[str, str]

    def ask(self, *arguments: str) -> process.Completed | None:
        """Run it; None where it is missing or does not come to an end."""
        try:
            return process.run([self.docker, *arguments], env=self.env, ok=None, timeout=PATIENCE)
        except GalwayError:
            return None


def daemon(command: Command) -> Daemon | None:
    """The daemon behind a docker command, if one answers."""
    answer = command.ask("info", "--format", "{{json .}}")
    return parse_info(answer.stdout) if answer else None


def has_buildx(command: Command) -> bool:
    """Whether the command has the buildx plugin."""
    answer = command.ask("buildx", "version")
    return answer is not None and answer.code == 0


def context(command: Command) -> str:
    """The context in use, which is also the name of its daemon's own builder."""
    answer = command.ask("context", "show")
    return (answer.stdout.strip() if answer and answer.code == 0 else "") or "default"


def platforms(command: Command, builder: str) -> tuple[Platform, ...] | None:
    """What a builder can execute; None where there is no such builder."""
    answer = command.ask("buildx", "inspect", builder)
    return parse_platforms(answer.stdout) if answer and answer.code == 0 else None


def image_of(command: Command, builder: str) -> str | None:
    """The BuildKit image that a builder was made of; None where there is no such builder."""
    answer = command.ask("buildx", "inspect", builder)
    return parse_image(answer.stdout) if answer and answer.code == 0 else None


def parse_info(text: str) -> Daemon | None:
    """Read `docker info --format '{{json .}}'`; None where the client found no server (it prints an empty one)."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    version = found.get("ServerVersion") if isinstance(found, dict) else None
    if not version:
        return None
    drivers = [tuple(pair) for pair in found.get("DriverStatus") or []]
    return Daemon(
        version=str(version),
        containerd_store=("driver-type", CONTAINERD) in drivers,
        host=str(found.get("OperatingSystem") or found.get("Name") or ""),
    )


def parse_platforms(text: str) -> tuple[Platform, ...]:
    """Read the `Platforms:` lines of `buildx inspect`, one per node; it has no JSON output.

    A star marks a preferred platform; variants (`linux/amd64/v2`) and what Galway does not build for are left out.
    """
    found: dict[Platform, None] = {}
    for line in _PLATFORMS.findall(text):
        for name in line.split(","):
            try:
                found[Platform.parse(name.strip().rstrip("*"))] = None
            except ConfigurationError:
                continue
    return tuple(found)


def parse_image(text: str) -> str:
    """Read the image from the driver options that `buildx inspect` prints; empty for builders of other drivers."""
    match = _IMAGE.search(text)
    return match[1] if match else ""
