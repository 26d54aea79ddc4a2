"""The benchmark's pure parts: its variants fit the specification's text, and a ratio never invents a baseline."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # last: `test` in it would hide a module of the standard library

from benches import model, ours, specification  # noqa: E402 - found by way of the line above

from galway import catalog  # noqa: E402
from galway.errors import ConfigurationError  # noqa: E402


def measured(image: str, what: str, *, seconds: float, compressed: int) -> model.Measured:
    timing = model.Timing(seconds=seconds, steps=4, cached=3)
    size = model.Size(compressed=compressed, unpacked=2 * compressed, layers=5)
    return model.Measured(image=image, what=what, cold=timing, unchanged=timing, changed=timing, size=size)


@pytest.mark.parametrize("variant", specification.variants(), ids=lambda variant: f"{variant.image}: {variant.what}")
def test_a_variants_edits_and_its_changed_line_have_their_places(variant: specification.Variant) -> None:
    before, after = variant.dockerfile(), variant.dockerfile_changed("abcd")
    if isinstance(variant.changed, str):
        assert (ROOT / variant.changed).is_file()
    else:
        assert before != after
    assert all(f"FROM {reference}" in before for reference in variant.bases)


def test_the_specifications_images_have_a_baseline_that_is_first_tried_as_written_and_on_the_same_bases() -> None:
    for image in catalog.load(ROOT).select(list(ours.CHANGED)):
        tried = [variant for variant in specification.variants() if variant.image == image.name]
        assert tried[0].what == "as written"
        assert not tried[0].edits
        assert {name for variant in tried for name in variant.bases.values()} <= {name for name, _ in image.bases}


def test_an_edit_without_a_place_or_with_several_is_an_error() -> None:
    assert specification.replaced("a b", "b", "c") == "a c"
    for text in ("a", "b b"):
        with pytest.raises(ConfigurationError, match=r"variants\.toml"):
            specification.replaced(text, "b", "c")


def test_steps_and_cache_mounts_become_new_to_the_builder(tmp_path: Path) -> None:
    for image in catalog.load(ROOT).select(list(ours.CHANGED)):
        dockerfile = tmp_path / image.name
        dockerfile.write_text((ROOT / image.dockerfile).read_text())
        ours.freshen(dockerfile, "abcd")
        text = dockerfile.read_text()
        assert text.count("type=cache") == text.count("type=cache,id=bench-abcd-") > 0
        assert text.count("target=/run/galway-bench-abcd") == text.count("RUN --mount") > 0


def test_ratios_are_given_where_both_sides_were_measured() -> None:
    rows: list[model.Row] = [
        model.NotEvaluated(image="ci", what="specification, as written", reason="no network"),
        measured("ci", "specification, changed", seconds=100, compressed=200_000_000),
        measured("ci", model.OURS, seconds=25, compressed=100_000_000),
        model.NotEvaluated(image="security-scanner", what="specification, as written", reason="comments"),
        measured("security-scanner", model.OURS, seconds=1, compressed=1),
    ]
    assert model.ratios(rows) == {
        "ci": ("ci", "galway / specification, changed", "0.25", "0.25", "0.25", "", "0.50", "0.50", "1.00")
    }
