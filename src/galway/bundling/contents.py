"""What a bundle says of itself, for programs and people; none of it is believed, all is proved when it is loaded."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError, VerifyError

if TYPE_CHECKING:
    from pathlib import Path

FILE = "bundle.json"
README = "README.txt"
KEY = "key.pub"
FORMAT = 1
LARGEST = 1 << 20
"""Bytes of `bundle.json`."""

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----(?P<body>[A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----")


class Packed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image of a bundle.

    Parameters
    ----------
    name:
        In the catalog.
    version:
        The tag that it is loaded under.
    digest:
        Of its index.
    platforms:
        That are in it.
    status, reason:
        What its gates said where it was built: `passed`, or `not_evaluated` and why.
    """

    name: str
    version: str
    digest: str
    platforms: tuple[str, ...]
    status: str
    reason: str = ""


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file `bundle.json`.

    Parameters
    ----------
    key:
        Fingerprint of the public key that lies beside it.
    database:
        Whether a vulnerability database is in it.
    """

    format: int
    images: tuple[Packed, ...]
    key: str
    database: bool


def encode(contents: Contents) -> bytes:
    """The file's bytes."""
    return msgspec.json.format(msgspec.json.encode(contents, order="sorted")) + b"\n"


def read(folder: Path) -> Contents:
    """Read the file of an unpacked bundle.

    Raises
    ------
    VerifyError
        It is missing, broken, or of a format that is not known here.
    """
    try:
        content = (folder / FILE).read_bytes()
        if len(content) > LARGEST:
            raise VerifyError(f"the bundle's {FILE} is too large")
        version = msgspec.json.decode(content, type=_Versioned).format
        if version != FORMAT:
            raise VerifyError(
                f"the bundle has format {version}, this checkout reads {FORMAT}",
                hint="load it with the checkout of the release that wrote it",
            )
        found = msgspec.json.decode(content, type=Contents)
    except (OSError, msgspec.MsgspecError) as error:
        raise VerifyError(f"the bundle's {FILE} cannot be read: {error}") from error
    names = [image.name for image in found.images]
    if not names or len(set(names)) != len(names):
        raise VerifyError(f"the bundle's {FILE} names {'an image twice' if names else 'no image'}")
    return found


class _Versioned(msgspec.Struct):
    format: int


def fingerprint(pem: bytes) -> str:
    """The SHA-256 of a public key, as `openssl pkey -pubin -outform DER | sha256sum` prints it.

    Raises
    ------
    ConfigurationError
        No public key in PEM.
    """
    unreadable = ConfigurationError("the public key cannot be read", hint="give the file that inv keygen wrote: *.pub")
    match = _PEM.fullmatch(pem.decode("ascii", "replace").strip())
    if match is None:
        raise unreadable
    try:
        return hashlib.sha256(base64.b64decode("".join(match["body"].split()), validate=True)).hexdigest()
    except binascii.Error as error:
        raise unreadable from error


def readme(contents: Contents) -> bytes:
    """What a person needs who has this file and nothing else."""
    images = "\n".join(
        f"  {image.name} {image.version} ({', '.join(image.platforms)})\n    {image.digest}\n"
        f"    gates: {image.status.replace('_', ' ')}{image.reason and f' ({image.reason})'}"
        for image in contents.images
    )
    database = "  database/            a vulnerability database for: inv scan --database\n" if contents.database else ""
    return f"""\
Container images with their signatures, for a machine without network.

Load them, in a checkout of Galway, with the public key that you got another way than this file:

    inv bundle.load FILE.tar --registry REGISTRY --key cosign.pub     into a registry
    inv bundle.load FILE.tar --key cosign.pub                         into this machine's Docker

The command checks every file, then every image, then every signature against your key, and loads nothing unless all of
it holds. The key in this bundle proves nothing by itself: whoever changes the bundle can change the key too. Its
fingerprint (openssl pkey -pubin -in key.pub -outform DER | sha256sum) is

    {contents.key}

Images:

{images}

What is in it:

  {"SHA256SUMS":<20} of every file; sha256sum -c SHA256SUMS after tar -x
  oci/                 one OCI image layout per image, all platforms
  attached/            signatures, SBOMs and provenance as OCI manifests, one layout per image
  evidence/            the records of build, tests, SBOM, scan and signing, and their raw reports
  sbom/                the SBOMs, which are attached to the images too
  seal/                signed hashes of the records and of all else that no image's signature covers
  key.pub              the public key
{database}""".encode()
