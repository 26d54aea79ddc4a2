"""Sigstore on loopback, of its own programs: certificates (Fulcio), their log (TesseraCT), timestamps, the log of
signatures (Rekor 2), and a TUF mirror that tells Cosign to trust them.

    with sigstore.serve(cosign, tmp_path) as made:
        made.runner.workflow = "owner/name/.github/workflows/image.yml@refs/heads/main"
        signing.Cosign(tool=cosign, trust=Identity(...), environment=made.environment)

The programs are pinned in `docker/tools.toml` and built from their Go modules when they are first asked for: minutes.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import actions
import programs
import requests
import trust_root
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import NameOID

from galway import process

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

    from galway.toolbox import Tool

UP_SECONDS = 30.0
PASSPHRASE = "of a key that lives as long as a test"


@dataclass(kw_only=True)
class Sigstore:
    """The services, and what Cosign's environment has to hold to use them.

    Parameters
    ----------
    runner:
        Who signs; see `actions.Runner`.
    trust:
        The environment of whoever verifies.
    """

    runner: actions.Runner
    trust: dict[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a job that signs."""
        return {**self.trust, **self.runner.environment}


@contextlib.contextmanager
def serve(cosign: Tool, folder: Path) -> Iterator[Sigstore]:
    """All services, for the time of a `with` block.

    Parameters
    ----------
    folder:
        Keys, logs and what the services keep; made where it is missing.
    """
    mirror = folder / "mirror"
    mirror.mkdir(parents=True)
    children: list[subprocess.Popen[bytes]] = []
    try:
        with actions.serve(mirror) as runner:
            deployment = _Deployment(folder=folder, runner=runner, children=children)
            root, log = deployment.authority(), deployment.certificate_log()
            deployed = trust_root.Deployed(
                fulcio=(deployment.fulcio(log), root),
                certificates=(log, folder / "ct.pub"),
                timestamps=(deployment.timestamps(), folder / "tsa.pem"),
                rekor=(deployment.rekor(), folder / "rekor.pub"),
                issuer=runner.url,
            )
            first = trust_root.write(mirror, trust_root.documents(cosign, deployed, folder))
            trust = {"TUF_ROOT": str(folder / "tuf")}
            initialize = ("initialize", "--mirror", f"{runner.url}/files", "--root", str(first))
            process.run((str(cosign.path), *initialize), env=trust)
            yield Sigstore(runner=runner, trust=trust)
    finally:
        for child in reversed(children):
            process.end(child)


