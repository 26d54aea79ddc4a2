"""Asks Docker Hub, or its mirror, whether it can give a base image's digest; one short try, remembered for minutes."""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from galway.registry import Client, Patience, RegistryError, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.bases.pins import OfficialBase

HUB = "https://registry-1.docker.io"
"""Docker Hub's registry, the home of unqualified image names."""

DAEMON_SETTINGS = Path("/etc/docker/daemon.json")
"""Where a Docker engine's mirrors of Docker Hub are configured."""

PATIENCE = Patience(connect=3.0, silence=6.0, answer=10.0, tries=0)
"""A blocked registry must not hold up a build."""

REMEMBERED_SECONDS = 600.0
"""How long an answer counts."""


def endpoints(environment: Mapping[str, str] = os.environ, settings: Path = DAEMON_SETTINGS) -> list[str]:
    """Registries to ask, in this order: `GALWAY_HUB_MIRROR`, else the Docker engine's mirrors and Docker Hub itself."""
    if named := environment.get("GALWAY_HUB_MIRROR"):
        return [_address(named)]
    try:
        mirrors = json.loads(settings.read_bytes()).get("registry-mirrors", [])
    except (OSError, ValueError, AttributeError):
        mirrors = []
    return [*(_address(mirror) for mirror in mirrors if isinstance(mirror, str)), HUB]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The question and its memory.

    Parameters
    ----------
    memory:
        A file that keeps answers.
    registries:
        Addresses to ask in order.
    """

    memory: Path
    registries: Sequence[str]

    def ask(self, bases: Sequence[OfficialBase]) -> dict[str, bool]:
        """Whether a registry has each base's digest, by reference; one that does not connect is asked once."""
        known = self._recall()
        answers: dict[str, bool] = {}
        reachable = list(self.registries)
        for base in bases:
            if base.reference in known:
                answers[base.reference] = known[base.reference]
                continue
            answers[base.reference] = False
            for registry in tuple(reachable):
                try:
                    answers[base.reference] = has(registry, base)
                except RegistryError:
                    reachable.remove(registry)
                if answers[base.reference]:
                    break
        self._remember({**known, **answers})
        return answers

    def _recall(self) -> dict[str, bool]:
        try:
            note = json.loads(self.memory.read_bytes())
            fresh = 0 <= time.time() - note["asked"] < REMEMBERED_SECONDS and note["registries"] == list(
                self.registries
            )
            return dict(note["answers"]) if fresh else {}
        except (OSError, ValueError, LookupError, TypeError):
            return {}

    def _remember(self, answers: Mapping[str, bool]) -> None:
        if answers == self._recall():
            return  # an old answer is not made young by being used
        note = {"asked": time.time(), "registries": list(self.registries), "answers": answers}
        self.memory.parent.mkdir(parents=True, exist_ok=True)
        draft = self.memory.with_name(f"{self.memory.name}.{os.getpid()}")
        draft.write_text(json.dumps(note))
        draft.replace(self.memory)


def has(registry: str, base: OfficialBase) -> bool:
    """Whether a registry has a base's digest, asked as anybody would.

    Raises
    ------
    RegistryError
        It cannot be reached, or does not speak the registry's protocol.
    """
    repository = base.name.rpartition(":")[0]
    if "/" not in repository:
        repository = f"library/{repository}"
    client = Client(registry, patience=PATIENCE)
    try:
        return Repository(client=client, name=repository).digest(str(base.digest)) == base.digest
    finally:
        client.close()


def _address(registry: str) -> str:
    text = registry.rstrip("/")
    return text if "://" in text else f"https://{text}"
