"""Whom we trust: a key pair by default (spec: image signing), or the identity of our workflows by choice."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from galway import process
from galway.errors import ConfigurationError
from galway.tools import cosign
from galway.tools.cosign import Identity, Key, Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.toolbox import Tool

FILE = "docker/signing.toml"
PASSWORD = "COSIGN_PASSWORD"  # noqa: S105 - the variable's name


class _Keyless(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    identity: str
    issuer: str


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    private_key: str
    public_key: str
    keyless: _Keyless


def pair(root: Path, *, key: str = "", environment: Mapping[str, str] = os.environ) -> Key:
    """The key pair of `docker/signing.toml`, as the command line and the environment change it.

    Parameters
    ----------
    key:
        A key's path, `env://NAME` or key management address, before `COSIGN_KEY` and `COSIGN_PUBLIC_KEY` and the table.
        A path is that of the private key; the public one lies beside it with the ending `.pub`.

    Raises
    ------
    ConfigurationError
        The table is missing or broken.
    """
    table = _read(root)
    private = key or environment.get("COSIGN_KEY", "")
    public = environment.get("COSIGN_PUBLIC_KEY", "") if not key else ""
    return Key(
        private=_absolute(root, private or table.private_key),
        public=_absolute(root, public or _beside(private) or table.public_key),
    )


def identity(root: Path) -> Identity:
    """The identity of our workflows, for signatures without a key.

    Raises
    ------
    ConfigurationError
        The table is missing or broken.
    """
    keyless = _read(root).keyless
    return Identity(subject=keyless.identity, issuer=keyless.issuer)


def _read(root: Path) -> _Table:
    try:
        return msgspec.toml.decode((root / FILE).read_bytes(), type=_Table)
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{FILE}: {error}") from error


def unlock(trust: Trust, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What Cosign's environment needs to use the private key: its passphrase, asked for where a person can answer.

    Raises
    ------
    ConfigurationError
        The key is not there, or there is no passphrase and nobody to ask.
    """
    if isinstance(trust, Identity):
        return {}
    if _is_path(trust.private):
        if not Path(trust.private).is_file():
            raise ConfigurationError(
                f"there is no signing key {trust.private}", hint="inv keygen makes a pair; COSIGN_KEY names another"
            )
    elif not trust.private.startswith("env://"):
        return {}  # a key management service asks for no passphrase
    if PASSWORD in environment:
        return {}
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{PASSWORD} is not set", hint="put the key's passphrase there, it may be empty")
    return {PASSWORD: getpass.getpass("passphrase of the signing key: ")}


def generate(tool: Tool, private: Path, public: Path, environment: Mapping[str, str] = os.environ) -> Key:
    """Make a key pair; the private one is encrypted with the passphrase and readable by its owner alone.

    Raises
    ------
    ConfigurationError
        A key is there already, or there is no passphrase and nobody to ask.
    """
    for path in (private, public):
        if path.exists():
            raise ConfigurationError(
                f"{path} is there already", hint="move it away first: losing a key loses its trust"
            )
    extra: dict[str, str] = {}
    if PASSWORD not in environment:
        if not sys.stdin.isatty():
            raise ConfigurationError(f"{PASSWORD} is not set", hint="put the new key's passphrase there")
        extra = {PASSWORD: getpass.getpass("passphrase of the new key: ")}
        if getpass.getpass("once more: ") != extra[PASSWORD]:
            raise ConfigurationError("the two passphrases differ")
    for path in (private, public):
        path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".galway-key-", dir=private.parent) as folder:
        made = Path(folder) / "made"
        process.run(cosign.generate_key_pair(str(tool.path), str(made)), env={**environment, **extra})
        made.with_suffix(".key").chmod(0o600)
        made.with_suffix(".pub").chmod(0o644)
        shutil.move(made.with_suffix(".pub"), public)
        made.with_suffix(".key").replace(private)
    return Key(private=str(private), public=str(public))


def _is_path(key: str) -> bool:
    return "://" not in key


def _absolute(root: Path, key: str) -> str:
    return str(root / key) if _is_path(key) else key


def _beside(private: str) -> str:
    return str(Path(private).with_suffix(".pub")) if private and _is_path(private) else ""
