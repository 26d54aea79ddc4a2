"""Logins, patience and errors of the client that asks registries."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
import registries
from registries import PASSWORD, QUICK

from galway.registry import Client, Credentials, DeniedError, Patience, RegistryError, Repository, UnreachableError

if TYPE_CHECKING:
    from galway.registry import Document

INDEX = "application/vnd.oci.image.index.v1+json"
CONTENT = b'{"schemaVersion":2}'


def fetch(client: Client, *, push: bool = False) -> Document | None:
    return Repository(client=client, name="team/app", push=push).document("1")


@pytest.fixture
def registry():
    with registries.serve() as registry:
        registry.store("team/app", "1", CONTENT, INDEX)
        yield registry


def test_a_token_is_asked_for_once_and_kept(registry) -> None:
    registry.auth = "bearer"
    client = registry.client()
    assert fetch(client) is not None
    assert fetch(client) is not None
    assert [line.partition("?")[0] for line in registry.log].count("GET /token") == 1


def test_an_expired_token_is_renewed(registry) -> None:
    registry.auth = "bearer"
    client = registry.client()
    fetch(client)
    client._granted = dict.fromkeys(client._granted, "Bearer of-yesterday")
    assert fetch(client) is not None


def test_leave_to_write_is_asked_for_with_the_login(registry) -> None:
    registry.auth = "bearer"
    target = Repository(client=registry.client(registries.login()), name="team/app", push=True)
    target.put("2", CONTENT, INDEX)
    assert "2" in registry.tags("team/app")


def test_an_identity_token_is_exchanged(registry) -> None:
    registry.auth = "bearer"
    identity = Credentials(username="", identity="identity", source="a test")
    Repository(client=registry.client(identity), name="team/app", push=True).put("2", CONTENT, INDEX)
    assert "2" in registry.tags("team/app")


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_a_wrong_login_is_refused_without_showing_it(registry, auth: str) -> None:
    registry.auth, registry.readable = auth, False
    with pytest.raises(DeniedError) as caught:
        fetch(registry.client(registries.login("wrong-pass")), push=True)
    assert "refuses the login from a test" in caught.value.message
    assert "wrong-pass" not in f"{caught.value.message}{caught.value.hint}{caught.value.detail}"


@pytest.mark.parametrize("auth", ["basic", "bearer"])
def test_no_login_says_which_variables_to_set(registry, auth: str) -> None:
    registry.auth, registry.readable = auth, False
    with pytest.raises(DeniedError) as caught:
        fetch(registry.client())
    assert "wants a login" in caught.value.message
    assert "REGISTRY_USERNAME" in caught.value.hint
    assert f"docker login {registry.name}" in caught.value.hint


def test_basic_logins_work(registry) -> None:
    registry.auth, registry.readable = "basic", False
    assert fetch(registry.client(registries.login())) is not None


def test_a_login_is_not_sent_to_a_token_server_without_tls(registry) -> None:
    registry.auth, registry.realm = "bearer", "http://tokens.example.org/token"
    with pytest.raises(RegistryError, match="not protected by TLS"):
        fetch(registry.client(registries.login()))


def test_a_login_does_not_go_over_plain_http_to_another_machine() -> None:
    with pytest.raises(DeniedError, match="plain HTTP"):
        Client("http://registry.example.org", credentials=registries.login())


def test_a_login_stays_with_its_registry(registry) -> None:
    """An upload address, or a redirect, may lead to another host."""
    registry.auth = "basic"
    client = registry.client(registries.login())
    fetch(client, push=True)
    with registries.serve(auth="basic", readable=False) as other:
        address = f"{other.root}/v2/a/blobs/uploads/x"
        answer = client.ask("PUT", address, scopes=("repository:team/app:pull,push",), body=b"")
        assert answer.status_code == 401
        assert other.authorizations == [""]


def test_a_netrc_of_the_user_is_not_read(registry, tmp_path, monkeypatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login robot password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    client = registry.client()
    client._session.trust_env = True  # as for any registry that is not on loopback
    fetch(client)
    assert set(registry.authorizations) == {""}


@pytest.mark.parametrize("answers", [[503, 429], [500, 500], [502, 504]])
def test_a_busy_registry_is_asked_again(registry, answers) -> None:
    registry.statuses = answers
    assert fetch(registry.client(patience=Patience(tries=3, backoff=0.0))) is not None


def test_one_that_stays_busy_says_so(registry) -> None:
    registry.statuses = [429] * 9
    with pytest.raises(RegistryError, match="allows no more requests"):
        fetch(registry.client())


def test_a_registry_whose_name_is_not_known_is_said_to_be_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")  # a proxy would be asked instead of the name server
    client = Client("registry.invalid", patience=QUICK)  # RFC 2606: a name that never resolves
    with pytest.raises(UnreachableError, match=r"registry registry\.invalid cannot be found: its name is not known"):
        fetch(client)


def test_a_dead_registry_is_told_from_one_that_refuses() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(UnreachableError, match="connection refused") as caught:
            fetch(Client(name, patience=QUICK))
    assert caught.value.exit_code == 8
    assert caught.value.hint


@pytest.mark.parametrize("fault", [{"delay": 30.0}, {"dribble": True}])
def test_a_slow_registry_holds_nobody_up(fault: dict[str, object]) -> None:
    with registries.serve(**fault) as registry:
        registry.store("team/app", "1", CONTENT + b" " * 10_000, INDEX)
        begun = time.monotonic()
        with pytest.raises(UnreachableError, match="in time"):
            fetch(registry.client(patience=Patience(connect=2.0, silence=0.3, answer=0.6, tries=1)))
        assert time.monotonic() - begun < 6


def test_loopback_is_plain_and_the_world_is_not() -> None:
    assert Client("127.0.0.1:5000").root == "http://127.0.0.1:5000"
    assert Client("localhost:5000").root == "http://localhost:5000"
    assert Client("[::1]:5000").root == "http://[::1]:5000"
    assert Client("ghcr.io").root == "https://ghcr.io"
    assert Client("127.0.0.1.example.org").root.startswith("https:")
