"""Where the embedded engine keeps its things: what is kept lies in the cache, what a stop removes lies in /run."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from galway.workspace import Workspace

RUN = Path("/run")
"""Volatile files. A socket's address holds 107 bytes (unix(7)), so sockets cannot lie in a cache of any name."""


@dataclass(frozen=True, kw_only=True)
class Places:
    """The folders of the engine that belongs to one cache.

    Parameters
    ----------
    home:
        In the cache: programs, images, build cache, log.
    name:
        `galway-` and eight digits of the cache path's hash: the folder in /run and the control group.
    run:
        The folder in /run.
    """

    home: Path
    name: str
    run: Path

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """The places of this workspace's cache; touches nothing."""
        cache = workspace.cache.resolve()
        name = f"galway-{hashlib.sha256(os.fsencode(cache)).hexdigest()[:8]}"
        return cls(home=cache / "engine", name=name, run=RUN / name)

    @property
    def lock(self) -> Path:
        """Held while the engine is installed, started, healed or stopped."""
        return self.home / "lock"

    @property
    def data(self) -> Path:
        """Images, containers, volumes and build cache."""
        return self.home / "data"

    @property
    def containers(self) -> list[str]:
        """The ids of its containers, running or not: dockerd keeps a folder for each."""
        return [folder.name for folder in (self.data / "containers").glob("*")]

    @property
    def log(self) -> Path:
        """What dockerd says."""
        return self.home / "dockerd.log"

    @property
    def config(self) -> Path:
        """The daemon's configuration file."""
        return self.run / "daemon.json"

    @property
    def client(self) -> Path:
        """The client's configuration folder (`DOCKER_CONFIG`), with buildx and compose as plugins."""
        return self.home / "client"

    @property
    def commands(self) -> Path:
        """A folder for PATH with `docker` and `docker-compose` and nothing else."""
        return self.home / "commands"

    @property
    def socket(self) -> Path:
        """The API's socket."""
        return self.run / "docker.sock"

    @property
    def containerd(self) -> Path:
        """The socket of its containerd."""
        return self.run / "exec/containerd/containerd.sock"

    @property
    def before(self) -> Path:
        """The note of what the host was like before the start."""
        return self.run / "before.json"

    @property
    def binfmt(self) -> Path:
        """The note of what `emulate` registered."""
        return self.run / "binfmt.json"

    @property
    def host(self) -> str:
        """Value for `DOCKER_HOST`."""
        return f"unix://{self.socket}"
