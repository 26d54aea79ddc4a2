"""Blobs arrive whole whatever happens on their way, and are not sent twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import registries

from galway.reference import Digest
from galway.registry import FullError, LyingError, Repository, UnreachableError, Upload, download

if TYPE_CHECKING:
    from pathlib import Path

LARGE = bytes(range(256)) * (4 << 12)  # 4 MiB


def upload(registry, tmp_path: Path, content: bytes, sent: list[int] | None = None, *, sources=(), name="team/app"):
    path = tmp_path / "blob"
    path.write_bytes(content)
    target = Repository(client=registry.client(), name=name, push=True, sources=sources)
    advance = sent.append if sent is not None else lambda _size: None
    digest = Digest.parse(registries.digest(content))
    return Upload(repository=target, digest=digest, path=path, advance=advance).run()


@pytest.mark.parametrize("content", [b"", b"small", LARGE])
def test_a_blob_is_sent_once(registry, tmp_path: Path, content: bytes) -> None:
    sent: list[int] = []
    assert upload(registry, tmp_path, content, sent) == "sent"
    assert registry.blobs[registries.digest(content)] == content
    assert sum(sent) == len(content)
    assert upload(registry, tmp_path, content) == "there"


def test_a_neighbours_blob_is_mounted(registry, tmp_path: Path) -> None:
    upload(registry, tmp_path, LARGE)
    count = len(registry.log)
    assert upload(registry, tmp_path, LARGE, sources=("team/app",), name="team/other") == "mounted"
    assert not any(line.startswith("PATCH") for line in registry.log[count:])


def test_a_mount_that_is_refused_becomes_an_upload(registry, tmp_path: Path) -> None:
    assert upload(registry, tmp_path, LARGE, sources=("team/empty", "team/none")) == "sent"


def test_a_broken_connection_is_gone_on_from_where_it_broke(registry, tmp_path: Path) -> None:
    registry.break_after = [1 << 20, 3 << 20]
    sent: list[int] = []
    assert upload(registry, tmp_path, LARGE, sent) == "sent"
    assert registry.blobs[registries.digest(LARGE)] == LARGE
    assert sum(sent) == len(LARGE)
    assert sum(line.startswith("POST") for line in registry.log) == 1  # the same upload all the time


def test_a_forgotten_upload_begins_again(registry, tmp_path: Path) -> None:
    registry.break_after, registry.forgets = [1 << 20], True
    sent: list[int] = []
    assert upload(registry, tmp_path, LARGE, sent) == "sent"
    assert registry.blobs[registries.digest(LARGE)] == LARGE
    assert sum(sent) == len(LARGE)
    assert sum(line.startswith("POST") for line in registry.log) == 2


def test_a_registry_that_drops_every_connection_is_given_up(registry, tmp_path: Path) -> None:
    registry.break_after = [1] * 100
    with pytest.raises(UnreachableError):
        upload(registry, tmp_path, LARGE)
    assert len(registry.log) < 60


@pytest.mark.parametrize("content", [b"x" * 2000, LARGE])
def test_a_full_registry_says_so(registry, tmp_path: Path, content: bytes) -> None:
    registry.room = 1000
    with pytest.raises(FullError, match=r"storage of 127\.0\.0\.1:[0-9]+ is full"):
        upload(registry, tmp_path, content)


def test_a_blob_of_another_size_under_the_same_digest_is_a_lie(registry, tmp_path: Path) -> None:
    digest = registries.digest(LARGE)
    registry.blobs[digest] = b"something else"
    registry.owned.add(("team/app", digest))
    with pytest.raises(LyingError, match="has 14 bytes"):
        upload(registry, tmp_path, LARGE)


def test_a_download_is_kept_only_when_it_is_what_it_should_be(registry, tmp_path: Path) -> None:
    upload(registry, tmp_path, LARGE)
    source = Repository(client=registry.client(), name="team/app")
    digest, path = Digest.parse(registries.digest(LARGE)), tmp_path / "copy"
    registry.lie_body = True
    with pytest.raises(LyingError, match="other bytes"):
        download.blob(source, digest, path, size=len(LARGE))
    assert list(tmp_path.iterdir()) == [tmp_path / "blob"]
    registry.lie_body = False
    download.blob(source, digest, path, size=len(LARGE))
    assert path.read_bytes() == LARGE


def test_more_bytes_than_promised_are_not_read(registry, tmp_path: Path) -> None:
    upload(registry, tmp_path, LARGE)
    source = Repository(client=registry.client(), name="team/app")
    with pytest.raises(UnreachableError):
        download.blob(source, Digest.parse(registries.digest(LARGE)), tmp_path / "copy", size=1000)
