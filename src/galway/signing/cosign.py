"""Runs Cosign for one registry as one signer."""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galway import process
from galway.errors import PublishError, VerifyError
from galway.registry import is_loopback
from galway.tools import cosign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from galway.reference import Digest, ImageRef
    from galway.registry import Credentials
    from galway.toolbox import Tool
    from galway.tools.cosign import Trust

PATIENCE = 180.0
"""Seconds that one call may take; it asks a registry, and keyless Sigstore's services."""


@dataclass(frozen=True, kw_only=True)
class Cosign:
    """The tool, whom to trust, and the environment of its calls.

    Parameters
    ----------
    environment:
        Passphrase and registry login; never arguments.
    """

    tool: Tool
    trust: Trust
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    def sign(self, reference: ImageRef) -> None:
        """Sign a digest.

        Raises
        ------
        PublishError
            Cosign did not.
        """
        argv = cosign.sign(self._program, str(reference), self.trust, self._features, insecure=_insecure(reference))
        self._do(argv, f"{reference} could not be signed")

    def attest(self, reference: ImageRef, predicate: bytes) -> None:
        """Attach SLSA provenance to a digest, signed.

        Raises
        ------
        PublishError
            Cosign did not.
        """
        with tempfile.TemporaryDirectory(prefix="galway-provenance-") as folder:
            path = Path(folder) / "provenance.json"
            path.write_bytes(predicate)
            insecure = _insecure(reference)
            argv = cosign.attest(
                self._program, str(reference), str(path), self.trust, self._features, insecure=insecure
            )
            self._do(argv, f"the provenance of {reference} could not be attached")

    def unsigned(self, reference: ImageRef) -> str:
        """Why a digest does not count as signed by whom we trust; empty where it does."""
        argv = cosign.verify(self._program, str(reference), self.trust, insecure=_insecure(reference))
        done = process.run(argv, env=self.environment, ok=None, timeout=PATIENCE)
        if done.code != 0:
            return _last(done.stderr) or f"cosign ended with code {done.code}"
        if str(reference.digest) not in cosign.signed_digests(done.stdout):
            return "what is signed is no signature of this digest"
        return ""

    def provenance(self, reference: ImageRef) -> tuple[list[dict[str, Any]], str]:
        """The statements about a digest that whom we trust has signed, and why there is none."""
        argv = cosign.verify_attestation(self._program, str(reference), self.trust, insecure=_insecure(reference))
        done = process.run(argv, env=self.environment, ok=None, timeout=PATIENCE)
        if done.code != 0:
            return [], _last(done.stderr) or f"cosign ended with code {done.code}"
        return statements(done.stdout, reference.digest), ""

    @property
    def _program(self) -> str:
        return str(self.tool.path)

    @functools.cached_property
    def _features(self) -> cosign.Features:
        asked = process.run(cosign.probe(self._program), ok=None, timeout=PATIENCE)
        return cosign.features(asked.stdout + asked.stderr)

    def _do(self, argv: tuple[str, ...], failure: str) -> None:
        done = process.run(argv, env=self.environment, ok=None, timeout=PATIENCE)
        if done.code != 0:
            raise PublishError(
                f"{failure}: {_last(done.stderr)}", hint="run the same command again; what is signed stays signed"
            )


def statements(output: str, digest: Digest | None) -> list[dict[str, Any]]:
    """The in-toto statements about a digest in the answer of `cosign verify-attestation`, a DSSE envelope per line.

    Raises
    ------
    VerifyError
        The answer cannot be read.
    """
    found = []
    try:
        for line in filter(str.strip, output.splitlines()):
            statement = json.loads(base64.b64decode(json.loads(line)["payload"]))
            subjects = [subject["digest"].get("sha256") for subject in statement["subject"]]
            if digest is not None and digest.hex in subjects:
                found.append(statement)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise VerifyError("cosign's answer cannot be read", detail=output[-400:]) from error
    return found


@contextlib.contextmanager
def registry_environment(registry: str, credentials: Credentials | None) -> Iterator[dict[str, str]]:
    """A Docker configuration with one login in a private folder, for tools that know no other way without arguments."""
    if credentials is None or not credentials.password:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="galway-login-") as folder:
        path = Path(folder) / "config.json"
        plain = f"{credentials.username}:{credentials.password}".encode()
        path.touch(mode=0o600)
        path.write_text(json.dumps({"auths": {registry: {"auth": base64.b64encode(plain).decode()}}}))
        yield {"DOCKER_CONFIG": folder}


def _insecure(reference: ImageRef) -> bool:
    return is_loopback(reference.registry)


def _last(words: str) -> str:
    """Cosign's last line that says something."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("WARNING", "error during command execution"))]
    return said[-1].removeprefix("Error: ") if said else ""
