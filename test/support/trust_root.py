"""Writes a TUF repository (theupdateframework specification 1.0) that gives out a Sigstore deployment's trust root.

`cosign initialize --mirror ADDRESS --root FOLDER/1.root.json` makes Cosign trust that deployment in place of the public
one; each of its later calls asks the same repository.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp

if TYPE_CHECKING:
    from pathlib import Path

ROLES = ("root", "targets", "snapshot", "timestamp")
DAYS = 30


def write(folder: Path, targets: dict[str, bytes]) -> Path:
    """Sign and write all metadata and targets; the path of the first root.

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
