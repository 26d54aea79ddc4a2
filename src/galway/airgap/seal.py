"""Signs what no image's signature covers (records, database, the bundle's own words), with the same key.

The hashes of those files are one small artifact in the registry where the images are signed too, so that its signature
is made, carried and proved as theirs are.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from galway import attachment
from galway.bundling import attached, tape
from galway.errors import VerifyError
from galway.layout import MANIFEST_TYPE
from galway.reference import Digest, ImageRef
from galway.registry import Repository, Upload

if TYPE_CHECKING:
    from collections.abc import Iterable

    from galway.bundling.tape import Member
    from galway.registry import Client
    from galway.signing import Cosign

FOLDER = "seal"
SUMS = "sums"
KIND = "application/vnd.galway.bundle.sums.v1"
_REPOSITORY = "seal"
_PROVED = ("oci/", "attached/", f"{FOLDER}/")
"""What is proved by other signatures: images, what is attached to them, and the seal itself."""


def make(members: Iterable[Member], folder: Path, client: Client, cosign: Cosign) -> None:
    """Sign the hashes of some files and write the seal into a folder.

    Raises
    ------
    PublishError
        Cosign did not sign.
    """
    content = sums(members)
    digest = _put(content, client)
    cosign.sign(ImageRef(client.name, _REPOSITORY, digest=digest))
    attached.collect(Repository(client=client, name=_REPOSITORY), [digest], folder)
    (folder / SUMS).write_bytes(content)


def check(unpacked: Path, client: Client, cosign: Cosign) -> None:
    """Prove that whom we trust has sealed exactly the files that lie there.

    Raises
    ------
    VerifyError
        They are not signed, or others.
    """
    try:
        content = (unpacked / FOLDER / SUMS).read_bytes()
    except OSError as error:
        raise VerifyError("the bundle's records are not sealed") from error
    digest = _put(content, client)
    attached.put(unpacked / FOLDER, Repository(client=client, name=_REPOSITORY, push=True))
    if why := cosign.unsigned(ImageRef(client.name, _REPOSITORY, digest=digest)):
        raise VerifyError(f"the seal of the bundle's records does not hold: {why}")
    paths = [path for path in unpacked.rglob("*") if path.is_file()]
    there = sums(tape.Member(name=path.relative_to(unpacked).as_posix(), path=path) for path in paths)
    if there != content:
        lines = set(there.splitlines()) ^ set(content.splitlines())
        names = sorted({line.partition(b"  ")[2].decode() for line in lines})
        raise VerifyError(f"the bundle's {', '.join(names[:3])} is not what was sealed")


def sums(members: Iterable[Member]) -> bytes:
    """The hashes of those files that nothing else proves, as `sha256sum` writes them."""
    found = sorted((m.name, tape.digest(m.open())) for m in members if not m.name.startswith(_PROVED))
    return "".join(f"{digest}  {name}\n" for name, digest in found).encode()


def _put(content: bytes, client: Client) -> Digest:
    """Store the artifact; its digest depends on the content alone."""
    target = Repository(client=client, name=_REPOSITORY, push=True)
    layer = {"mediaType": KIND, "digest": str(attachment.digest_of(content)), "size": len(content)}
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": KIND,
        "config": {
            "mediaType": attachment.EMPTY_TYPE,
            "digest": str(attachment.digest_of(attachment.EMPTY)),
            "size": len(attachment.EMPTY),
        },
        "layers": [layer],
    }
    with tempfile.TemporaryDirectory(prefix="galway-seal-") as folder:
        for blob in (attachment.EMPTY, content):
            path = Path(folder) / "blob"
            path.write_bytes(blob)
            Upload(repository=target, digest=attachment.digest_of(blob), path=path).run()
    manifest = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    digest = attachment.digest_of(manifest)
    target.put(str(digest), manifest, MANIFEST_TYPE)
    return digest
