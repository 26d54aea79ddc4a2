"""Reads files of the scanned tree: regular ones only, a bounded number of bytes, never through a link."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 32_000_000
"""The largest lock file in use is a few megabytes; parsing more would take more memory than the run profile has."""


MAX_PARTS = 100
"""Of a dotted TOML key. Python's parser keeps every beginning of a key: one of 100,000 parts, 200 kB, takes 40 GB."""

_LONG_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    f"{{{MAX_PARTS}}}",
    re.ASCII,
)


class UnreadableError(Exception):
    """Why a file was not read, in a few words."""


def data(path: Path, *, limit: int = MAX_BYTES) -> bytes:
    """The whole file.

    Raises
    ------
    UnreadableError
        It is a link, a device, a pipe, too large, or not to be opened.
    """
    try:
        # Opening a pipe would wait for its writer, and a device may act when it is opened.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableError("a link" if path.is_symlink() else error.strerror or "cannot be opened") from error
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("not a regular file")
        if status.st_size > limit:
            raise UnreadableError(f"larger than {limit} bytes")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(limit + 1)[:limit]
    except OSError as error:
        raise UnreadableError(error.strerror or "cannot be read") from error
    finally:
        os.close(handle)


def text(path: Path, *, limit: int = MAX_BYTES) -> str:
    """The whole file as UTF-8.

    Raises
    ------
    UnreadableError
        Also where it is not UTF-8.
    """
    try:
        return data(path, limit=limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError("not UTF-8") from error


def toml(text: str) -> dict[str, Any]:
    """Parse a table of the scanned tree.

    Raises
    ------
    tomllib.TOMLDecodeError
        It is no TOML, or has a key that takes more memory to parse than the run profile has.
    RecursionError
        Its values are nested too deeply.
    """
    if _LONG_KEY.search(text):
        raise tomllib.TOMLDecodeError(f"a key of more than {MAX_PARTS} parts")
    return tomllib.loads(text)
