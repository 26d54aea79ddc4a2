"""A finished root holds nothing that an image does not need or that differs next time."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from galway.bases import rootfs
from galway.bases.rootfs import Rootfs

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "etc/shadow": "root:*:1:0:99999:7:::\nnew:!::0:99999:7:::\n",
        "etc/shadow-": "old",
        "etc/machine-id": "4711",
        "etc/apt/sources.list.d/host.sources": "URIs: http://private.test/\n",
        "etc/passwd": "root:x:0:0::/root:/bin/sh\n",
        "usr/share/doc/git/copyright": "free",
        "usr/share/doc/git/examples/one": "long",
        "usr/share/doc/manual/README": "long",
        "usr/share/man/man1/git.1.gz": "long",
        "usr/share/locale/de/LC_MESSAGES/git.mo": "deutsch",
        "usr/lib/python/__pycache__/a.pyc": "time",
        "var/lib/dpkg/status": "Package: git\n",
        "var/lib/dpkg/status-old": "",
        "var/log/dpkg.log": "time",
        "var/cache/ldconfig/aux-cache": "inodes",
        "var/lib/apt/lists/mirror_Release": "lists",
    }
    for name, text in files.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "root" / "usr/share/doc/twin").symlink_to("git")
    for name in ("tmp", "var/tmp"):
        (tmp_path / "root" / name).mkdir()
    Rootfs(path=tmp_path / "root", epoch=20_000 * DAY + 5).settle()
    return tmp_path / "root"


@pytest.mark.parametrize(
    "name",
    [
        "etc/shadow-",
        "etc/machine-id",
        "etc/apt/sources.list.d/host.sources",
        "usr/share/doc/git/examples",
        "usr/share/doc/manual",
        "usr/share/man/man1",
        "usr/share/locale/de",
        "usr/lib/python/__pycache__",
        "var/lib/dpkg/status-old",
        "var/log/dpkg.log",
        "var/cache/ldconfig/aux-cache",
        "var/lib/apt/lists/mirror_Release",
    ],
)
def test_it_leaves_out(root: Path, name: str) -> None:
    assert not (root / name).exists()


@pytest.mark.parametrize("name", ["usr/share/doc/git/copyright", "etc/passwd", "var/lib/dpkg/status", "usr/share/man"])
def test_it_keeps(root: Path, name: str) -> None:
    assert (root / name).exists()


def test_links_to_another_packages_documentation_stay(root: Path) -> None:
    assert (root / "usr/share/doc/twin").is_symlink()


def test_accounts_have_the_day_of_the_newest_package(root: Path) -> None:
    assert (root / "etc/shadow").read_text() == "root:*:20000:0:99999:7:::\nnew:!::0:99999:7:::\n"


def test_packages_installed_later_start_no_service_and_bring_no_manual(root: Path) -> None:
    assert stat.S_IMODE((root / "usr/sbin/policy-rc.d").stat().st_mode) == 0o755
    assert "path-exclude /usr/share/man/*" in (root / "etc/dpkg/dpkg.cfg.d/slim").read_text()
    assert stat.S_IMODE((root / "tmp").stat().st_mode) == 0o1777


def test_a_link_into_usr_that_a_package_brought_stays(tmp_path: Path) -> None:
    (tmp_path / "usr" / "bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    rootfs._merge(tmp_path / "bin", tmp_path / "usr" / "bin")
    assert (tmp_path / "bin").readlink().as_posix() == "usr/bin"


def test_folders_are_merged_into_usr_and_linked(tmp_path: Path) -> None:
    for name in ("lib/a", "lib/shared/b", "usr/lib/shared/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    rootfs._merge(tmp_path / "lib", tmp_path / "usr" / "lib")
    rootfs._merge(tmp_path / "lib64", tmp_path / "usr" / "lib64")
    assert (tmp_path / "lib").readlink().as_posix() == "usr/lib"
    assert sorted(path.name for path in (tmp_path / "lib" / "shared").iterdir()) == ["b", "c"]
    assert not (tmp_path / "lib64").exists()
