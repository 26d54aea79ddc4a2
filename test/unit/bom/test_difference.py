"""Comparisons of packages."""

from __future__ import annotations

from hypothesis import given, strategies as st

from galway import bom
from galway.bom import Package, difference

A = [Package("dpkg", "bash", "5.2-1"), Package("dpkg", "gone", "1"), Package("cargo", "http", "0.2")]
B = [Package("dpkg", "bash", "5.2-2"), Package("python", "new", "1"), Package("cargo", "http", "0.2")]


def test_added_removed_and_changed_are_told_apart() -> None:
    found = bom.compare(A, B)
    assert found.added == (Package("python", "new", "1"),)
    assert found.removed == (Package("dpkg", "gone", "1"),)
    assert found.changed == (bom.Change("dpkg", "bash", ("5.2-1",), ("5.2-2",)),)


def test_the_same_name_of_another_kind_is_another_package() -> None:
    found = bom.compare([Package("python", "uv", "1")], [Package("cargo", "uv", "2")])
    assert (len(found.added), len(found.removed), found.changed) == (1, 1, ())


def test_a_further_version_beside_the_first_is_a_change() -> None:
    found = bom.compare(A, [*A, Package("cargo", "http", "1.0")])
    assert found.changed == (bom.Change("cargo", "http", ("0.2",), ("0.2", "1.0")),)


PACKAGES = st.lists(
    st.builds(
        Package, st.sampled_from(["dpkg", "cargo"]), st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2"])
    )
)


@given(PACKAGES, PACKAGES)
def test_nothing_differs_exactly_when_both_sides_hold_the_same(old: list[Package], new: list[Package]) -> None:
    found = bom.compare(old, new)
    assert bool(found) == (set(old) != set(new))
    back = bom.compare(new, old)
    assert {p.name for p in found.added} == {p.name for p in back.removed}


def test_only_debians_count_of_rebuilds_is_cut_off() -> None:
    assert difference.source_version(Package("dpkg", "bash", "5.2.15-2+b13")) == "5.2.15-2"
    assert difference.source_version(Package("dpkg", "bash", "5.2.15-2+deb12u1")) == "5.2.15-2+deb12u1"
    assert difference.source_version(Package("cargo", "x", "1.0.0+b2")) == "1.0.0+b2"
