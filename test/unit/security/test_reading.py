"""Files of the scanned tree are read only if they are plain, small enough and no link."""

from __future__ import annotations

import os
import tomllib
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


@pytest.mark.parametrize("text", ["{}b = 1", "[{}b]", "x = {{ {}b = 1 }}", "[[{}b]]", "  {}b = 1"])
@pytest.mark.parametrize("part", ["a.", '"q.\\" ".', "'s' . "])
def test_a_key_of_so_many_parts_that_parsing_it_takes_all_memory_is_refused(text: str, part: str) -> None:
    with pytest.raises(tomllib.TOMLDecodeError, match="more than 100 parts"):
        reading.toml(text.format(part * 100_000))


def test_long_words_and_keys_of_some_parts_are_parsed() -> None:
    text = "a." * 50 + f"b = '{'x' * 1_000_000}'\n"
    assert list(reading.toml(text)) == ["a"]
