"""Packages are the same whichever format names them, and a file that is no SBOM says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from galway import bom
from galway.errors import ConfigurationError, GalwayError

DATA = Path(__file__).parents[2] / "data" / "sbom"


def captured(name: str) -> bytes:
    return (DATA / name).read_bytes()


@pytest.mark.parametrize("form", ["cyclonedx", "spdx"])
def test_each_kind_is_read_with_its_own_names_and_versions(form: str) -> None:
    found = bom.read(captured(f"first.{form}.json"))
    assert found.system == "debian 12.15"
    assert found.counts == {"cargo": 5, "dpkg": 3, "python": 3}
    assert bom.Package("dpkg", "zlib1g", "1:1.2.13.dfsg-1") in found.packages
    assert found.has("python", "invoke")
    assert found.has("cargo", "http")


def test_both_formats_name_the_same_packages() -> None:
    assert bom.read(captured("first.cyclonedx.json")).packages == bom.read(captured("first.spdx.json")).packages


def test_pythons_names_are_normalised_and_others_are_not() -> None:
    components = [
        {"type": "library", "name": n, "version": "1", "purl": f"pkg:{kind}/{n}@1"}
        for kind, n in (("pypi", "Zope.Interface__x"), ("cargo", "serde_json"), ("deb", "debian/libstdc%2B%2B6"))
    ]
    found = bom.read(json.dumps({"bomFormat": "CycloneDX", "components": components}).encode())
    assert [package.name for package in found.packages] == ["serde_json", "libstdc++6", "zope-interface-x"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"spdxVersion": "SPDX-3.0"}', b'{"bomFormat": "x"}'])
def test_what_is_no_sbom_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"old\.json"):
        bom.read(content, source="old.json")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["components", "packages", "purl", "type", "externalRefs", "metadata"]),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_a_malformed_sbom_is_an_error_and_never_a_crash(value: object) -> None:
    for mark in ({"bomFormat": "CycloneDX"}, {"spdxVersion": "SPDX-2.3"}):
        document = {**(value if isinstance(value, dict) else {"components": value, "packages": value}), **mark}
        try:
            found = bom.read(json.dumps(document).encode())
        except GalwayError:
            continue
        assert isinstance(found, bom.Bom)
