"""Cosign's command lines and its JSON; pure. Versions 2.x and 3.x differ in flags, which are probed, never guessed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from galway.errors import VerifyError

if TYPE_CHECKING:
    from collections.abc import Sequence

SIGNATURE_TYPES = ("cosign container image signature", "https://sigstore.dev/cosign/sign/v1")
"""What 2.x and 3.x call a signature; `verify` of 3.x also exits 0 for an image that carries an attestation alone."""

PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
"""The predicate type by its address: under its short name (`slsaprovenance1`) Cosign rewrites the predicate."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """Sign and verify with a key pair; no network but the registry is needed.

    Parameters
    ----------
    private, public:
        Paths, `env://NAME`, or the addresses of a key management service; one may be empty where it is not needed.
        The passphrase is in `COSIGN_PASSWORD`.
    """

    private: str = ""
    public: str = ""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Sign without a key, with the identity of a workflow or a person; needs Sigstore's public services.

    Parameters
    ----------
    subject, issuer:
        Regular expressions over the certificate's identity and its OIDC issuer.
    """

    subject: str
    issuer: str


Trust = Key | Identity


@dataclass(frozen=True, kw_only=True)
class Features:
    """What this cosign understands.

    Parameters
    ----------
    signing_config:
        It asks Sigstore for a list of services unless told not to (3.x).
    """

    signing_config: bool


def probe(cosign: str) -> tuple[str, ...]:
    """Asks which flags `sign` takes; `features` reads the answer."""
    return (cosign, "sign", "--help")


def features(help_text: str) -> Features:
    """What the answer to `probe` says."""
    return Features(signing_config="--use-signing-config" in help_text)


def generate_key_pair(cosign: str, prefix: str) -> tuple[str, ...]:
    """Make `PREFIX.key` and `PREFIX.pub`; the passphrase comes from `COSIGN_PASSWORD`, or cosign asks for it."""
    return (cosign, "generate-key-pair", "--output-key-prefix", prefix)


def sign(cosign: str, reference: str, trust: Trust, has: Features, *, insecure: bool = False) -> tuple[str, ...]:
    """Sign one digest.

    Parameters
    ----------
    reference:
        `repository@sha256:…`: a tag could move between the look and the signature.
    insecure:
        The registry speaks plain HTTP.
    """
    return (cosign, "sign", "--yes", *_signing(trust, has), *_registry(insecure), reference)


def attest(
    cosign: str, reference: str, predicate: str, trust: Trust, has: Features, *, insecure: bool = False
) -> tuple[str, ...]:
    """Attach SLSA provenance to one digest, signed.

    Parameters
    ----------
    predicate:
        The file that holds it.
    """
    options = ("--type", PROVENANCE_TYPE, "--predicate", predicate)
    return (cosign, "attest", "--yes", *options, *_signing(trust, has), *_registry(insecure), reference)


def verify(cosign: str, reference: str, trust: Trust, *, insecure: bool = False) -> tuple[str, ...]:
    """Check the signatures of one digest; `signed_digests` reads the answer."""
    return (cosign, "verify", *_trusting(trust), "--output", "json", *_registry(insecure), reference)


def verify_attestation(cosign: str, reference: str, trust: Trust, *, insecure: bool = False) -> tuple[str, ...]:
    """Check the provenance of one digest; `predicates` reads the answer."""
    options = ("--type", PROVENANCE_TYPE)
    return (cosign, "verify-attestation", *options, *_trusting(trust), *_registry(insecure), reference)


def signed_digests(output: str) -> tuple[str, ...]:
    """The digests that valid signatures speak of.

    Raises
    ------
    VerifyError
        The answer cannot be read.
    """
    found: list[str] = []
    for payload in _documents(output):
        for signature in payload if isinstance(payload, list) else [payload]:
            critical = signature.get("critical", {})
            if critical.get("type") in SIGNATURE_TYPES:
                found.append(critical.get("image", {}).get("docker-manifest-digest", ""))
    return tuple(found)


def _signing(trust: Trust, has: Features) -> tuple[str, ...]:
    if isinstance(trust, Identity):
        return ()
    offline = ("--tlog-upload=false", *(("--use-signing-config=false",) if has.signing_config else ()))
    return ("--key", trust.private, *offline)


def _trusting(trust: Trust) -> tuple[str, ...]:
    if isinstance(trust, Identity):
        return ("--certificate-identity-regexp", trust.subject, "--certificate-oidc-issuer-regexp", trust.issuer)
    return ("--key", trust.public, "--insecure-ignore-tlog=true")


def _registry(insecure: bool) -> Sequence[str]:
    return ("--allow-http-registry",) if insecure else ()


def _documents(output: str) -> list[Any]:
    """The JSON values in cosign's output, one per line."""
    try:
        return [json.loads(line) for line in output.splitlines() if line.strip()]
    except ValueError as error:
        raise VerifyError("cosign's answer cannot be read", detail=output[-400:]) from error
