"""The specification's tags for every kind of ref, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import semver
from hypothesis import given, strategies as st

from galway import catalog, process, tagging
from galway.catalog import Image
from galway.errors import ConfigurationError
from galway.reference import Tag
from galway.tagging import Ref, Tagging
from galway.versioning import Source

ROOT = Path(__file__).parents[2]
SHA = "abc1234" + "0" * 33
IMAGES = catalog.load(ROOT).select(["security-scanner", "ci", "agent-updates-collector"])
SCANNER = next(image for image in IMAGES if image.name == "security-scanner")


def version(image: Image, text: str) -> Image:
    values = {name: getattr(image, name) for name in Image.__dataclass_fields__}
    return Image(**{**values, "version": text})


def checkout(branch: str) -> Source:
    return Source(revision=SHA, branch=branch, epoch=0, tree="", dirty=False)


def tags(ref: str, image: Image = SCANNER, *, dirty: bool = False, default_branch: str = "main") -> list[str]:
    (decided,) = tagging.decide([image], Ref.parse(ref, sha=SHA, dirty=dirty), default_branch=default_branch)
    return [str(candidate.tag) for candidate in decided.tags]


def reasons(ref: str, image: Image = SCANNER) -> dict[str, str]:
    (decided,) = tagging.decide([image], Ref.parse(ref, sha=SHA))
    return {candidate.rule: candidate.reason for candidate in decided.candidates if candidate.tag is None}


def test_the_default_branch_gets_its_commit_its_name_and_latest() -> None:
    assert tags("refs/heads/main") == ["main-abc1234", "main", "latest"]
    assert tags("refs/heads/trunk", default_branch="trunk")[-1] == "latest"


def test_a_branch_with_slashes_and_capitals() -> None:
    assert tags("refs/heads/Feature/New-Scanner") == ["Feature-New-Scanner-abc1234", "Feature-New-Scanner"]
    assert reasons("refs/heads/Feature/X")["latest"] == "branch Feature/X is not the default branch main"


def test_a_pull_request_has_neither_branch_nor_commit_tag() -> None:
    assert tags("refs/pull/57/merge") == ["pr-57"]
    assert "is not a branch" in reasons("refs/pull/57/merge")["branch-sha"]


def test_a_release_moves_its_minor_and_major_alias_but_not_latest() -> None:
    assert tags("refs/tags/v0.0.250") == ["0.0.250", "0.0", "0"]
    assert reasons("refs/tags/v0.0.250")["latest"] == "tag v0.0.250 is not a branch"


def test_a_release_tag_releases_the_images_whose_version_it_names() -> None:
    decided = tagging.decide(IMAGES, Ref.parse("refs/tags/v0.1.0", sha=SHA))
    assert {t.image: [str(c.tag) for c in t.tags] for t in decided} == {
        "security-scanner": [],
        "ci": ["0.1.0", "0.1", "0"],
        "agent-updates-collector": ["0.1.0", "0.1", "0"],
    }


def test_a_tag_with_an_images_name_releases_that_one() -> None:
    decided = tagging.decide(IMAGES, Ref.parse("refs/tags/ci/v0.1.0", sha=SHA))
    assert [t.image for t in decided if t.tags] == ["ci"]


def test_a_prerelease_is_one_tag() -> None:
    candidate = version(SCANNER, "1.2.3-rc.1")
    assert tags("refs/tags/v1.2.3-rc.1", candidate) == ["1.2.3-rc.1"]
    assert reasons("refs/tags/v1.2.3-rc.1", candidate)["X"] == "1.2.3-rc.1 is a prerelease, which moves no alias"


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("v1", "v1 is not a semantic version"),
        ("v9.9.9", "the catalog has"),
        ("v1.2.3-rc.1", "the catalog has"),
        ("v0.0.250+build", "the catalog has"),
        ("2026-11", "neither vX.Y.Z nor IMAGE/vX.Y.Z"),
        ("ci/v0.0.250", "releases no image"),
        ("other/v0.0.250", "about other only"),
    ],
)
def test_a_tag_that_no_version_answers_to_is_an_error(ref: str, words: str) -> None:
    wanted = Ref.parse(f"refs/tags/{ref}", sha=SHA)
    error = tagging.refusal(tagging.decide(IMAGES, wanted), wanted)
    assert error is not None
    assert error.exit_code == 2
    assert words in error.message


def test_a_detached_head_has_no_tags_and_is_told_what_to_do() -> None:
    wanted = tagging.choose(checkout(""), environment={})
    error = tagging.refusal(tagging.decide(IMAGES, wanted), wanted)
    assert error is not None
    assert "--ref refs/heads/main" in error.hint


def test_changed_sources_are_not_called_by_their_commit() -> None:
    assert tags("refs/heads/main", dirty=True) == ["main", "latest"]


@pytest.mark.parametrize(
    "branch", ["latest", "1", "1.2", "1.2.3", "1.2.3-rc.1", "pr-5", "sha256-00", "ümain", "-", "日本"]
)
def test_a_branch_never_takes_a_name_that_means_something_else(branch: str) -> None:
    assert tags(f"refs/heads/{branch}") == []


def test_two_long_branches_that_differ_at_their_end_do_not_share_a_tag() -> None:
    one, two = ("refs/heads/" + "x" * 200 + end for end in "ab")
    assert not set(tags(one)) & set(tags(two))


def test_the_ci_jobs_ref_comes_before_the_checkouts_and_the_one_asked_for_before_both() -> None:
    job = {"GITHUB_REF": "refs/tags/v0.0.250", "GITHUB_SHA": "f" * 40}

    def chosen(environment: dict[str, str], **words: str) -> tuple[str, str]:
        ref = tagging.choose(checkout("work"), environment=environment, **words)
        return str(ref), ref.sha

    assert chosen({}) == ("branch work", SHA)
    assert chosen(job) == ("tag v0.0.250", "f" * 40)
    assert chosen(job, ref="refs/heads/main") == ("branch main", SHA)
    assert chosen({}, sha="1" * 40) == ("branch work", "1" * 40)


@pytest.mark.parametrize(
    ("ref", "sha"), [("main", SHA), ("refs/heads/", SHA), ("refs/pull/x/merge", SHA), ("", "main")]
)
def test_what_is_no_ref_is_refused(ref: str, sha: str) -> None:
    with pytest.raises(ConfigurationError):
        Ref.parse(ref, sha=sha)


@pytest.mark.starts_processes
def test_a_shallow_clone_gives_the_tags_of_a_full_one(tmp_path: Path) -> None:
    full, shallow = tmp_path / "full", tmp_path / "shallow"
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    process.run(["git", "init", "--quiet", "--initial-branch", "main", str(full)])
    for message in ("first", "second"):
        process.run(["git", "-C", str(full), *identity, "commit", "--quiet", "--allow-empty", "--message", message])
    process.run(["git", "clone", "--quiet", "--depth", "1", full.as_uri(), str(shallow)])
    refs = [tagging.choose(Source.read(checkout, {}), environment={}) for checkout in (full, shallow)]
    assert refs[0] == refs[1]
    assert refs[0].kind == "branch"


branches = st.text(min_size=1, max_size=300).map(lambda text: f"refs/heads/{text}")
releases = st.builds(
    "refs/tags/{}v{}.{}.{}{}".format,
    st.sampled_from(["", "ci/", "security-scanner/"]),
    *(st.integers(0, 300) for _ in range(3)),
    st.sampled_from(["", "-rc.1", "-0", "+b"]),
)
pulls = st.integers(1, 10**6).map("refs/pull/{}/merge".format)
refs = st.one_of(branches, releases, pulls, st.just(""))
shas = st.text("0123456789abcdef", min_size=40, max_size=40)


def versions_named(ref: str) -> list[Image]:
    """The catalog, as if each image had the version that the ref names."""
    text = ref.rpartition("v")[2]
    return [version(image, text) if semver.Version.is_valid(text) else image for image in IMAGES]


@given(ref=refs, sha=shas, dirty=st.booleans())
def test_every_tag_is_in_the_grammar_and_every_rule_says_why(ref: str, sha: str, dirty: bool) -> None:
    for decided in tagging.decide(versions_named(ref), Ref.parse(ref, sha=sha, dirty=dirty)):
        assert len(decided.candidates) == len(tagging.RULES)
        assert all(candidate.reason for candidate in decided.candidates)
        for candidate in decided.tags:
            assert Tag.parse(str(candidate.tag)) == candidate.tag
            assert len(str(candidate.tag)) <= 128


@given(ref=refs, sha=shas)
def test_no_two_references_collide(ref: str, sha: str) -> None:
    images = versions_named(ref)
    decided = tagging.decide(images, Ref.parse(ref, sha=sha))
    names = [
        f"{image.reference.name}:{candidate.tag}"
        for image, made in zip(images, decided, strict=True)
        for candidate in made.tags
    ]
    assert len(names) == len(set(names))


@given(ref=releases, sha=shas)
def test_a_prerelease_never_moves_an_alias(ref: str, sha: str) -> None:
    for decided in tagging.decide(versions_named(ref), Ref.parse(ref, sha=sha)):
        assert not (aliases(decided) and semver.Version.parse(decided.version).prerelease)


@given(branch=branches, sha=shas)
def test_a_branch_never_touches_a_release(branch: str, sha: str) -> None:
    for decided in tagging.decide(IMAGES, Ref.parse(branch, sha=sha)):
        for candidate in decided.tags:
            text = str(candidate.tag)
            assert not semver.Version.is_valid(text)
            assert text == "latest" or not text.replace(".", "").isdigit()


def aliases(decided: Tagging) -> list[str]:
    return [str(candidate.tag) for candidate in decided.tags if candidate.rule in ("X.Y", "X", "latest")]
