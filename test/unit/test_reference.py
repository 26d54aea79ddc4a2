"""References, digests, tags and platforms are parsed once and refuse what the standards refuse."""

import pytest
from hypothesis import given, strategies as st

from galway.errors import ConfigurationError
from galway.reference import Digest, ImageRef, Platform, Tag

HEX = "ab" * 32


@pytest.mark.parametrize("text", ["arm64", "aarch64", "linux/arm64", "LINUX/ARM64", " arm64 "])
def test_a_bare_architecture_means_linux(text: str) -> None:
    assert str(Platform.parse(text)) == "linux/arm64"


@pytest.mark.parametrize("text", ["", "windows/amd64", "linux/riscv64", "linux/arm64/v8", "darwin/arm64", "arm"])
def test_an_unknown_platform_names_the_known_ones(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Platform.parse(text)
    assert "amd64, arm64, all" in caught.value.hint


def test_a_reference_keeps_port_tag_and_digest_apart() -> None:
    reference = ImageRef.parse(f"localhost:5000/team/image:1.2@sha256:{HEX}")
    assert (reference.registry, reference.repository) == ("localhost:5000", "team/image")
    assert reference.tag == Tag("1.2")
    assert reference.digest == Digest(f"sha256:{HEX}")


@pytest.mark.parametrize(
    "text", ["image", "ghcr.io/Upper", "ghcr.io/a b", "ghcr.io/a:", "ghcr.io/a@sha256:1", "/a", ""]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    if text == "ghcr.io/a:":  # an empty tag is no tag
        assert ImageRef.parse(text).tag is None
        return
    with pytest.raises(ConfigurationError):
        ImageRef.parse(text)


@given(st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}\Z"))
def test_every_tag_of_the_grammar_survives_a_round_trip(tag: str) -> None:
    assert ImageRef.parse(f"ghcr.io/a/b:{tag}") == ImageRef.parse("ghcr.io/a/b").with_tag(tag)


@pytest.mark.parametrize("tag", ["a" * 129, "-a", ".a", "a/b", "a b", ""])
def test_a_tag_outside_the_grammar_is_refused(tag: str) -> None:
    with pytest.raises(ConfigurationError):
        Tag.parse(tag)
