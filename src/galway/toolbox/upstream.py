"""Asks publishers what a pin stands for today: registries for digests, GitHub for release files and tags' commits."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests

from galway.errors import NotEvaluatedError
from galway.registry import Client, Patience, RegistryError, Repository, UnreachableError
from galway.toolbox import web

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

GITHUB = "https://api.github.com"

PATIENCE = Patience(connect=web.CONNECT_SECONDS, silence=web.READ_SECONDS, tries=1)
"""How long a registry is waited for."""

_RELEASE = re.compile(r"/(?P<repository>[^/]+/[^/]+)/releases/download/(?P<tag>[^/]+)/(?P<file>[^/]+)")
_USES = re.compile(
    r"\s*(?:-\s+)?uses:\s*(?P<repository>\w[\w.-]*/[\w.-]+)(?:/[\w./-]+)?@(?P<commit>\S+)(?:\s+#\s*(?P<version>\S+))?"
)


@dataclass(frozen=True, order=True)
class ActionPin:
    """An action as a workflow names it: repository, commit, and the version in its comment (may be empty)."""

    repository: str
    commit: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Upstream:
    """The publishers' side. A server that does not answer is asked once.

    Parameters
    ----------
    session:
        See `web.session`.
    github:
        Address of GitHub's API.
    """

    session: requests.Session
    github: str = GITHUB
    _down: set[str] = field(default_factory=set)
    _assets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def image_digest(self, registry: str, repository: str, reference: str) -> str | None:
        """The digest of a tag or digest in a registry; None where it is not there.

        Parameters
        ----------
        registry:
            With its scheme, `https://…`.
        repository:
            As in the registry, `library/python`.

        Raises
        ------
        NotEvaluatedError
            The registry could not be asked.
        """
        client = Client(registry, patience=PATIENCE)
        self._ask_once(client.name)
        try:
            digest = Repository(client=client, name=repository).digest(reference)
        except UnreachableError as error:
            self._down.add(client.name)
            raise NotEvaluatedError(f"{client.name} could not be reached", detail=error.detail) from error
        except RegistryError as error:
            raise NotEvaluatedError(error.message, detail=error.detail) from error
        finally:
            client.close()
        return str(digest) if digest else None

    def file_sha256(self, url: str) -> str | None:
        """The sha256 that GitHub itself computed when a release's file was uploaded; None where it is not there.

        Raises
        ------
        NotEvaluatedError
            GitHub could not be asked, or knows no hash of a file uploaded before it computed them (June 2025).
        """
        parts = _RELEASE.fullmatch(urlsplit(url).path)
        if parts is None:
            raise NotEvaluatedError(f"{url} is not a file of a GitHub release")
        path = f"repos/{parts['repository']}/releases/tags/{parts['tag']}"
        if path not in self._assets:
            answer = self._github(path)
            self._assets[path] = self._json(answer).get("assets", []) if answer is not None else []
        asset = next((asset for asset in self._assets[path] if asset.get("name") == parts["file"]), None)
        if asset is None:
            return None
        algorithm, _, found = str(asset.get("digest") or "").partition(":")
        if algorithm != "sha256":
            raise NotEvaluatedError(f"GitHub knows no sha256 of {parts['file']}")
        return found

    def tag_commit(self, repository: str, tag: str) -> str | None:
        """The commit that a tag points to now; None where there is no such tag.

        Raises
        ------
        NotEvaluatedError
            GitHub could not be asked.
        """
        answer = self._github(f"repos/{repository}/commits/{tag}", accept="application/vnd.github.sha")
        return answer.text.strip() if answer is not None else None

    def _github(self, path: str, accept: str = "application/vnd.github+json") -> requests.Response | None:
        headers = {"Accept": accept}
        token = os.environ.get("GITHUB_TOKEN")
        if token:  # raises GitHub's limit of 60 requests an hour
            headers["Authorization"] = f"Bearer {token}"
        answer = self._ask("GET", f"{self.github}/{path}", headers)
        return None if answer.status_code in (404, 422) else self._accepted(answer)

    def _ask(self, method: str, url: str, headers: dict[str, str]) -> requests.Response:
        server = urlsplit(url).netloc
        self._ask_once(server)
        try:
            return self.session.request(method, url, headers=headers, timeout=web.TIMEOUT, allow_redirects=True)
        except requests.RequestException as error:
            self._down.add(server)
            raise NotEvaluatedError(f"{server} could not be reached", detail=str(error)) from error

    def _ask_once(self, server: str) -> None:
        if server in self._down:
            raise NotEvaluatedError(f"{server} could not be reached")

    @staticmethod
    def _accepted(answer: requests.Response) -> requests.Response:
        if answer.ok:
            return answer
        server = urlsplit(answer.url).netloc
        limited = answer.status_code == 429 or answer.headers.get("X-RateLimit-Remaining") == "0"
        why = "allows no more requests for now" if limited else f"answered {answer.status_code} {answer.reason}"
        raise NotEvaluatedError(f"{server} {why}")

    @staticmethod
    def _json(answer: requests.Response) -> dict[str, Any]:
        try:
            value = answer.json()
        except requests.exceptions.JSONDecodeError as error:
            raise NotEvaluatedError(f"{urlsplit(answer.url).netloc} did not answer with JSON") from error
        return value if isinstance(value, dict) else {}


def actions(workflows: Iterable[Path]) -> Iterator[ActionPin]:
    """The actions that workflows use, each once, in order; the project's own (`./…`) are left out."""
    found = set()
    for file in workflows:
        for line in file.read_text(encoding="utf-8").splitlines():
            match = _USES.match(line)
            if match:
                found.add(ActionPin(match["repository"], match["commit"], match["version"] or ""))
    yield from sorted(found)
