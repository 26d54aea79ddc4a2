"""Debian's patches are undone where they are found, and a missing one is an error."""

from __future__ import annotations

import pytest

from galway.bases import python_layout, python_patches
from galway.bases.python_layout import EXPECTED
from galway.bases.python_patches import EDITS, Edit
from galway.errors import BuildError


def frozen(text: bytes) -> bytes:
    """A static string object as CPython 3.11 lays it out."""
    return len(text).to_bytes(8, "little") + b"\xff" * 8 + b"\xe4" + bytes(15) + text + b"\x00"


INTERPRETER = b"docstring: lib/dist-packages\n" + frozen(b"dist-packages") + b"\n\n" + frozen(b"local/lib") + b"tail"


def test_the_frozen_strings_change_and_nothing_moves() -> None:
    thawed = python_patches.thaw(INTERPRETER)
    assert len(thawed) == len(INTERPRETER)
    assert frozen(b"site-packages") in thawed
    assert frozen(b"lib") in thawed
    assert thawed.startswith(b"docstring: lib/dist-packages")
    assert thawed.endswith(b"tail")


@pytest.mark.parametrize("interpreter", [b"", INTERPRETER * 2, INTERPRETER.replace(b"\xff", b"\x00")])
def test_an_interpreter_that_is_laid_out_otherwise_is_refused(interpreter: bytes) -> None:
    with pytest.raises(BuildError, match="frozen strings"):
        python_patches.thaw(interpreter)


def test_an_edit_whose_place_is_gone_is_an_error() -> None:
    edit = Edit(file="site.py", why="does something", pattern="^here$", replacement="there")
    assert edit.apply("a\nhere\nb") == "a\nthere\nb"
    with pytest.raises(BuildError, match=r"site\.py has changed: cannot undo that it does something"):
        edit.apply("a\nb")


@pytest.mark.parametrize(
    ("line", "changed"),
    [
        (" 'prefix': '/usr',\n", " 'prefix': '/usr/local',\n"),
        (" 'INCLUDEPY': '/usr/include/python3.11',\n", " 'INCLUDEPY': '/usr/local/include/python3.11',\n"),
        (" 'LIBDIR': '/usr/lib/aarch64-linux-gnu',\n", " 'LIBDIR': '/usr/local/lib',\n"),
        (
            " 'WHEEL_PKG_DIR': '/usr/share/python-wheels/',\n",
            " 'WHEEL_PKG_DIR': '/usr/local/lib/python3.11/ensurepip/_bundled',\n",
        ),
        (" 'INSTALL': '/usr/bin/install -c',\n", " 'INSTALL': '/usr/bin/install -c',\n"),
        (" 'TZPATH': '/usr/share/zoneinfo',\n", " 'TZPATH': '/usr/share/zoneinfo',\n"),
    ],
)
def test_configured_paths_move_to_usr_local_and_the_systems_stay(line: str, changed: str) -> None:
    for edit in EDITS:
        if edit.file.startswith("_sysconfigdata"):
            try:
                line = edit.apply(line)
            except BuildError:
                continue
    assert line == changed


def test_every_difference_from_the_official_image_is_named() -> None:
    assert python_layout.compare({**EXPECTED, "version": "3.11.2"}) == []
    assert python_layout.compare({**EXPECTED, "purelib": "/usr/lib/python3/dist-packages", "site": None}) == [
        "purelib",
        "site",
    ]
