"""What both ends do: a key, Cosign, and the proof of an image where it lies in a registry."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from galway import proof, toolbox
from galway.bundling import contents
from galway.errors import ConfigurationError, VerifyError
from galway.registry import UnreachableError
from galway.stages import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from galway.catalog import Catalog, Image
    from galway.layout import Layout
    from galway.proof import Proof
    from galway.registry import Client
    from galway.signing import Cosign
    from galway.workspace import Workspace


def prove(
    catalog: Catalog,
    image: Image,
    layout: Layout,
    client: Client,
    cosign: Cosign,
    folder: Path,
    say: Callable[[str], None],
) -> list[Proof]:
    """Prove an image where it lies in a registry, as `inv verify` does; no record is written.

    Raises
    ------
    VerifyError
        Something does not hold.
    """
    reference = replace(image.reference, tag=None, digest=layout.digest)
    platforms = [manifest.platform for manifest in layout.manifests()]
    wanted = verify.published(catalog, image, reference, platforms=platforms, client=client, cosign=cosign)
    try:
        proofs = list(proof.prove(wanted, folder, say))
    except UnreachableError as error:
        raise VerifyError(f"{image.name} could not be proved: {error.message}", hint=error.hint) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    status, reason = proof.judge(proofs, len(platforms))
    if status != "passed":
        raise VerifyError(f"{image.name}: {reason}", hint="publish and sign it again, or find out who did")
    return proofs


@contextlib.contextmanager
def scratch(workspace: Workspace, name: str) -> Iterator[Path]:
    """A new folder below `.galway/bundle` that is gone afterwards, and what a killed command left there before.

    One bundle at a time is packed or loaded in a checkout; another command waits.
    """
    folder = workspace.state / "bundle" / name
    workspace.state.mkdir(parents=True, exist_ok=True)
    with FileLock(workspace.state / "bundle.lock"):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def public_key(path: str) -> bytes:
    """A public key's file, which has to be one: an air gap has no key management service.

    Raises
    ------
    ConfigurationError
        It cannot be read, or is none.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"there is no public key {path}", hint="inv keygen makes a pair; COSIGN_PUBLIC_KEY names another file"
        ) from error
    contents.fingerprint(content)
    return content


def cosign_tool(workspace: Workspace, say: Callable[[str], None]) -> toolbox.Tool:
    """Cosign, fetched where it is not here yet."""
    return toolbox.ensure(workspace, "cosign", say=say)


def at(image: Image, client: Client) -> Image:
    """The image under another registry's name."""
    return replace(image, reference=replace(image.reference, registry=client.name))
