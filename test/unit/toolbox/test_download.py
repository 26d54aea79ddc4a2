"""Downloads against a server that breaks off, lies, redirects and refuses."""

from __future__ import annotations

import hashlib
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from galway.toolbox import web
from galway.toolbox.download import BREAKS, Download, DownloadError, TamperedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def download(monkeypatch: pytest.MonkeyPatch) -> Iterator[Download]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with web.session(backoff=0) as session:
        yield Download(session=session, pause=lambda _seconds: None)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_file_gets_its_name_only_once_it_is_complete(release_server, download: Download, tmp_path: Path) -> None:
    target = download.fetch(release_server.url, tmp_path / "new" / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content
    assert [path.name for path in target.parent.iterdir()] == ["tool"]


def test_a_break_in_the_middle_goes_on_where_it_stopped(release_server, download: Download, tmp_path: Path) -> None:
    release_server.break_after, release_server.breaks_left = 300_000, 2

    target = download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content
    ranges = [wanted for _path, wanted in release_server.requests]
    assert ranges[0] == ""
    assert all(wanted.startswith("bytes=") for wanted in ranges[1:])
    assert len(ranges) == 3


def test_too_many_breaks_leave_the_part_for_the_next_run(release_server, download: Download, tmp_path: Path) -> None:
    release_server.break_after, release_server.breaks_left = 100_000, BREAKS
    expected = digest(release_server.content)

    with pytest.raises(DownloadError, match="broke off") as caught:
        download.fetch(release_server.url, tmp_path / "tool", sha256=expected)
    kept = (tmp_path / "tool.part").stat().st_size
    target = download.fetch(release_server.url, tmp_path / "tool", sha256=expected)

    assert not caught.value.unreachable
    assert kept > 0
    assert release_server.requests[-1][1] == f"bytes={kept}-"
    assert target.read_bytes() == release_server.content


def test_a_server_without_ranges_is_read_from_the_start_again(
    release_server, download: Download, tmp_path: Path
) -> None:
    release_server.ranges = False
    (tmp_path / "tool.part").write_bytes(b"the first half")

    target = download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content


def test_a_complete_part_is_not_fetched_again(release_server, download: Download, tmp_path: Path) -> None:
    (tmp_path / "tool.part").write_bytes(release_server.content)

    target = download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content
    assert len(release_server.requests) == 1


def test_a_part_longer_than_the_file_starts_anew(release_server, download: Download, tmp_path: Path) -> None:
    (tmp_path / "tool.part").write_bytes(release_server.content + b"more")

    target = download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content


def test_wrong_bytes_are_deleted_and_both_hashes_named(release_server, download: Download, tmp_path: Path) -> None:
    expected = digest(b"the real one")

    with pytest.raises(TamperedError) as caught:
        download.fetch(release_server.url, tmp_path / "tool", sha256=expected)

    assert "tool" in caught.value.message
    assert expected in caught.value.message
    assert digest(release_server.content) in caught.value.message
    assert list(tmp_path.iterdir()) == []
    assert caught.value.exit_code == 4


def test_a_redirect_is_followed(release_server, download: Download, tmp_path: Path) -> None:
    release_server.redirect = True

    download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert [path for path, _range in release_server.requests] == ["/file", "/moved"]


def test_a_missing_file_is_an_answer_and_the_server_stays_reachable(
    release_server, download: Download, tmp_path: Path
) -> None:
    release_server.statuses = [404]

    with pytest.raises(DownloadError, match="404") as caught:
        download.fetch(release_server.url, tmp_path / "tool", sha256=digest(b""))

    assert not caught.value.unreachable


def test_a_passing_server_error_is_asked_again(release_server, download: Download, tmp_path: Path) -> None:
    release_server.statuses = [500, 503, 200]

    target = download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    assert target.read_bytes() == release_server.content


def test_a_lasting_server_error_is_a_refusal(release_server, download: Download, tmp_path: Path) -> None:
    release_server.statuses = [500] * 20

    with pytest.raises(DownloadError, match="500"):
        download.fetch(release_server.url, tmp_path / "tool", sha256=digest(b""))


def test_no_connection_marks_the_server_unreachable(download: Download, tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file"
        with pytest.raises(DownloadError, match="cannot be reached") as caught:
            download.fetch(url, tmp_path / "tool", sha256=digest(b""))

    assert caught.value.unreachable


def test_a_file_put_there_by_hand_needs_no_server(download: Download, tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(b"by hand")

    target = download.fetch("http://nowhere.invalid/tool", tmp_path / "tool", sha256=digest(b"by hand"))

    assert target.read_bytes() == b"by hand"


def test_progress_counts_a_resumed_download_to_its_whole_size(release_server, tmp_path: Path) -> None:
    counted: list[tuple[str, int, int | None, int]] = []

    @contextmanager
    def recorder(label: str, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
        sizes: list[int] = []
        yield sizes.append
        counted.append((label, done, total, sum(sizes)))

    (tmp_path / "tool.part").write_bytes(release_server.content[:1000])
    with web.session(backoff=0) as session:
        download = Download(session=session, progress=recorder)
        download.fetch(release_server.url, tmp_path / "tool", sha256=digest(release_server.content))

    size = len(release_server.content)
    assert counted == [("tool", 1000, size, size - 1000)]
