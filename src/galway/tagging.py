"""Which tags an image gets for a git ref, each with the rule that made it or the reason that forbids it; pure."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import semver

from galway.errors import ConfigurationError
from galway.reference import Tag

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from galway.catalog import Image
    from galway.versioning import Source

DEFAULT_BRANCH = "main"
"""The branch that `latest` follows (spec: bleeding edge, main branch); the variable of the same name overrides it."""

LONGEST = 128
"""Characters of a tag (OCI distribution specification)."""

SHORT = 7
"""Digits of a commit in a tag (spec: `main-abc1234`)."""

Moves = Literal["never", "forward", "freely"]
"""What a push may do to a tag that exists: nothing, point it at something newer, or point it anywhere."""

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_PULL = re.compile(r"refs/pull/(?P<number>[1-9][0-9]*)/(?:merge|head)")
_RELEASE = re.compile(r"(?:(?P<image>[^/]+)/)?v(?P<version>[^/]+)")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_.-]+")
_OURS = re.compile(r"latest|pr-[0-9]+|[0-9]+(?:\.[0-9]+)?|[0-9]+\.[0-9]+\.[0-9]+(?:-.*)?|sha256-.*")


@dataclass(frozen=True, kw_only=True)
class Ref:
    """What is being published.

    Parameters
    ----------
    kind:
        `detached` is a commit without a branch.
    name:
        Branch, git tag, or the pull request's number; empty for `detached`.
    sha:
        Commit, lower-case hexadecimal.
    dirty:
        Whether the working tree differs from the commit.
    """

    kind: Literal["branch", "tag", "pull request", "detached"]
    name: str
    sha: str
    dirty: bool = False

    @classmethod
    def parse(cls, text: str, *, sha: str, dirty: bool = False) -> Ref:
        """Read a full ref as git and GitHub write it; an empty one is a detached head.

        Raises
        ------
        ConfigurationError
            Neither a branch, nor a tag, nor a pull request; or not a commit.
        """
        if not _COMMIT.fullmatch(sha):
            raise ConfigurationError(f"not a commit: {sha!r}", hint="give --sha 7 to 64 lower-case hexadecimal digits")
        if not text:
            return cls(kind="detached", name="", sha=sha, dirty=dirty)
        if pull := _PULL.fullmatch(text):
            return cls(kind="pull request", name=pull["number"], sha=sha, dirty=dirty)
        name = text.removeprefix("refs/").partition("/")[2]
        if text.startswith("refs/heads/") and name:
            return cls(kind="branch", name=name, sha=sha, dirty=dirty)
        if text.startswith("refs/tags/") and name:
            return cls(kind="tag", name=name, sha=sha, dirty=dirty)
        raise ConfigurationError(
            f"not a full git ref: {text!r}", hint="for instance refs/heads/main, refs/tags/v0.1.0 or refs/pull/5/merge"
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" if self.name else f"detached head {self.sha[:SHORT]}"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One tag that a rule made, or would have made.

    Parameters
    ----------
    rule:
        What the specification's table calls it.
    moves:
        What a push may do to it where it exists.
    tag:
        None where it was rejected.
    reason:
        Why it was made or rejected, one line.
    """

    rule: str
    moves: Moves
    tag: Tag | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Tagging:
    """What one image is called for one ref.

    Parameters
    ----------
    image, version:
        From the catalog.
    candidates:
        One per rule, in the rules' order.
    """

    image: str
    version: str
    candidates: tuple[Candidate, ...]

    @property
    def tags(self) -> tuple[Candidate, ...]:
        """The candidates that became tags."""
        return tuple(candidate for candidate in self.candidates if candidate.tag is not None)


def choose(source: Source, *, ref: str = "", sha: str = "", environment: Mapping[str, str] = os.environ) -> Ref:
    """The ref to publish: the one asked for, else the CI job's (`GITHUB_REF`, `GITHUB_SHA`), else the checkout's.

    Parameters
    ----------
    source:
        The checkout's state; a shallow clone has all of it.
    ref, sha:
        From the command line. A ref without a commit is the checkout's commit.

    Raises
    ------
    ConfigurationError
        See `Ref.parse`.
    """
    if not ref and environment.get("GITHUB_REF"):
        ref, sha = environment["GITHUB_REF"], sha or environment.get("GITHUB_SHA", "")
    if not ref and source.branch:
        ref = f"refs/heads/{source.branch}"
    return Ref.parse(ref, sha=sha or source.revision, dirty=source.dirty)


def default_branch(environment: Mapping[str, str] = os.environ) -> str:
    """The branch that `latest` follows."""
    return environment.get("DEFAULT_BRANCH") or DEFAULT_BRANCH


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
