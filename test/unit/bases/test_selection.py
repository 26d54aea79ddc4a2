"""What a stand-in is made of is read from apt's lists and the packages themselves."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from galway.archive import Apt, Mirror
from galway.bases import selection
from galway.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

MIRROR = Mirror(distribution="debian", codename="bookworm", main="http://one.test/", security="http://two.test/")

AVAILABLE = """\
Package: bash
Essential: yes
Priority: required
Description: not Priority: required

Package: nano
Priority: important
Section: editors

Package: tzdata
Version: 2026f
Priority: required

Package: init
Essential: no
Priority: optional
Description: says
 Priority: required
"""


class Shelf(Apt):
    """An apt whose packages lie there already."""

    def download(self, packages: object) -> list[Path]:  # type: ignore[override]
        return [self.folder / f"{name}_1%3a2.0-1+b1_arm64.deb" for name in packages]  # type: ignore[attr-defined]


def apt(folder: Path) -> Shelf:
    return Shelf(folder=folder, mirror=MIRROR, suite="bookworm", architecture="arm64")


def test_the_base_set_is_what_is_essential_or_required_and_apt() -> None:
    assert selection.base_set(AVAILABLE) == ["apt", "bash", "tzdata"]


def test_a_file_name_tells_name_version_and_architecture() -> None:
    assert selection.split_file_name("libcap2_1%3a2.66-4+b1_amd64.deb") == ("libcap2", "1:2.66-4+b1", "amd64")


def test_a_package_is_described_by_its_own_bytes(tmp_path: Path) -> None:
    data = b"!<arch>\n" + b"debian-binary   1700000123  0     0     100644  4         `\n" + b"2.0\n"
    (tmp_path / "git_1%3a2.0-1+b1_arm64.deb").write_bytes(data)
    [package] = selection.fetch(apt(tmp_path), ["git"], installed=False)
    assert package.epoch == 1_700_000_123
    assert package.record() == {
        "name": "git",
        "version": "1:2.0-1+b1",
        "architecture": "arm64",
        "sha256": hashlib.sha256(data).hexdigest(),
        "installed": False,
    }


def test_a_broken_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "git_1%3a2.0-1+b1_arm64.deb").write_bytes(b"<html>")
    with pytest.raises(BuildError, match="git_1"):
        selection.fetch(apt(tmp_path), ["git"], installed=False)


def test_nothing_wanted_asks_nobody(tmp_path: Path) -> None:
    assert selection.fetch(apt(tmp_path), [], installed=True) == []


def test_the_dates_of_the_signed_lists_are_kept(tmp_path: Path) -> None:
    lists = tmp_path / "state" / "lists"
    lists.mkdir(parents=True)
    (lists / "mirror.test_debian_dists_bookworm-updates_InRelease").write_text(
        "-----BEGIN PGP SIGNED MESSAGE-----\n\nCodename: bookworm-updates\nDate: Tue, 24 Nov 2026 02:12:15 UTC\n"
    )
    (lists / "other_InRelease").write_text("Origin: nobody\n")
    assert selection.released(apt(tmp_path)) == {"bookworm-updates": "2026-11-24T02:12:15Z"}
