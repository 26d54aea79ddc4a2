"""Answers a registry's challenges: Basic, or a token from the server that it names (Docker registry token protocol)."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from galway.registry.model import DeniedError, RegistryError, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from galway.registry.credentials import Credentials

    Send = Callable[..., requests.Response]

CLIENT = "galway"

_SCHEME = re.compile(r"(?:^|,)\s*(bearer|basic)\s+", re.IGNORECASE)
_FIELD = re.compile(r'(\w+)="([^"]*)"')


def answer(
    challenge: str, *, registry: str, scopes: tuple[str, ...], credentials: Credentials | None, send: Send
) -> str:
    """The `Authorization` header that a challenge asks for.

    Parameters
    ----------
    challenge:
        The `WWW-Authenticate` header.
    registry:
        URL of the registry's root, for messages and to tell whether plain HTTP is loopback.
    scopes:
        What is wanted, as `repository:NAME:pull,push`.
    credentials:
        None asks for an anonymous token.
    send:
        Sends a request as `requests.request` does, within bounds.

    Raises
    ------
    DeniedError
        It wants a login, or refuses this one.
    RegistryError
        It cannot be answered.
    """
    name = urlsplit(registry).netloc
    parts = _SCHEME.split(challenge)  # text before the first scheme, then schemes and their fields in turn
    found = {scheme.lower(): dict(_FIELD.findall(text)) for scheme, text in zip(parts[1::2], parts[2::2], strict=True)}
    if "bearer" in found:
        return f"Bearer {_token(found['bearer'], name, scopes, credentials, send)}"
    if "basic" not in found:
        raise RegistryError(f"{name} asks for a login in a way that is not known: {challenge[:80]!r}")
    if credentials is None or not credentials.password:
        raise no_login(name)
    return basic(credentials)


def basic(credentials: Credentials) -> str:
    """HTTP Basic."""
    return "Basic " + base64.b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


def no_login(name: str) -> DeniedError:
    """The error where a registry wants a login and none is at hand."""
    return DeniedError(
        f"{name} wants a login",
        hint=f"set REGISTRY_USERNAME and REGISTRY_PASSWORD (or REGISTRY_PASSWORD_FILE), or run: docker login {name}",
    )


def refused(name: str, credentials: Credentials | None, words: str = "") -> DeniedError:
    """The error where the login at hand is not taken."""
    if credentials is None:
        return no_login(name)
    return DeniedError(
        f"{name} refuses the login from {credentials.source}{words and f': {words}'}",
        hint="check that it is right, has not expired, and may write to this repository",
    )


def _token(
    fields: dict[str, str], name: str, scopes: tuple[str, ...], credentials: Credentials | None, send: Send
) -> str:
    realm = fields.get("realm", "")
    parts = urlsplit(realm)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(realm)):
        raise RegistryError(f"{name} sends logins to {realm!r}, which is not protected by TLS")
    # The challenge's own scope may be a mirror's name for the repository, but a question asks for leave to read only.
    asked = tuple(fields.get("scope", "").split())
    wanted = scopes if any(scope.endswith("push") for scope in scopes) else asked or scopes
    query: list[tuple[str, str]] = [("service", fields.get("service", ""))]
    if credentials is not None and credentials.identity:
        form = {
            "grant_type": "refresh_token",
            "client_id": CLIENT,
            "refresh_token": credentials.identity,
            "scope": " ".join(wanted),
            **dict(query),
        }
        granted = send("POST", realm, data=form)
    else:
        query += [("scope", scope) for scope in wanted]
        headers = {"Authorization": basic(credentials)} if credentials is not None else {}
        granted = send("GET", realm, params=query, headers=headers)
    if granted.status_code in (400, 401, 403):
        raise refused(name, credentials)
    return _read(granted, name)


def _read(granted: requests.Response, name: str) -> str:
    try:
        value: Any = granted.json() if granted.ok else {}
    except ValueError:
        value = {}
    token = (value.get("token") or value.get("access_token")) if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise RegistryError(f"the token server of {name} answered {granted.status_code} without a token")
    return token
