"""Logins come from the environment or from where docker login keeps them, and do not show."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from galway import process
from galway.errors import ConfigurationError, MissingToolError
from galway.registry import find_credentials
from galway.registry.credentials import Credentials

if TYPE_CHECKING:
    from pathlib import Path


def docker(tmp_path: Path, **settings: object) -> dict[str, str]:
    (tmp_path / "config.json").write_text(json.dumps(settings))
    return {"DOCKER_CONFIG": str(tmp_path)}


def auth(text: str) -> dict[str, str]:
    return {"auth": base64.b64encode(text.encode()).decode()}


def test_the_variables_come_first(tmp_path: Path) -> None:
    environment = {
        "REGISTRY_USERNAME": "me",
        "REGISTRY_PASSWORD": "p:w",
        "GITHUB_TOKEN": "t",
        **docker(tmp_path, auths={"ghcr.io": auth("a:b")}),
    }
    found = find_credentials("ghcr.io", environment)
    assert found == Credentials(username="me", password="p:w", source="REGISTRY_USERNAME")


def test_a_password_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    environment = {"REGISTRY_USERNAME": "me", "REGISTRY_PASSWORD_FILE": str(tmp_path / "password")}
    found = find_credentials("ghcr.io", environment)
    assert found is not None
    assert found.password == "s3cret"
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    "environment",
    [{"REGISTRY_USERNAME": "me"}, {"REGISTRY_PASSWORD": "x"}, {"REGISTRY_PASSWORD_FILE": "/nowhere"}],
)
def test_half_a_login_is_an_error(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        find_credentials("ghcr.io", environment)


def test_a_jobs_token_is_for_ghcr_only(tmp_path: Path) -> None:
    environment = {"GITHUB_TOKEN": "t", "GITHUB_ACTOR": "octo", "HOME": str(tmp_path)}
    found = find_credentials("ghcr.io", environment)
    assert found is not None
    assert (found.username, found.source) == ("octo", "GITHUB_TOKEN")
    assert find_credentials("registry.example.org", environment) is None


def test_dockers_file_is_read_by_host(tmp_path: Path) -> None:
    environment = docker(tmp_path, auths={"ghcr.io": auth("a:b:c"), "https://index.docker.io/v1/": auth("h:ub")})
    found = find_credentials("ghcr.io", environment)
    assert found is not None
    assert (found.username, found.password) == ("a", "b:c")
    hub = find_credentials("docker.io", environment)
    assert hub is not None
    assert hub.username == "h"
    assert find_credentials("other.example.org", environment) is None


def test_an_identity_token_is_taken(tmp_path: Path) -> None:
    found = find_credentials("r.example.org", docker(tmp_path, auths={"r.example.org": {"identitytoken": "i"}}))
    assert found is not None
    assert found.identity == "i"


def test_no_file_is_no_login_and_a_broken_one_is_an_error(tmp_path: Path) -> None:
    assert find_credentials("ghcr.io", {"HOME": str(tmp_path)}) is None
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ConfigurationError, match="not JSON"):
        find_credentials("ghcr.io", {"DOCKER_CONFIG": str(tmp_path)})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        find_credentials("ghcr.io", docker(tmp_path, auths={"ghcr.io": {"auth": "%"}}))


class Helper:
    """Stands for `docker-credential-…`."""

    def __init__(self, code: int, stdout: str) -> None:
        self.answer = process.Completed(argv=("x",), code=code, stdout=stdout, stderr="", seconds=0.0)
        self.calls: list[tuple[tuple[str, ...], bytes]] = []

    def __call__(self, argv, *, stdin, **_: object) -> process.Completed:
        self.calls.append((argv, b"".join(stdin)))
        return self.answer


def test_a_helper_is_asked_for_its_hosts(tmp_path: Path, monkeypatch) -> None:
    helper = Helper(0, '{"Username": "u", "Secret": "s"}')
    monkeypatch.setattr(process, "run", helper)
    found = find_credentials("ghcr.io", docker(tmp_path, credHelpers={"ghcr.io": "pass"}))
    assert found is not None
    assert (found.username, found.password) == ("u", "s")
    assert helper.calls == [(("docker-credential-pass", "get"), b"ghcr.io")]


def test_a_store_s_identity_token(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(process, "run", Helper(0, '{"Username": "<token>", "Secret": "s"}'))
    found = find_credentials("ghcr.io", docker(tmp_path, credsStore="desktop"))
    assert found is not None
    assert found.identity == "s"


def test_a_store_without_the_host_has_none(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(process, "run", Helper(1, "credentials not found in native keychain"))
    assert find_credentials("ghcr.io", docker(tmp_path, credsStore="desktop")) is None


def test_a_broken_helper_does_not_show_what_it_said(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(process, "run", Helper(0, "s3cret"))
    with pytest.raises(ConfigurationError) as caught:
        find_credentials("ghcr.io", docker(tmp_path, credsStore="desktop"))
    assert "s3cret" not in caught.value.message


def test_a_missing_helper_is_named(tmp_path: Path, monkeypatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise MissingToolError("docker-credential-desktop is not installed")

    monkeypatch.setattr(process, "run", missing)
    with pytest.raises(ConfigurationError, match="docker-credential-desktop"):
        find_credentials("ghcr.io", docker(tmp_path, credsStore="desktop"))
    with pytest.raises(ConfigurationError, match="not a credential helper"):
        find_credentials("ghcr.io", docker(tmp_path, credsStore="../../bin/sh"))
