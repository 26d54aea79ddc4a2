"""A registry on loopback and a signing key, for the time of one run."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from typing import TYPE_CHECKING

from galway import local_registry, registry, signing, toolbox
from galway.signing import Cosign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from galway.registry import Client
    from galway.workspace import Workspace


@contextlib.contextmanager
def shop(workspace: Workspace, *, say: Callable[[str], None]) -> Iterator[tuple[Client, Cosign]]:
    """Both, ready to be used; nothing of them is left afterwards.

    Raises
    ------
    MissingToolError
        The registry program or Cosign cannot be had.
    """
    folder = workspace.state / "pipeline"
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
    tool = toolbox.ensure(workspace, "cosign", say=say)
    passphrase = {"COSIGN_PASSWORD": secrets.token_urlsafe(24)}
    try:
        with local_registry.running(workspace, folder / "registry", say=say) as made:
            key = signing.generate(tool, folder / "throw-away.key", folder / "throw-away.pub", passphrase)
            yield registry.Client(made.name), Cosign(tool=tool, trust=key, environment=passphrase)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
