"""The table of pins: what it must hold and what it must never hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from galway.errors import ConfigurationError
from galway.toolbox.pins import Pypi, catalog, host_key

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[3]
PACKAGED_ONLY = {"docker-registry"}
"""The throw-away registry, for which no official file is pinned; nor is one for what only tests need."""


@pytest.fixture
def table(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "tools.toml").write_text(text)
        return tmp_path

    return write


def test_the_project_s_own_table_is_valid_and_covers_the_platforms() -> None:
    pins = catalog(ROOT)

    assert {"trivy", "cosign", "oras", "hadolint", "container-structure-test", "buildx"} <= set(pins)
    for name, pin in pins.items():
        if name in PACKAGED_ONLY or pin.for_tests:
            continue
        assert set(pin.release) == {"linux-amd64", "linux-arm64", "darwin-arm64"}, name
        for key in pin.release:
            release = pin.official(key)
            assert release is not None
            assert pin.version in release.url
            assert "{" not in release.url


def test_the_hijacked_trivy_releases_are_refused() -> None:
    assert catalog(ROOT)["trivy"].refused == ("0.69.4", "0.69.5", "0.69.6")


def test_a_wheel_that_is_not_marked_third_party_proves_that_it_carries_the_upstream_binary() -> None:
    for name, pin in catalog(ROOT).items():
        for entry in pin.fallback:
            if isinstance(entry, Pypi) and not entry.third_party:
                assert set(entry.binary_sha256) == set(entry.wheels), name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[t]\nversion = "1"\nsummary = ""\nrelease = {}\nrefused = ["1"]', "refuses"),
        ('[t]\nversion = "1"\nsummary = ""\nrelease.x = {url = "u", sha256 = "abc"}', "not a sha256"),
        ('[t]\nversion = "1"\nsummary = ""\nrelease = {}\ncolour = "red"', "colour"),
        ("[t", "not a valid table"),
    ],
)
def test_a_broken_table_names_its_fault(table: Callable[[str], Path], text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        catalog(table(text))


def test_a_missing_table_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is missing"):
        catalog(tmp_path)


def test_the_host_s_platform_has_the_table_s_form() -> None:
    system, _, machine = host_key().partition("-")

    assert system
    assert machine not in {"", "x86_64", "aarch64"}
