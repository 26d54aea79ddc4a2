"""What is published, and what an image is called for it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.reference import Tag
    from galway.versioning import Source

DEFAULT_BRANCH = "main"
"""The branch that `latest` follows (spec: bleeding edge, main branch); the variable of the same name overrides it."""

SHORT = 7
"""Digits of a commit in a tag (spec: `main-abc1234`)."""

Moves = Literal["never", "forward", "freely"]
"""What a push may do to a tag that exists: nothing, point it at something newer, or point it anywhere."""

_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_PULL = re.compile(r"refs/pull/(?P<number>[1-9][0-9]*)/(?:merge|head)")


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
