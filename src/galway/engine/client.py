"""The private docker command of the embedded engine, with its plugins and the user's registry logins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from galway.engine.packages import Programs
    from galway.engine.places import Places

PLUGINS = ("docker-buildx", "docker-compose")

USERS = ("config.json", "contexts")
"""What of the user's own docker configuration the private one shares: logins and contexts."""


def user_config(places: Places) -> Path:
    """The folder of the user's own docker command: logins, contexts and builders live there."""
    named = os.environ.get("DOCKER_CONFIG")
    return Path(named) if named and named != str(places.client) else Path.home() / ".docker"


def user_builders(places: Places) -> str:
    """The folder of the builders that the user made."""
    return os.environ.get("BUILDX_CONFIG") or str(user_config(places) / "buildx")


def prepare(places: Places, programs: Programs) -> None:
    """Link plugins, commands and the user's `config.json`: logins have one home, whichever docker they come from."""
    plugins = places.client / "cli-plugins"
    for name in PLUGINS:
        _link(plugins / name, programs.plugin(name))
    _link(places.commands / "docker", programs.docker)
    _link(places.commands / "docker-compose", programs.plugin("docker-compose"))
    for name in USERS:
        own, users = places.client / name, user_config(places) / name
        if users.exists():
            _link(own, users)
        elif own.is_symlink():
            own.unlink()


def environment(places: Places, *, host: str | None) -> dict[str, str]:
    """Variables that make docker, compose and buildx use the private client, and the daemon at `host` if one is given.

    Builders that the user made stay visible (`BUILDX_CONFIG`), and none of them is picked by default.
    """
    variables = {
        "PATH": os.pathsep.join((str(places.commands), os.environ.get("PATH", os.defpath))),
        "DOCKER_CONFIG": str(places.client),
    }
    if host is None:
        return {**variables, "BUILDX_CONFIG": user_builders(places)}
    return {**variables, "DOCKER_HOST": host, "BUILDX_BUILDER": "default", "DOCKER_TLS_VERIFY": ""}


def _link(link: Path, target: Path) -> None:
    """Make `link` point to `target`, in one step where it pointed elsewhere."""
    if link.is_symlink() and link.readlink() == target:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    part = link.with_name(f"{link.name}.part")
    part.unlink(missing_ok=True)
    part.symlink_to(target)
    part.replace(link)
