"""A waiver that lacks its owner, its reason or its day is no waiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from galway.errors import ConfigurationError
from galway.vulnerabilities import waivers
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "id": '"CVE-2026-1"',
    "image": '"ci"',
    "package": '"libc6"',
    "owner": '"@platform"',
    "reason": '"not reachable"',
    "expires": "2027-01-31",
}


def load(root: Path, *entries: dict[str, str]) -> tuple[waivers.Waiver, ...]:
    (root / "docker").mkdir()
    tables = ["[[waiver]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items()) for entry in entries]
    (root / waivers.FILE).write_text("\n".join(tables))
    return waivers.load(root, images={"ci", "security-scanner"})


def test_a_whole_waiver_is_read(tmp_path: Path) -> None:
    (found,) = load(tmp_path, GOOD)
    assert str(found) == "CVE-2026-1 of libc6 in ci (until 2027-01-31, @platform)"


@pytest.mark.parametrize("missing", GOOD)
def test_every_field_is_required(tmp_path: Path, missing: str) -> None:
    with pytest.raises(ConfigurationError, match=missing):
        load(tmp_path, {key: value for key, value in GOOD.items() if key != missing})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expires": '"soon"'}, "expires"),
        ({"image": '"nginx"'}, "unknown image"),
        ({"reason": '" "'}, "reason is empty"),
        ({"ticket": '"A-1"'}, "ticket"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path, GOOD | change)


def test_the_same_waiver_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        load(tmp_path, GOOD, GOOD)


def test_no_file_is_an_error_since_it_may_be_a_typing_error_in_a_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=waivers.FILE):
        waivers.load(tmp_path, images=set())


def test_the_repositorys_own_table_is_valid() -> None:
    waivers.load(REPOSITORY, images={"ci", "security-scanner", "agent-updates-collector"})
