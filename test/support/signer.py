"""Signs and verifies as `galway.signing.Cosign` does, without a program: for tests of what becomes of signatures.

A signature is the hash of a digest with the public key, a blob under the tag that Cosign gives it; whoever has another
key expects another one. It keeps nobody out, which only the tests with the real Cosign show.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bundles import attach

from galway.provenance import PREDICATE_TYPE
from galway.reference import Digest
from galway.registry import Client, Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.reference import ImageRef
    from galway.tools.cosign import Key


@dataclass(frozen=True)
class Program:
    """What stands where Cosign's binary would."""

    name: str = "signer"
    version: str = "1"


@dataclass(frozen=True, kw_only=True)
class Signer:
    """A signer who holds a key pair; see `Cosign` for what each method is for."""

    tool: Program = field(default_factory=Program)
    trust: Key
    environment: Mapping[str, str] = field(default_factory=dict)

    def sign(self, reference: ImageRef) -> None:
        _attach(reference, "sig", self._mark(reference))

    def attest(self, reference: ImageRef, predicate: bytes) -> None:
        _attach(reference, "att", self._mark(reference) + predicate)

    def unsigned(self, reference: ImageRef) -> str:
        return "" if _attached(reference, "sig") == self._mark(reference) else "no signature of this key"

    def provenance(self, reference: ImageRef) -> tuple[list[dict[str, Any]], str]:
        mark, found = self._mark(reference), _attached(reference, "att")
        if not found.startswith(mark):
            return [], "no attestation of this key"
        return [{"predicateType": PREDICATE_TYPE, "predicate": json.loads(found.removeprefix(mark))}], ""

    def _mark(self, reference: ImageRef) -> bytes:
        words = Path(self.trust.public).read_bytes() + str(reference.digest).encode()
        return hashlib.sha256(words).hexdigest().encode()


def _tag(reference: ImageRef, kind: str) -> str:
    return f"{reference.digest}".replace(":", "-") + f".{kind}"


def _attach(reference: ImageRef, kind: str, content: bytes) -> None:
    target = Repository(client=Client(reference.registry), name=reference.repository, push=True)
    attach(target, str(reference.digest), content, tag=_tag(reference, kind))


def _attached(reference: ImageRef, kind: str) -> bytes:
    """What lies there; nothing where nothing does."""
    client = Client(reference.registry)
    source = Repository(client=client, name=reference.repository)
    document = source.document(_tag(reference, kind))
    if document is None:
        return b""
    digest = Digest.parse(document.json()["layers"][0]["digest"])
    return client.ask("GET", source.url(f"blobs/{digest}"), scopes=source.scopes).content
