"""OSV's export is kept only when it is whole; an older one stays where a new one is not good."""

from __future__ import annotations

import datetime
import io
import json
import threading
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from galway import advisories
from galway.errors import ConfigurationError, GalwayError, NotEvaluatedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODIFIED = "2026-11-20T08:00:00.123456Z"


def export(count: int = advisories.FEWEST, *, shape: object = None) -> bytes:
    buffer = io.BytesIO()
    entry = {"id": "PYSEC-1", "modified": MODIFIED, "affected": []} if shape is None else shape
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(count):
            archive.writestr(f"PYSEC-{number}.json", json.dumps(entry))
    return buffer.getvalue()


@contextmanager
def serving(content: bytes, *, status: int = 200, cut: int = 0) -> Iterator[str]:
    """An HTTP server that gives one answer, short of some bytes where it should break off."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - cut])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/all.zip"
        finally:
            server.shutdown()
            thread.join()


def test_a_whole_export_is_kept_with_its_date(tmp_path: Path) -> None:
    with serving(export()) as address:
        found = advisories.fetch(tmp_path / "sub" / "PyPI.zip", address=address)
    assert found.count == advisories.FEWEST
    assert found.age(datetime.datetime(2026, 11, 25, 9, tzinfo=datetime.UTC)) == 5
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["PyPI.zip"]


@pytest.mark.parametrize(
    ("content", "options", "error"),
    [
        (b"not a zip", {}, ConfigurationError),
        (export(3), {}, ConfigurationError),
        (export(shape={"id": "x"}), {}, ConfigurationError),
        (export(shape=[]), {}, ConfigurationError),
        (export(), {"cut": 5}, NotEvaluatedError),
        (export(), {"status": 404}, NotEvaluatedError),
    ],
)
def test_what_is_no_whole_export_leaves_the_older_one(
    tmp_path: Path, content: bytes, options: dict[str, int], error: type[GalwayError]
) -> None:
    path = tmp_path / "PyPI.zip"
    path.write_bytes(b"the older one")
    with serving(content, **options) as address, pytest.raises(error):
        advisories.fetch(path, address=address)
    assert path.read_bytes() == b"the older one"
    assert list(tmp_path.iterdir()) == [path]


def test_nobody_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotEvaluatedError) as caught:
        advisories.fetch(tmp_path / "PyPI.zip", address="http://127.0.0.1:9/all.zip")
    assert "OSV_EXPORT" in caught.value.hint
