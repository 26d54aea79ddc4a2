"""One repository of a registry: its tags, its manifests and whether it has a blob; bytes checked against digests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urljoin, urlsplit

from galway.errors import ConfigurationError
from galway.reference import Digest
from galway.registry.model import ACCEPT, Document, LyingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from galway.registry.client import Client

PAGE = 1000
PAGES = 1000
"""Tags per page, and pages that are read before a list is taken for endless."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository, asked through its registry's client.

    Parameters
    ----------
    client:
        The registry.
    name:
        Path in the registry: `jpoley/jp-spec-kit-ci`.
    push:
        Whether to ask for leave to write.
    sources:
        Repositories of the same registry whose blobs may be mounted; leave to read them is asked for too.
    """

    client: Client
    name: str
    push: bool = False
    sources: tuple[str, ...] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        """What its requests need."""
        own = f"repository:{self.name}:{'pull,push' if self.push else 'pull'}"
        return (own, *(f"repository:{name}:pull" for name in self.sources))

    def url(self, rest: str) -> str:
        """A path of this repository."""
        return f"v2/{self.name}/{rest}"

    def tags(self) -> list[str]:
        """All tags, page by page; none where there is no such repository.

        Raises
        ------
        RegistryError
            It could not be asked, or its list has no end.
        """
        found: list[str] = []
        for page in self.pages(self.url("tags/list"), {"n": str(PAGE)}):
            if page.status_code == 404:
                return []
            if not page.ok:
                raise self.client.explain(page, f"the question for the tags of {self.name}")
            found += self._names(page)
        return found

    def pages(self, path: str, params: dict[str, str]) -> Iterator[requests.Response]:
        """Answers of a paged list, by their `Link` headers."""
        for _ in range(PAGES):
            answer = self.client.ask("GET", path, scopes=self.scopes, params=params)
            yield answer
            link = answer.links.get("next", {}).get("url")
            if not answer.ok or not link:
                return
            parts = urlsplit(urljoin(f"{self.client.root}/", link))
            path, params = parts.path.lstrip("/"), {key: values[-1] for key, values in parse_qs(parts.query).items()}
        raise LyingError(f"{self.client.name} has a list without an end for {self.name}")

    def digest(self, reference: str) -> Digest | None:
        """The digest that the registry claims for a tag or digest, by a cheap question; None where it is not there.

        Raises
        ------
        RegistryError
            It could not be asked.
        """
        answer = self._manifest("HEAD", reference)
        if answer.status_code == 404:
            return None
        if not answer.ok:
            raise self.client.explain(answer, f"the question for {self.name} {reference}")
        claimed = self._claimed(answer)
        if claimed is None:
            document = self.document(reference)
            return document.digest if document else None
        return claimed

    def document(self, reference: str) -> Document | None:
        """A manifest or index by tag or digest, its bytes checked; None where it is not there.

        Raises
        ------
        LyingError
            The bytes are not those of the digest that was asked for or that the registry claims.
        RegistryError
            It could not be asked.
        """
        answer = self._manifest("GET", reference)
        if answer.status_code == 404:
            return None
        if not answer.ok:
            raise self.client.explain(answer, f"the question for {self.name} {reference}")
        digest = Digest.parse(f"sha256:{hashlib.sha256(answer.content).hexdigest()}")
        for expected in (self._claimed(answer), reference if ":" in reference else None):
            if expected is not None and str(expected) != str(digest):
                raise LyingError(
                    f"{self.client.name} lies: it serves {self.name} {reference} with other bytes ({digest.short})",
                    hint="do not use this image; find out what stands between you and the registry",
                )
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip()
        return Document(content=answer.content, media_type=media_type, digest=digest)

    def put(self, reference: str, content: bytes, media_type: str) -> requests.Response:
        """Store a manifest or index under a tag or digest.

        Raises
        ------
        LyingError
            The registry claims another digest for these bytes.
        RegistryError
            It did not take it.
        """
        headers = {"Content-Type": media_type}
        path = self.url(f"manifests/{reference}")
        answer = self.client.ask("PUT", path, scopes=self.scopes, headers=headers, body=content)
        if not answer.ok:
            raise self.client.explain(answer, f"{self.name} {reference}")
        claimed, own = self._claimed(answer), f"sha256:{hashlib.sha256(content).hexdigest()}"
        if claimed is not None and str(claimed) != own:
            raise LyingError(f"{self.client.name} lies: it took {own} and calls it {claimed}")
        return answer

    def blob_size(self, digest: Digest) -> int | None:
        """Bytes of a blob; None where it is not there.

        Raises
        ------
        RegistryError
            It could not be asked.
        """
        answer = self.client.ask("HEAD", self.url(f"blobs/{digest}"), scopes=self.scopes)
        if answer.status_code == 404:
            return None
        if not answer.ok:
            raise self.client.explain(answer, f"the question for blob {digest.short} of {self.name}")
        return int(answer.headers.get("Content-Length") or -1)

    def _manifest(self, method: str, reference: str) -> requests.Response:
        path = self.url(f"manifests/{reference}")
        return self.client.ask(method, path, scopes=self.scopes, headers={"Accept": ACCEPT})

    def _claimed(self, answer: requests.Response) -> Digest | None:
        text = answer.headers.get("Docker-Content-Digest")
        try:
            return Digest.parse(text) if text else None
        except ConfigurationError as error:
            raise LyingError(f"{self.client.name} gives a digest that is none: {text!r}") from error

    def _names(self, page: requests.Response) -> list[str]:
        try:
            return [str(tag) for tag in page.json().get("tags") or []]
        except (ValueError, AttributeError, TypeError) as error:
            raise LyingError(f"{self.client.name} gives a list of tags that is none") from error
