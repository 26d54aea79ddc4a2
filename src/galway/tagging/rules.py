"""The rules that make tags, and those that forbid them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import semver

from galway.errors import ConfigurationError
from galway.reference import Tag
from galway.tagging.model import DEFAULT_BRANCH, SHORT, Candidate, Moves, Ref, Tagging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from galway.catalog import Image

LONGEST = 128
"""Characters of a tag (OCI distribution specification)."""

_RELEASE = re.compile(r"(?:(?P<image>[^/]+)/)?v(?P<version>[^/]+)")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")
_OURS = re.compile(r"latest|pr-[0-9]+|[0-9]+(?:\.[0-9]+)?|[0-9]+\.[0-9]+\.[0-9]+(?:-.*)?|sha256-.*")


def decide(images: Iterable[Image], ref: Ref, *, default_branch: str = DEFAULT_BRANCH) -> tuple[Tagging, ...]:
    """Apply every rule to every image."""
    return tuple(
        Tagging(
            image=image.name,
            version=image.version,
            candidates=tuple(_apply(rule, _Case(image.name, image.version, ref, default_branch)) for rule in RULES),
        )
        for image in images
    )


def refusal(decided: Sequence[Tagging], ref: Ref) -> ConfigurationError | None:
    """Why a ref names no image at all, if so: a release that no image's version answers to, or no ref to go by."""
    if any(tagging.tags for tagging in decided):
        return None
    if ref.kind == "detached":
        return ConfigurationError(
            "a detached head has neither branch nor tag to name an image after",
            hint="say what it is: --ref refs/heads/main, or --ref refs/tags/v0.1.0",
        )
    versions = ", ".join(f"{tagging.image} {tagging.version}" for tagging in decided)
    reasons = {candidate.reason for tagging in decided for candidate in tagging.candidates if candidate.rule == "X.Y.Z"}
    if ref.kind == "tag":
        why = reasons.pop() if len(reasons) == 1 else f"the catalog has {versions}"
        return ConfigurationError(
            f"{ref} releases no image: {why}",
            hint="a release tag is v and an image's version in docker/images.toml, or IMAGE/v and it",
        )
    return ConfigurationError(
        f"{ref} makes no valid tag", hint="see `inv tags --explain`, and give the branch another name"
    )


class _NotMade(Exception):  # noqa: N818 - an answer of a rule, never seen outside
    """A rule does not apply; its text is the reason."""


@dataclass(frozen=True)
class _Case:
    """What a rule decides upon."""

    image: str
    version: str
    ref: Ref
    default_branch: str

    def branch(self, room: int = LONGEST) -> str:
        """The branch as a tag of at most `room` characters.

        What a tag may not hold becomes a dash; a name that is too long is cut and ends in a hash of the whole, so that
        two long branches do not share a tag. Names that releases, pull requests, `latest` and signatures use are not
        for branches.
        """
        name = self.ref.name
        if self.ref.kind != "branch":
            raise _NotMade(f"{self.ref} is not a branch")
        text = _FORBIDDEN.sub("-", name).lstrip(".-")
        if not text:
            raise _NotMade(f"branch {name} has no character that a tag may begin with")
        if _OURS.fullmatch(text):
            raise _NotMade(f"branch {name} would take the name of a release, a pull request, latest or a signature")
        if text == self.default_branch != name:
            raise _NotMade(f"branch {name} would take the name of branch {self.default_branch}")
        if len(text) > room:
            text = f"{text[: room - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        return text

    def release(self) -> semver.Version:
        """The version that a git tag releases this image as."""
        if self.ref.kind != "tag":
            raise _NotMade(f"{self.ref} is not a release tag")
        match = _RELEASE.fullmatch(self.ref.name)
        if match is None:
            raise _NotMade(f"{self.ref} is neither vX.Y.Z nor IMAGE/vX.Y.Z")
        if match["image"] not in (None, self.image):
            raise _NotMade(f"{self.ref} is about {match['image']} only")
        try:
            version = semver.Version.parse(match["version"])
        except ValueError:
            raise _NotMade(f"v{match['version']} is not a semantic version vX.Y.Z") from None
        if match["version"] != self.version:
            raise _NotMade(f"the catalog's version of {self.image} is {self.version}, not {match['version']}")
        return version

    def final(self) -> semver.Version:
        """The same, for aliases."""
        version = self.release()
        if version.prerelease:
            raise _NotMade(f"{version} is a prerelease, which moves no alias")
        return version


def _version(case: _Case) -> tuple[str, str]:
    return str(case.release()), f"the catalog's version, released by {case.ref}"


def _minor(case: _Case) -> tuple[str, str]:
    version = case.final()
    return f"{version.major}.{version.minor}", "the newest patch of this minor version"


def _major(case: _Case) -> tuple[str, str]:
    return f"{case.final().major}", "the newest minor of this major version"


def _branch_commit(case: _Case) -> tuple[str, str]:
    text = case.branch(room=LONGEST - SHORT - 1)
    if case.ref.dirty:
        raise _NotMade(f"the working tree differs from commit {case.ref.sha[:SHORT]}")
    return f"{text}-{case.ref.sha[:SHORT]}", "branch and commit"


def _branch(case: _Case) -> tuple[str, str]:
    text = case.branch()
    return text, "the branch" if text == case.ref.name else f"branch {case.ref.name}, by the rules of tags"


def _latest(case: _Case) -> tuple[str, str]:
    case.branch()
    if case.ref.name != case.default_branch:
        raise _NotMade(f"{case.ref} is not the default branch {case.default_branch}")
    return "latest", f"bleeding edge: {case.default_branch} is the default branch"


def _pull_request(case: _Case) -> tuple[str, str]:
    if case.ref.kind != "pull request":
        raise _NotMade(f"{case.ref} is not a pull request")
    return f"pr-{case.ref.name}", "the pull request"


Rule = tuple[str, Moves, "Callable[[_Case], tuple[str, str]]"]

RULES: tuple[Rule, ...] = (
    ("X.Y.Z", "never", _version),
    ("X.Y", "forward", _minor),
    ("X", "forward", _major),
    ("branch-sha", "freely", _branch_commit),
    ("branch", "freely", _branch),
    ("pull request", "freely", _pull_request),
    ("latest", "forward", _latest),
)
"""The specification's tag tables, in the order in which a push sets them: what is immutable comes first."""


def _apply(rule: Rule, case: _Case) -> Candidate:
    name, moves, make = rule
    try:
        text, reason = make(case)
        tag = Tag.parse(text)
    except _NotMade as error:
        return Candidate(rule=name, moves=moves, tag=None, reason=str(error))
    except ConfigurationError as error:
        return Candidate(rule=name, moves=moves, tag=None, reason=error.message)
    return Candidate(rule=name, moves=moves, tag=tag, reason=reason)
