"""The table of packages that every SBOM must name."""

from __future__ import annotations

from pathlib import Path

import pytest

from galway import catalog
from galway.bom import Bom, Package, expectations
from galway.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[3]


def test_the_checkouts_table_expects_something_of_every_image() -> None:
    table = expectations.load(ROOT)
    assert set(table.expects) == {image.name for image in catalog.load(ROOT).images}
    assert all(names for kinds in table.expects.values() for names in kinds.values())


def test_what_is_missing_is_named_with_its_kind() -> None:
    table = expectations.Expectations(expects={"ci": {"dpkg": ("bash", "git"), "cargo": ("uv",)}})
    found = Bom(subject="", system="", packages=(Package("dpkg", "git", "1"), Package("python", "uv", "1")))
    assert table.missing("ci", found) == ["dpkg bash", "cargo uv"]
    assert table.policy("ci") == ("cargo=uv", "dpkg=bash,git")


@pytest.mark.parametrize(
    "text", ["", "x = 1", "[expects.ci]\ndpkg = 'bash'", "[expects]\n[[differs]]\nimage = 'ci'\nkind = 'dpkg'\n"]
)
def test_a_broken_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / expectations.FILE).write_text(text)
    with pytest.raises(ConfigurationError, match=r"docker/sbom\.toml"):
        expectations.load(tmp_path)


def test_a_missing_table_says_how_to_get_it_back(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        expectations.load(tmp_path)
    assert "git checkout" in caught.value.hint
