"""A registry for tests, in memory, that can be slow, full, forgetful, picky about logins, or lie.

with registries.serve() as registry:
    client = registry.client()
    registry.break_after = [1 << 20]  # drop the first upload after one megabyte
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from uploads import Uploads

from galway.registry import Client, Credentials, Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

QUICK = Patience(connect=2.0, silence=1.0, answer=2.0, tries=1, backoff=0.01)
USER, PASSWORD = "robot", "s3cret-pass"
_ROUTE = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>manifests|blobs/uploads|blobs|tags/list|referrers)(?:/(?P<rest>.*))?$")


@dataclass
class Registry:
    """What it holds, and how it behaves; a test changes what it is about."""

    root: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict)
    owned: set[tuple[str, str]] = field(default_factory=set)
    manifests: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)

    auth: str = ""  # "", "basic" or "bearer"
    readable: bool = True  # whether anybody may read, where there is auth
    realm: str = ""
    page: int = 100
    endless: bool = False
    referrers_api: bool = False
    forgets: bool = False  # uploads cannot be asked how far they came
    break_after: list[int] = field(default_factory=list)  # bytes after which an upload's connection is dropped
    room: int = 1 << 40
    delay: float = 0.0
    dribble: bool = False
    statuses: list[int] = field(default_factory=list)  # answered before anything else
    refuse_put: str = ""  # a pattern of paths that are refused with 500
    lie_header: bool = False
    lie_body: bool = False
    on_put: Callable[[str], None] | None = None  # told of each tag that was written

    @property
    def name(self) -> str:
        """As references call it."""
        return self.root.removeprefix("http://")

    def client(self, credentials: Credentials | None = None, patience: Patience = QUICK) -> Client:
        """A client that does not wait long."""
        return Client(self.name, credentials=credentials, patience=patience)

    def tags(self, repository: str) -> dict[str, str]:
        """Tag to digest."""
        return {
            reference: digest(content)
            for (name, reference), (content, _) in self.manifests.items()
            if name == repository and ":" not in reference
        }

    def store(self, repository: str, tag: str, content: bytes, media_type: str) -> str:
        """Put a manifest there without HTTP."""
        self.manifests[repository, digest(content)] = (content, media_type)
        if tag:
            self.manifests[repository, tag] = (content, media_type)
        return digest(content)


def digest(content: bytes) -> str:
    """Of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def login(password: str = PASSWORD) -> Credentials:
    """A login of this registry's one user."""
    return Credentials(username=USER, password=password, source="a test")


@contextlib.contextmanager
def serve(**behaviour: Any) -> Iterator[Registry]:
    """A registry on a free port of loopback."""
    registry = Registry(**behaviour)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.registry = registry  # type: ignore[attr-defined]
        registry.root = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield registry
        finally:
            server.shutdown()
            thread.join()


