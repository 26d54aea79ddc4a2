"""Says whom to trust in a Sigstore deployment and where its services are, and gives it out as a TUF repository does.

`cosign initialize --mirror ADDRESS --root FOLDER/1.root.json` makes Cosign trust that deployment in place of the public
one; each of its later calls asks the same repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

from galway import process

if TYPE_CHECKING:
    from pathlib import Path

    from galway.toolbox import Tool

ROLES = ("root", "targets", "snapshot", "timestamp")
DAYS = 30
ORIGIN = "127.0.0.1"
"""What the log of signatures calls itself in its checkpoints: Cosign takes it from the log's address."""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """Each service's address, and the file that its answers are checked by: a key, or a chain of certificates."""

    fulcio: tuple[str, Path]
    certificates: tuple[str, Path]
    timestamps: tuple[str, Path]
    rekor: tuple[str, Path]
    issuer: str


def documents(cosign: Tool, deployed: Deployed, folder: Path) -> dict[str, bytes]:
    """By the name of its TUF target, what Cosign trusts, and where it asks; made by Cosign itself.

    Parameters
    ----------
    folder:
        Takes the files.
    """
    since = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    (fulcio, root), (log, log_key) = deployed.fulcio, deployed.certificates
    (stamps, chain), (rekor, rekor_key) = deployed.timestamps, deployed.rekor
    common = f"start-time={since},operator=test"
    made = {
        "trusted_root.json": (
            "trusted-root",
            *("--fulcio", f"url={fulcio},certificate-chain={root}"),
            *("--ctfe", f"url={log},public-key={log_key},start-time={since}"),
            *("--rekor", f"url={rekor},public-key={rekor_key},start-time={since},origin={ORIGIN}"),
            *("--tsa", f"url={stamps},certificate-chain={chain}"),
        ),
        "signing_config.v0.2.json": (
            "signing-config",
            *("--fulcio", f"url={fulcio},api-version=1,{common}"),
            *("--rekor", f"url={rekor},api-version=2,{common}", "--rekor-config", "ANY"),
            *("--tsa", f"url={stamps},api-version=1,{common}", "--tsa-config", "ANY"),
            *("--oidc-provider", f"url={deployed.issuer},api-version=1,{common}"),
        ),
    }
    for name, (kind, *options) in made.items():
        process.run((str(cosign.path), kind, "create", *options, "--out", str(folder / name)))
    return {name: (folder / name).read_bytes() for name in made}


def write(folder: Path, targets: dict[str, bytes]) -> Path:
    """Sign and write all metadata and targets (theupdateframework specification 1.0); the path of the first root.

    Parameters
    ----------
    folder:
        Made where it is missing; what the mirror serves.
    targets:
        For each target's name its content.
    """
    signer = CryptoSigner.generate_ecdsa()
    expires = datetime.now(UTC) + timedelta(days=DAYS)
    root = Root(expires=expires, consistent_snapshot=True)
    for role in ROLES:
        root.add_key(signer.public_key, role)
    listed = Targets(expires=expires)
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    for name, content in targets.items():
        entry = TargetFile.from_data(name, content, ["sha256"])
        listed.targets[name] = entry
        (folder / "targets" / f"{entry.hashes['sha256']}.{name}").write_bytes(content)
    signed = {
        "1.root": root,
        "1.targets": listed,
        "1.snapshot": Snapshot(expires=expires, meta={"targets.json": MetaFile(version=1)}),
        "timestamp": Timestamp(expires=expires, snapshot_meta=MetaFile(version=1)),
    }
    for name, content_of_role in signed.items():
        document = Metadata(content_of_role)
        document.sign(signer)
        document.to_file(str(folder / f"{name}.json"))
    return folder / "1.root.json"
