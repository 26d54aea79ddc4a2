"""Cosign's command lines for 2.x and 3.x, and what counts as a signature in its answer."""

from __future__ import annotations

import json

import pytest

from galway.errors import VerifyError
from galway.tools import cosign

KEY = cosign.Key(private="cosign.key", public="cosign.pub")
PERSON = cosign.Identity(subject="^https://example.org/", issuer="^https://issuer.example.org$")
OLD = cosign.features("    --tlog-upload=true:\n\twhether or not to upload to the tlog\n")
NEW = cosign.features("    --use-signing-config=true:\n\twhether to use a signing config\n")
DIGEST = "sha256:" + "a" * 64
REFERENCE = f"registry.example.org/app@{DIGEST}"


def answer(kind: str) -> str:
    identity = {"docker-reference": "registry.example.org/app"}
    critical = {"identity": identity, "image": {"docker-manifest-digest": DIGEST}, "type": kind}
    return "\n" + json.dumps([{"critical": critical, "optional": None}]) + "\n"


def test_key_mode_needs_no_network_in_either_version() -> None:
    assert cosign.sign("cosign", REFERENCE, KEY, OLD) == (
        "cosign", "sign", "--yes", "--key", "cosign.key", "--tlog-upload=false", REFERENCE,
    )  # fmt: skip
    assert "--use-signing-config=false" in cosign.sign("cosign", REFERENCE, KEY, NEW)


def test_keyless_mode_keeps_the_transparency_log() -> None:
    assert cosign.sign("cosign", REFERENCE, PERSON, NEW) == ("cosign", "sign", "--yes", REFERENCE)
    assert "--insecure-ignore-tlog=true" not in cosign.verify("cosign", REFERENCE, PERSON)


def test_plain_http_is_asked_for_by_name_only() -> None:
    assert "--allow-http-registry" not in cosign.verify("cosign", REFERENCE, KEY)
    assert "--allow-http-registry" in cosign.verify("cosign", REFERENCE, KEY, insecure=True)


def test_no_passphrase_is_ever_an_argument() -> None:
    argv = cosign.attest("cosign", REFERENCE, "provenance.json", KEY, OLD)
    assert not any("pass" in word.lower() for word in argv)


@pytest.mark.parametrize("kind", cosign.SIGNATURE_TYPES)
def test_a_signature_of_either_version_names_its_digest(kind: str) -> None:
    assert cosign.signed_digests(answer(kind)) == (DIGEST,)


def test_an_attestation_is_no_signature() -> None:
    assert cosign.signed_digests(answer("https://slsa.dev/provenance/v1")) == ()


def test_an_answer_that_is_not_json_is_an_error() -> None:
    with pytest.raises(VerifyError):
        cosign.signed_digests("no signatures found")