@dataclass(kw_only=True)
class _Deployment:
    """Starts the services one by one; each method gives the address or the file that the others need."""

    folder: Path
    runner: actions.Runner
    children: list[subprocess.Popen[bytes]]

    def authority(self) -> Path:
        """The certificate authority's own certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sigstore of a test")])
        now = datetime.now(UTC)
        usage = dict.fromkeys(
            (
                *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment"),
                *("key_agreement", "encipher_only", "decipher_only"),
            ),
            False,
        )
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
            .add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        path = self.folder / "root.pem"
        path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        _write_key(self.folder / "root.key", key, PASSPHRASE)
        return path

    def certificate_log(self) -> str:
        """The log of certificates: its address."""
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(self.folder / "ct.key", key, form=serialization.PrivateFormat.TraditionalOpenSSL)
        _write_public(self.folder / "ct.pub", key)
        (port,) = _ports(1)
        address = f"127.0.0.1:{port}"
        options = (
            *("--private_key", str(self.folder / "ct.key"), "--roots_pem_file", str(self.folder / "root.pem")),
            *("--origin", "ct.example", "--storage_dir", str(self.folder / "ct")),
            *("--ext_key_usages", "CodeSigning", "--http_endpoint", address),
            *("--checkpoint_interval", "200ms", "--batch_max_age", "50ms"),
        )
        self._start("tesseract", options, f"http://{address}/ct/v1/get-roots")
        return f"http://{address}"

    def fulcio(self, log: str) -> str:
        """The certificate authority: its address."""
        http, grpc, metrics = _ports(3)
        issuer = {"IssuerURL": self.runner.url, "ClientID": "sigstore", "Type": "ci-provider", "CIProvider": "github"}
        config = self.folder / "fulcio.json"
        config.write_text(
            json.dumps({"OIDCIssuers": {self.runner.url: issuer}, "CIIssuerMetadata": {"github": _CERTIFICATE}})
        )
        options = (
            *("serve", "--host", "127.0.0.1", "--port", str(http), "--grpc-host", "127.0.0.1"),
            *("--grpc-port", str(grpc), "--metrics-port", str(metrics), "--config-path", str(config)),
            *("--ca", "fileca", "--fileca-cert", str(self.folder / "root.pem"), "--fileca-watch=false"),
            *("--fileca-key", str(self.folder / "root.key"), "--fileca-key-passwd", PASSPHRASE),
            *("--ct-log-url", log, "--legacy-unix-domain-socket", f"@galway-fulcio-{grpc}"),
        )
        self._start("fulcio", options, f"http://127.0.0.1:{http}/healthz")
        return f"http://127.0.0.1:{http}"

    def timestamps(self) -> str:
        """The timestamp authority: where timestamps are asked for."""
        (port,) = _ports(1)
        options = (
            *("serve", "--host", "127.0.0.1", "--port", str(port)),
            *("--timestamp-signer", "memory", "--disable-ntp-monitoring"),
        )
        address = f"http://127.0.0.1:{port}"
        self._start("timestamp-server", options, f"{address}/ping")
        chain = _get(f"{address}/api/v1/timestamp/certchain")
        (self.folder / "tsa.pem").write_bytes(chain)
        return f"{address}/api/v1/timestamp"

    def rekor(self) -> str:
        """The log of signatures: its address."""
        key = ed25519.Ed25519PrivateKey.generate()
        _write_key(self.folder / "rekor.key", key)
        _write_public(self.folder / "rekor.pub", key)
        http, grpc, metrics = _ports(3)
        options = (
            *("serve", "--http-port", str(http), "--grpc-port", str(grpc), "--http-metrics-port", str(metrics)),
            *("--hostname", trust_root.ORIGIN, "--storage-dir", str(self.folder / "rekor")),
            *("--signer-filepath", str(self.folder / "rekor.key")),
            *("--checkpoint-interval", "200ms", "--batch-max-age", "50ms"),
        )
        self._start("rekor-server", options, f"http://127.0.0.1:{http}/healthz")
        return f"http://127.0.0.1:{http}"

    def _start(self, name: str, options: Sequence[str], ready: str) -> None:
        tool = programs.installed(name)
        log = self.folder / f"{name}.log"
        child = process.accompany((str(tool.path), *options), log=log)
        self.children.append(child)
        until = time.monotonic() + UP_SECONDS
        while child.poll() is None and time.monotonic() < until:
            with contextlib.suppress(requests.RequestException):
                _get(ready)
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} does not come up:\n{log.read_text()[-2000:]}")


_CERTIFICATE = {
    "DefaultTemplateValues": {"url": "https://github.com"},
    "ExtensionTemplates": {
        "BuildSignerURI": "{{ .url }}/{{ .job_workflow_ref }}",
        "SourceRepositoryURI": "{{ .url }}/{{ .repository }}",
        "SourceRepositoryDigest": "sha",
        "SourceRepositoryRef": "ref",
    },
    "SubjectAlternativeNameTemplate": "{{ .url }}/{{ .job_workflow_ref }}",
}
"""What a certificate names for a workflow: the parts of the public deployment's configuration that tests need."""


def _get(url: str) -> bytes:
    with requests.Session() as session:
        session.trust_env = False  # no proxy for loopback
        answer = session.get(url, timeout=5)
        answer.raise_for_status()
        return answer.content


def _ports(count: int) -> list[int]:
    """Free ones, all different."""
    with contextlib.ExitStack() as open_ones:
        probes = [open_ones.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def _write_key(
    path: Path,
    key: CertificateIssuerPrivateKeyTypes,
    passphrase: str = "",
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> None:
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        encryption = serialization.BestAvailableEncryption(passphrase.encode())
    content = key.private_bytes(serialization.Encoding.PEM, form, encryption)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _write_public(path: Path, key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> None:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, form))
