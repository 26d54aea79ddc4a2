"""Debian's patches are undone where they are found, and a missing one is an error."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from galway.bases import pins, python_layout
from galway.bases.python_patches import PYTHONS, Edit
from galway.errors import BuildError, ConfigurationError
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from galway.bases.python_patches import Python

OLD, NEW = PYTHONS["3.11"], PYTHONS["3.13"]


def frozen(text: bytes) -> bytes:
    """A static string object as CPython 3.11 lays it out."""
    return len(text).to_bytes(8, "little") + b"\xff" * 8 + b"\xe4" + bytes(15) + text + b"\x00"


INTERPRETER = b"docstring: lib/dist-packages\n" + frozen(b"dist-packages") + b"\n\n" + frozen(b"local/lib") + b"tail"
MARSHALLED = b"docstring: lib/dist-packages\nz\rsite-packagesz\tlocal/libz\rdist-packages\xda\x07python3"
"""As Debian's python3.13 5+deb13 has them."""


def test_the_frozen_strings_change_and_nothing_moves() -> None:
    thawed = OLD.thaw(INTERPRETER)
    assert len(thawed) == len(INTERPRETER)
    assert frozen(b"site-packages") in thawed
    assert frozen(b"lib") in thawed
    assert thawed.startswith(b"docstring: lib/dist-packages")
    assert thawed.endswith(b"tail")


def test_what_marshal_wrote_keeps_its_lengths_and_a_shorter_path_means_the_same_folder() -> None:
    thawed = NEW.thaw(MARSHALLED)
    assert thawed == b"docstring: lib/dist-packages\nz\rsite-packagesz\t./././libz\rsite-packages\xda\x07python3"
    assert os.path.normpath("/usr/local/./././lib") == "/usr/local/lib"


@pytest.mark.parametrize(
    ("python", "interpreter"),
    [
        (OLD, b""),
        (OLD, INTERPRETER * 2),
        (OLD, INTERPRETER.replace(b"\xff", b"\x00")),
        (OLD, MARSHALLED),
        (NEW, MARSHALLED * 2),
        (NEW, INTERPRETER),
    ],
)
def test_an_interpreter_that_is_laid_out_otherwise_is_refused(python: Python, interpreter: bytes) -> None:
    with pytest.raises(BuildError, match=f"{python.name} has changed: . frozen strings"):
        python.thaw(interpreter)


def test_a_recipe_s_python_is_the_one_among_its_packages() -> None:
    recipes = {base.name: base.recipe for base in pins.choices(REPOSITORY)["PYTHON_BASE"]}
    assert {name: python_layout.of(recipe.unpacked).version for name, recipe in recipes.items()} == {
        "python:3.11-slim": "3.11",
        "python:3.13-slim": "3.13",
    }
    with pytest.raises(ConfigurationError, match=r"no known Python among python3\.9-minimal"):
        python_layout.of(["python3.9-minimal"])


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
    for edit in OLD.edits:
        if edit.file.startswith("_sysconfigdata"):
            try:
                line = edit.apply(line)
            except BuildError:
                continue
    assert line == changed


def test_every_difference_from_the_official_image_is_named() -> None:
    expected = python_layout.expected(OLD)
    assert python_layout.compare({**expected, "version": "3.11.2"}, OLD) == []
    assert python_layout.compare({**expected, "purelib": "/usr/lib/python3/dist-packages", "site": None}, OLD) == [
        "purelib",
        "site",
    ]
