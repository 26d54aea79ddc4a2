"""Tells who a workflow run is, as GitHub does: an OIDC issuer on loopback that gives a job its identity token.

    with actions.serve(files=folder) as runner:
        runner.workflow = "owner/name/.github/workflows/image.yml@refs/heads/main"
        subprocess.run([...], env=runner.environment)

A token is asked for at `ACTIONS_ID_TOKEN_REQUEST_URL` with the bearer token `ACTIONS_ID_TOKEN_REQUEST_TOKEN`; its key
is found through `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0). The server also gives out the files
of one folder, below `/files/`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import secrets
import threading
import time
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY_ID = "test"
LIFETIME = 5 * 60
"""Seconds that a token holds, as GitHub's do."""


@dataclass(kw_only=True)
class Runner:
    """One job's side of GitHub; a test changes `workflow` to be another one.

    Parameters
    ----------
    url:
        The issuer.
    workflow:
        The `job_workflow_ref` of its tokens: the workflow file that the job stands in, and the ref it came from.
    asked:
        The audiences that tokens were asked for.
    """

    url: str = ""
    workflow: str = ""
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048), repr=False)
    asked: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What GitHub sets for a job with the permission `id-token: write`."""
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/token?api-version=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self.secret,
        }

    def token(self, audience: str) -> str:
        """A signed token with the claims that Sigstore's certificates are made of."""
        self.asked.append(audience)
        path, _, ref = self.workflow.partition("@")
        repository = path.partition("/.github/")[0]
        owner = repository.partition("/")[0]
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": audience,
            "sub": f"repo:{repository}:ref:{ref}",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
            "event_name": "push",
            "job_workflow_ref": self.workflow,
            "job_workflow_sha": "a" * 40,
            "ref": ref,
            "repository": repository,
            "repository_id": "1",
            "repository_owner": owner,
            "repository_owner_id": "2",
            "repository_visibility": "public",
            "run_attempt": "1",
            "run_id": "3",
            "runner_environment": "github-hosted",
            "sha": "a" * 40,
            "workflow": "image",
            "workflow_ref": self.workflow,
            "workflow_sha": "a" * 40,
        }
        return jwt.encode(claims, self.key, algorithm="RS256", headers={"kid": KEY_ID})


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, runner: Runner, **named: Any) -> None:
        self.runner = runner
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        if asked.path == "/.well-known/openid-configuration":
            self._answer({"issuer": self.runner.url, "jwks_uri": f"{self.runner.url}/keys"})
        elif asked.path == "/keys":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.runner.key.public_key(), as_dict=True)
            self._answer({"keys": [{**public, "kid": KEY_ID, "alg": "RS256", "use": "sig"}]})
        elif asked.path == "/token":
            if self.headers.get("Authorization", "").lower() != f"bearer {self.runner.secret}":
                self.send_error(401)
                return
            self._answer({"value": self.runner.token(parse_qs(asked.query)["audience"][0])})
        elif asked.path.startswith("/files/"):
            self.path = asked.path.removeprefix("/files")
            super().do_GET()
        else:
            self.send_error(404)

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Silent."""


@contextlib.contextmanager
def serve(files: Path) -> Iterator[Runner]:
    """The issuer, for the time of a `with` block.

    Parameters
    ----------
    files:
        What lies below `/files/`; may be filled later.
    """
    runner = Runner()
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, runner=runner, directory=str(files)))
    server.daemon_threads = True
    runner.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield runner
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
