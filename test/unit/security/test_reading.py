"""Files of the scanned tree are read only if they are plain, small enough and no link."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from security import reading

if TYPE_CHECKING:
    from pathlib import Path


def test_a_plain_file_is_read_without_its_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfabc")
    assert reading.text(tmp_path / "a") == "abc"


@pytest.mark.parametrize(
    ("kind", "words"),
    [("link", "a link"), ("pipe", "not a regular file"), ("folder", "not a regular file"), ("large", "larger than 10"),
     ("none", "No such file"), ("latin", "not UTF-8")],
)  # fmt: skip
def test_anything_else_is_refused_with_its_reason(tmp_path: Path, kind: str, words: str) -> None:
    path = tmp_path / "it"
    if kind == "link":
        (tmp_path / "target").write_text("abc", encoding="utf-8")
        path.symlink_to("target")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        path.write_bytes(b"x" * 11)
    elif kind == "latin":
        path.write_bytes(b"\xe9")
    with pytest.raises(reading.UnreadableError, match=words):
        reading.text(path, limit=10)
