"""Finds the login for a registry: in the environment, or where `docker login` keeps it; never on a command line."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from galway import process
from galway.errors import ConfigurationError, GalwayError, MissingToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 30.0
"""Seconds that a credential helper may take; it may ask a keychain."""

_HELPER = re.compile(r"[A-Za-z0-9_.-]+")
_TOKEN_USER = "<token>"  # noqa: S105 - the name by which helpers mark an identity token
_HUB = "https://index.docker.io/v1/"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """A login; its secrets do not show when it is printed.

    Parameters
    ----------
    username, password:
        For HTTP Basic, also when asking for a token.
    identity:
        OAuth2 refresh token in their place; empty for none.
    source:
        Where it was found, for error messages.
    """

    username: str
    password: str = field(repr=False, default="")
    identity: str = field(repr=False, default="")
    source: str


def find(registry: str, environment: Mapping[str, str] = os.environ) -> Credentials | None:
    """The login for the registry that images are published to.

    In this order: `REGISTRY_USERNAME` with `REGISTRY_PASSWORD` or `REGISTRY_PASSWORD_FILE`; for ghcr.io a job's
    `GITHUB_TOKEN` (and `GITHUB_ACTOR`); Docker's configuration with its credential helpers. Call it for the registry of
    the catalog only: the variables do not name one.

    Raises
    ------
    ConfigurationError
        Half a login, or a credential helper that does not work.
    """
    return _from_variables(environment) or _from_job(registry, environment) or _from_docker(registry, environment)


def _from_variables(environment: Mapping[str, str]) -> Credentials | None:
    username, password = environment.get("REGISTRY_USERNAME", ""), environment.get("REGISTRY_PASSWORD", "")
    path = environment.get("REGISTRY_PASSWORD_FILE", "")
    if path and not password:
        try:
            password = Path(path).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read REGISTRY_PASSWORD_FILE {path}") from error
    if bool(username) != bool(password):
        missing = "REGISTRY_PASSWORD (or REGISTRY_PASSWORD_FILE)" if username else "REGISTRY_USERNAME"
        raise ConfigurationError(f"half a login is set: {missing} is missing or empty")
    return Credentials(username=username, password=password, source="REGISTRY_USERNAME") if username else None


def _from_job(registry: str, environment: Mapping[str, str]) -> Credentials | None:
    token = environment.get("GITHUB_TOKEN", "")
    if registry != "ghcr.io" or not token:
        return None
    # GHCR takes any name with a token; it has to be there.
    return Credentials(
        username=environment.get("GITHUB_ACTOR") or "x-access-token", password=token, source="GITHUB_TOKEN"
    )


def _from_docker(registry: str, environment: Mapping[str, str]) -> Credentials | None:
    """What `docker login` kept (Docker CLI: config.json, credential store protocol)."""
    folder = environment.get("DOCKER_CONFIG") or str(Path(environment.get("HOME") or Path.home()) / ".docker")
    path = Path(folder) / "config.json"
    try:
        settings = json.loads(path.read_bytes())
    except OSError:
        return None
    except ValueError as error:
        raise ConfigurationError(f"{path} is not JSON") from error
    names = (_HUB,) if registry in ("docker.io", "index.docker.io") else (registry, f"https://{registry}")
    helpers = _table(settings, "credHelpers")
    for name in names:
        helper = helpers.get(name) or (settings.get("credsStore") if isinstance(settings, dict) else None)
        if helper and (found := _from_helper(str(helper), name)):
            return found
        if (entry := _table(settings, "auths").get(name)) and (found := _from_entry(entry, path)):
            return found
    return None


def _from_entry(entry: Any, path: Path) -> Credentials | None:
    if not isinstance(entry, dict):
        return None
    identity = str(entry.get("identitytoken") or "")
    try:
        plain = base64.b64decode(str(entry.get("auth") or ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ConfigurationError(f"{path} holds a login that cannot be read", hint="run docker login again") from None
    username, _, password = plain.partition(":")
    if not identity and not password:
        return None
    return Credentials(username=username, password=password.rstrip("\0"), identity=identity, source=str(path))


def _from_helper(helper: str, name: str) -> Credentials | None:
    program = f"docker-credential-{helper}"
    if not _HELPER.fullmatch(helper):
        raise ConfigurationError(f"not a credential helper: {helper!r}")
    try:
        answer = process.run((program, "get"), stdin=[name.encode()], ok=None, timeout=PATIENCE)
    except GalwayError as error:  # its output may hold the secret, so that it stays out of the message
        raise ConfigurationError(
            f"Docker's credential helper {program} does not answer", hint=f"mend it, or set REGISTRY_USERNAME ({name})"
        ) from (error if isinstance(error, MissingToolError) else None)
    if answer.code != 0:
        return None  # it knows no such registry
    try:
        found = json.loads(answer.stdout)
        username, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, LookupError, TypeError):
        raise ConfigurationError(f"Docker's credential helper {program} gave an answer that is no login") from None
    if username == _TOKEN_USER:
        return Credentials(username="", identity=secret, source=program)
    return Credentials(username=username, password=secret, source=program)


def _table(settings: Any, key: str) -> dict[str, Any]:
    found = settings.get(key) if isinstance(settings, dict) else None
    return found if isinstance(found, dict) else {}
