"""Asks Docker Hub, or its mirror, whether it can give a base image's digest; one short try, remembered for minutes."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import requests

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.bases.pins import OfficialBase

HUB = "https://registry-1.docker.io"
"""Docker Hub's registry, the home of unqualified image names."""

DAEMON_SETTINGS = Path("/etc/docker/daemon.json")
"""Where a Docker engine's mirrors of Docker Hub are configured."""

TIMEOUT = (3.0, 6.0)
"""Seconds to connect and between bytes: a blocked registry must not hold up a build."""

REMEMBERED_SECONDS = 600.0
"""How long an answer counts."""

_ACCEPT = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


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
                except requests.RequestException:
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
    """Whether a registry has a base's digest, by a HEAD request, with an anonymous token if it wants one.

    Raises
    ------
    requests.RequestException
        It cannot be reached, or does not speak the registry's protocol.
    """
    repository = base.name.rpartition(":")[0]
    if "/" not in repository:
        repository = f"library/{repository}"
    address = f"{registry}/v2/{repository}/manifests/{base.digest}"
    headers = {"Accept": _ACCEPT}
    answer = requests.head(address, headers=headers, timeout=TIMEOUT, allow_redirects=True)
    if answer.status_code == requests.codes.unauthorized:
        headers["Authorization"] = f"Bearer {_token(answer.headers.get('WWW-Authenticate', ''), repository)}"
        answer = requests.head(address, headers=headers, timeout=TIMEOUT, allow_redirects=True)
    if answer.status_code >= 500 or answer.status_code == requests.codes.forbidden:
        answer.raise_for_status()
    return answer.ok and answer.headers.get("Docker-Content-Digest", str(base.digest)) == str(base.digest)


def _token(challenge: str, repository: str) -> str:
    fields = dict(_CHALLENGE.findall(challenge))
    if not challenge.lower().startswith("bearer ") or "realm" not in fields:
        raise requests.RequestException(f"a challenge that cannot be answered: {challenge!r}")
    query = {"service": fields.get("service", ""), "scope": fields.get("scope", f"repository:{repository}:pull")}
    answer = requests.get(fields["realm"], params=query, timeout=TIMEOUT)
    answer.raise_for_status()
    granted = answer.json()
    return str(granted.get("token") or granted.get("access_token", ""))


def _address(registry: str) -> str:
    text = registry.rstrip("/")
    return text if "://" in text else f"https://{text}"
