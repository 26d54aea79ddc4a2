"""What publishers say about a pin, asked of servers that answer like a registry and GitHub."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from galway.errors import NotEvaluatedError
from galway.toolbox import web
from galway.toolbox.upstream import ActionPin, Upstream, actions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIGEST = "sha256:" + "1" * 64
COMMIT = "c" * 40


class Publisher(BaseHTTPRequestHandler):
    """A registry that wants an anonymous token, and GitHub's API, on one port."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Answer for manifests."""
        asked = self.server.asked  # type: ignore[attr-defined]
        asked.append(f"HEAD {self.path}")
        if self.headers.get("Authorization") != "Bearer anonymous":
            realm = f"http://127.0.0.1:{self.server.server_port}/token"
            challenge = f'Bearer realm="{realm}",service="registry",scope="repository:library/python:pull"'
            self._answer(401, {"WWW-Authenticate": challenge})
        elif self.path == "/v2/library/python/manifests/3.11-slim":
            self._answer(200, {"Docker-Content-Digest": DIGEST})
        else:
            self._answer(404, {})

    def do_GET(self) -> None:
        """Answer for tokens, releases and tags."""
        asked = self.server.asked  # type: ignore[attr-defined]
        asked.append(f"GET {self.path}")
        if self.path == "/token?service=registry&scope=repository%3Alibrary%2Fpython%3Apull":
            self._answer(200, {}, json.dumps({"token": "anonymous"}))
        elif self.path == "/repos/maker/tool/releases/tags/v1":
            assets = [{"name": "tool-linux", "digest": "sha256:" + "2" * 64}, {"name": "tool-old", "digest": None}]
            self._answer(200, {}, json.dumps({"assets": assets}))
        elif self.path == "/repos/actions/checkout/commits/v7.0.1":
            self._answer(200, {}, f"{COMMIT}\n")
        elif self.path == "/repos/busy/action/commits/v1":
            self._answer(403, {"X-RateLimit-Remaining": "0"})
        else:
            self._answer(404, {})

    def _answer(self, status: int, headers: dict[str, str], body: str = "") -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Publisher) as server:
        server.daemon_threads = True
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def publishers(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "GITHUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with web.session(backoff=0) as session:
        yield Upstream(session=session, github=address)


def test_a_registry_gives_the_digest_after_its_challenge_is_answered(
    publishers: Upstream, address: str, server
) -> None:
    assert publishers.image_digest(address, "library/python", "3.11-slim") == DIGEST
    assert [line.partition("?")[0] for line in server.asked] == [
        "HEAD /v2/library/python/manifests/3.11-slim",
        "GET /token",
        "HEAD /v2/library/python/manifests/3.11-slim",
    ]


def test_a_tag_that_is_gone_is_an_answer(publishers: Upstream, address: str) -> None:
    assert publishers.image_digest(address, "library/python", "2.7") is None


def test_github_s_own_hash_of_a_release_file_is_asked_once_per_release(publishers: Upstream, server) -> None:
    base = "https://github.com/maker/tool/releases/download/v1"

    assert publishers.file_sha256(f"{base}/tool-linux") == "2" * 64
    assert publishers.file_sha256(f"{base}/tool-gone") is None
    with pytest.raises(NotEvaluatedError, match="knows no sha256 of tool-old"):
        publishers.file_sha256(f"{base}/tool-old")
    assert len(server.asked) == 1


def test_a_file_from_elsewhere_is_not_evaluated(publishers: Upstream) -> None:
    with pytest.raises(NotEvaluatedError, match="not a file of a GitHub release"):
        publishers.file_sha256("https://example.org/tool")


def test_a_tag_gives_its_commit_and_a_missing_one_nothing(publishers: Upstream) -> None:
    assert publishers.tag_commit("actions/checkout", "v7.0.1") == COMMIT
    assert publishers.tag_commit("actions/checkout", "v99") is None


def test_a_used_up_allowance_is_not_a_verdict(publishers: Upstream) -> None:
    with pytest.raises(NotEvaluatedError, match="allows no more requests"):
        publishers.tag_commit("busy/action", "v1")


def test_a_server_that_does_not_answer_is_asked_once() -> None:
    with web.session(backoff=0) as session:
        publishers = Upstream(session=session)
        for _ in range(2):
            with pytest.raises(NotEvaluatedError, match="could not be reached") as caught:
                publishers.image_digest("http://127.0.0.1:9", "a", "b")

    assert caught.value.detail == ""  # the second answer came from memory
    assert caught.value.exit_code == 10


def test_actions_are_read_with_their_commit_and_version(tmp_path: Path) -> None:
    workflow = tmp_path / "ci.yml"
    workflow.write_text(f"""
      - uses: actions/checkout@{COMMIT} # v7.0.1
      - uses: actions/checkout@{COMMIT} # v7.0.1
        uses: github/codeql-action/upload-sarif@{COMMIT} # v4
      - uses: maker/action@main
      - uses: ./.github/actions/own
      # uses: commented/out@v1
    """)

    assert list(actions([workflow])) == [
        ActionPin("actions/checkout", COMMIT, "v7.0.1"),
        ActionPin("github/codeql-action", COMMIT, "v4"),
        ActionPin("maker/action", "main", ""),
    ]