class _Handler(Uploads, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and content are two writes: the second would wait 40 ms for the first

    def log_message(self, *_: object) -> None:
        pass

    @property
    def registry(self) -> Registry:
        return self.server.registry  # type: ignore[attr-defined, no-any-return]

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def do_any(self) -> None:
        registry, parts = self.registry, urlsplit(self.path)
        self.query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        registry.log.append(f"{self.command} {parts.path}")
        time.sleep(registry.delay)
        if registry.statuses and (status := registry.statuses.pop(0)) != 200:
            self.body()
            self.answer(status, {"Retry-After": "0"})
            return
        if parts.path == "/token":
            self.token(parts.query)
            return
        if parts.path == "/v2/" and not registry.auth:
            self.answer(200, {}, b"{}")
            return
        route = _ROUTE.fullmatch(parts.path)
        if route is None:
            self.answer(404)
        elif self.allowed(route["name"]):
            kind = route["kind"].replace("/", "_")
            getattr(self, f"{self.command.lower()}_{kind}", self.missing)(route["name"], route["rest"] or "")

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_any  # noqa: N815 - http.server's names

    def allowed(self, name: str) -> bool:
        registry = self.registry
        given = self.headers.get("Authorization", "")
        registry.authorizations.append(given)
        reading = self.command in ("GET", "HEAD") and "/blobs/uploads/" not in self.path
        if not registry.auth:
            return True
        if registry.auth == "basic":
            wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
            if given == wanted or (reading and registry.readable and not given):
                return True
            challenge = 'Basic realm="test"'
        else:
            if given == "Bearer writer" or (reading and given in ("Bearer writer", "Bearer reader")):
                return True
            realm = registry.realm or f"{registry.root}/token"
            actions = "pull" if reading else "pull,push"
            challenge = f'Bearer realm="{realm}",service="test",scope="repository:{name}:{actions}"'
        self.body()
        self.answer(401, {"WWW-Authenticate": challenge}, b'{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}')
        return False

    def token(self, query: str) -> None:
        registry = self.registry
        given = self.headers.get("Authorization", "")
        registry.authorizations.append(given)
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.command == "POST":
            form = parse_qs(self.body().decode())
            good = form.get("refresh_token") == ["identity"]
            self.answer(200 if good else 401, {}, b'{"access_token": "writer"}' if good else b"{}")
        elif given == wanted:
            self.answer(200, {}, json.dumps({"token": "writer" if "push" in query else "reader"}).encode())
        elif given or not registry.readable:
            self.answer(401)
        else:
            self.answer(200, {}, b'{"token": "reader"}')

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status: int, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.registry.dribble:
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(0.05)
        else:
            self.wfile.write(content)

    def missing(self, *_: str) -> None:
        self.body()
        self.answer(404)

    def get_tags_list(self, name: str, _rest: str) -> None:
        registry = self.registry
        tags = sorted(registry.tags(name))
        if not tags:
            self.answer(404, {}, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
            return
        rest = [tag for tag in tags if tag > self.query.get("last", "")]
        size = min(int(self.query.get("n", "100")), registry.page)
        page = tags[:size] if registry.endless else rest[:size]
        link = {"Link": f'</v2/{name}/tags/list?n={size}&last={page[-1]}>; rel="next"'} if page != rest else {}
        self.answer(200, link, json.dumps({"name": name, "tags": page}).encode())

    def get_manifests(self, name: str, reference: str) -> None:
        registry = self.registry
        found = registry.manifests.get((name, reference))
        if found is None:
            self.answer(404)
            return
        content, media_type = found
        claimed = digest(content)
        if registry.lie_body:
            content = content.replace(b"2", b"3", 1)
        if registry.lie_header:
            claimed = "sha256:" + "f" * 64
        self.answer(200, {"Docker-Content-Digest": claimed, "Content-Type": media_type}, content)

    head_manifests = get_manifests

    def put_manifests(self, name: str, reference: str) -> None:
        registry, content = self.registry, self.body()
        if registry.refuse_put and re.search(registry.refuse_put, self.path):
            self.answer(500, {}, b'{"errors":[{"code":"UNKNOWN","message":"unknown error"}]}')
            return
        registry.store(name, reference if ":" not in reference else "", content, self.headers["Content-Type"])
        headers = {"Docker-Content-Digest": digest(content)}
        subject = json.loads(content).get("subject")
        if subject and registry.referrers_api:
            headers["OCI-Subject"] = subject["digest"]
        if registry.on_put is not None and ":" not in reference:
            registry.on_put(reference)
        self.answer(201, headers)

    def get_blobs(self, name: str, rest: str) -> None:
        registry = self.registry
        content = registry.blobs.get(rest) if (name, rest) in registry.owned else None
        if content is None:
            self.answer(404)
        else:
            self.answer(200, {"Content-Length": str(len(content))}, content[::-1] if registry.lie_body else content)

    head_blobs = get_blobs

    def get_referrers(self, name: str, subject: str) -> None:
        registry = self.registry
        if not registry.referrers_api:
            self.answer(404)
            return
        found = []
        for (repository, reference), (content, media_type) in registry.manifests.items():
            document = json.loads(content)
            if repository == name and ":" in reference and document.get("subject", {}).get("digest") == subject:
                kind = document.get("artifactType", "")
                entry = {"mediaType": media_type, "digest": reference, "size": len(content), "artifactType": kind}
                found.append(entry)
        body = {"schemaVersion": 2, "manifests": found}
        self.answer(200, {"Content-Type": "application/vnd.oci.image.index.v1+json"}, json.dumps(body).encode())
