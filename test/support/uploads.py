"""How the registry for tests takes blobs: in sessions that break, are forgotten, or find no room (see `registries`)."""

from __future__ import annotations

import hashlib
import uuid
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from registries import Registry


class Uploads(BaseHTTPRequestHandler):
    """The part of the handler that answers below `blobs/uploads`; the other part has what is declared first."""

    registry: Registry
    query: dict[str, str]
    body: Callable[[], bytes]
    answer: Callable[..., None]

    def post_blobs_uploads(self, name: str, _rest: str) -> None:
        registry = self.registry
        self.body()
        wanted, source = self.query.get("mount", ""), self.query.get("from", "")
        if (source, wanted) in registry.owned:
            registry.owned.add((name, wanted))
            self.answer(201)
            return
        session = uuid.uuid4().hex
        registry.uploads[session] = bytearray()
        self.answer(202, {"Location": f"/v2/{name}/blobs/uploads/{session}"})

    def get_blobs_uploads(self, name: str, session: str) -> None:
        registry = self.registry
        if registry.forgets or session not in registry.uploads:
            registry.uploads.pop(session, None)
            self.answer(404)
            return
        location = f"/v2/{name}/blobs/uploads/{session}"
        last = max(len(registry.uploads[session]) - 1, 0)
        self.answer(204, {"Location": location, "Range": f"0-{last}"})

    def patch_blobs_uploads(self, name: str, session: str) -> None:
        registry = self.registry
        held = registry.uploads.get(session)
        size = int(self.headers.get("Content-Length") or 0)
        start = int((self.headers.get("Content-Range") or "0-").partition("-")[0])
        if held is None or start != len(held):
            self.body()
            self.answer(404 if held is None else 416)
            return
        stop = registry.break_after.pop(0) if registry.break_after else None
        while size:
            chunk = self.rfile.read(min(size, 1 << 14))
            size -= len(chunk)
            held += chunk
            if stop is not None and len(held) >= stop:
                self.connection.close()
                self.close_connection = True
                return
            if not chunk or len(held) > registry.room:
                break
        if size:
            self.rfile.read(size)
        if len(held) > registry.room:
            self.answer(500, {}, b'{"errors":[{"code":"UNKNOWN","message":"unknown error","detail":{"Err":28}}]}')
            return
        self.answer(202, {"Location": f"/v2/{name}/blobs/uploads/{session}", "Range": f"0-{len(held) - 1}"})

    def put_blobs_uploads(self, name: str, session: str) -> None:
        registry, content = self.registry, self.body()
        held = registry.uploads.pop(session, None)
        if held is None:
            self.answer(404)
            return
        whole, wanted = bytes(held) + content, self.query["digest"]
        if len(whole) > registry.room:
            self.answer(507)
        elif f"sha256:{hashlib.sha256(whole).hexdigest()}" != wanted:
            self.answer(400, {}, b'{"errors":[{"code":"DIGEST_INVALID","message":"digest invalid"}]}')
        else:
            registry.blobs[wanted] = whole
            registry.owned.add((name, wanted))
            self.answer(201)
