"""The list of licences names everything with the place of its text, and a missing text stops the build."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

TEXTS = Path(__file__).parents[3] / "docker/licenses"


@pytest.fixture
def lister(program: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = importlib.util.spec_from_file_location("list_licenses", program / "build/list_licenses.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # a dataclass looks its module up
    spec.loader.exec_module(module)
    return module


def put(folder: Path, metadata: str, **texts: str) -> Path:
    """A distribution's folder; `__` for a slash in the names of its texts."""
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(f"Metadata-Version: 2.4\n{metadata}\n")
    for name, content in texts.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return folder


def test_a_distribution_s_own_texts_are_listed_with_its_licence(lister: Any, tmp_path: Path) -> None:
    new = put(tmp_path / "a-1.dist-info", "Name: a\nVersion: 1\nLicense-Expression: MIT", licenses__COPYING="x")
    old = put(
        tmp_path / "b-2.dist-info",
        "Name: b\nVersion: 2\nLicense: UNKNOWN\nClassifier: License :: OSI Approved :: ISC License (ISCL)",
        LICENSE="x",
    )
    assert [str(lister.distribution(folder, tmp_path, tmp_path, "/site")) for folder in (new, old)] == [
        "| a | 1 | MIT | /site/a-1.dist-info/licenses/COPYING |",
        "| b | 2 | ISC License (ISCL) | /site/b-2.dist-info/LICENSE |",
    ]


def test_a_missing_text_comes_from_the_base_or_from_ours(lister: Any, tmp_path: Path) -> None:
    common = tmp_path / "base" / lister.COMMON
    common.mkdir(parents=True)
    (common / "LGPL-2.1").write_text("lesser")
    core = put(tmp_path / "semgrep-1.dist-info", "Name: semgrep\nVersion: 1\nLicense-Expression: LGPL-2.1-or-later")
    assert "licenses/LGPL-2.1" in lister.distribution(core, tmp_path / "base", TEXTS, "/core").text
    assert (core / "licenses/LGPL-2.1").read_text() == "lesser"
    purl = put(tmp_path / "p-1.dist-info", "Name: packageurl_python\nVersion: 1\nLicense: MIT")
    assert "licenses/LICENSE" in lister.distribution(purl, tmp_path / "base", TEXTS, "/site").text


def test_a_text_that_is_nowhere_stops_the_build_and_says_where_it_belongs(lister: Any, tmp_path: Path) -> None:
    folder = put(tmp_path / "c-3.dist-info", "Name: C.c\nVersion: 3\nLicense-Expression: MIT")
    with pytest.raises(FileNotFoundError, match=r"c-3\.dist-info has no text of its licence \(MIT\): put it into c-c/"):
        lister.distribution(folder, tmp_path, tmp_path, "/site")


def test_every_library_has_its_row_and_an_unknown_one_stops_the_build(lister: Any, tmp_path: Path) -> None:
    (tmp_path / "libs").mkdir()
    (tmp_path / "usr/share/doc/libssl3t64").mkdir(parents=True)
    (tmp_path / "usr/share/doc/libssl3t64/copyright").write_text("x")
    for name in ("libssl.so.3", "libcurl.so.4"):
        (tmp_path / "libs" / name).touch()
    assert [
        (row.name, row.license, row.text) for row in lister.libraries(tmp_path, tmp_path, TEXTS / "libraries.toml")
    ] == [
        ("libcurl.so", "curl", "https://curl.se"),
        ("libssl.so", "Apache-2.0", "/usr/share/doc/libssl3t64/copyright"),
    ]
    (tmp_path / "libs/libnew.so.1").touch()
    with pytest.raises(KeyError, match=r"libnew\.so"):
        lister.libraries(tmp_path, tmp_path, TEXTS / "libraries.toml")
