"""Moves an image's tags in a registry: releases never, `X.Y`, `X` and `latest` only forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import semver

from galway import release
from galway.errors import PublishError
from galway.layout import INDEX_TYPE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from galway.reference import Digest, Tag
    from galway.registry import Document, Repository
    from galway.release import Built
    from galway.tagging import Candidate, Tagging

ROUNDS = 5
"""Times that a tag is looked at again after it was moved, since another publisher may be at work."""

Verb = Literal["set", "same", "kept", "unknown"]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """What became of one tag.

    Parameters
    ----------
    verb:
        `set`; `same` where it was right already; `kept` where it stands for something newer; `unknown` where the other
        image does not say how old it is, so that the tag was left alone.
    reason:
        Why, one line; empty where it was set.
    """

    tag: Tag
    verb: Verb
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Mover:
    """Moves the tags of one image. Registries have no compare-and-set: after each write it looks again.

    Parameters
    ----------
    repository:
        Holds the index already.
    content:
        The index's bytes, which are stored under each tag.
    """

    repository: Repository
    content: bytes
    built: Built
    tagging: Tagging

    def refuse(self) -> None:
        """Stop where a release of this version is another image already; changes nothing.

        Raises
        ------
        PublishError
            It is.
        """
        for candidate in self.tagging.tags:
            if candidate.moves == "never":
                self._free(candidate)

    def move(self) -> tuple[Moved, ...]:
        """Move each tag as far as its rule lets it.

        Raises
        ------
        PublishError
            A release is another image already, or became one just now.
        RegistryError
            The registry did not do as it was asked.
        """
        moved = []
        before = set(self.repository.tags())
        for candidate in self.tagging.tags:
            tag = _tag(candidate)
            if candidate.moves == "never":
                moved.append(self._release(candidate))
            elif candidate.moves == "freely":
                moved.append(self._freely(tag))
            elif candidate.rule == "latest":
                moved.append(self._latest(tag, before))
            else:
                moved.append(self._alias(tag))
        return tuple(moved)

    def _free(self, candidate: Candidate) -> Digest | None:
        tag = _tag(candidate)
        found = self.repository.digest(str(tag))
        if found is not None and found != self.built.digest:
            raise PublishError(
                f"release {tag} is published already, as another image ({found.short}, this one is "
                f"{self.built.digest.short}), and a release never changes",
                hint="raise the image's version in docker/images.toml and tag that",
            )
        return found

    def _release(self, candidate: Candidate) -> Moved:
        tag = _tag(candidate)
        if self._free(candidate) is not None:
            return Moved(tag=tag, verb="same", reason="published before, with this digest")
        self._put(tag, self.content)
        found = self.repository.digest(str(tag))
        if found != self.built.digest:
            raise PublishError(
                f"release {tag} was published by somebody else at the same moment, as another image",
                hint="find out which one is right, and let one job at a time publish (a concurrency group)",
            )
        return Moved(tag=tag, verb="set")

    def _freely(self, tag: Tag) -> Moved:
        if self.repository.digest(str(tag)) == self.built.digest:
            return Moved(tag=tag, verb="same")
        self._put(tag, self.content)
        if self.repository.digest(str(tag)) != self.built.digest:
            return Moved(tag=tag, verb="kept", reason="another publisher moved it on at the same moment")
        return Moved(tag=tag, verb="set")

    def _alias(self, tag: Tag) -> Moved:
        """Point `X.Y` or `X` at the highest release, and look again until no other publisher has added a higher one.

        Each publisher sets its release before its aliases and lists releases after it moved an alias, so that whoever
        writes last has seen all of them.
        """
        own = semver.Version.parse(self.tagging.version)
        wrote = False
        for _ in range(ROUNDS):
            top = max([own, *release.releases(self.repository.tags(), str(tag)), *self._standing(tag)])
            if top > own and not wrote:
                return Moved(tag=tag, verb="kept", reason=f"stands for {top}, which is newer")
            document = self.repository.document(str(top)) if top > own else None
            content, digest = (document.content, document.digest) if document else (self.content, self.built.digest)
            if self.repository.digest(str(tag)) == digest:
                if not wrote:
                    return Moved(tag=tag, verb="same")
                if top > own:
                    return Moved(tag=tag, verb="kept", reason=f"{top} was published at the same moment")
                return Moved(tag=tag, verb="set")
            self._put(tag, content)
            wrote = True
        raise _contended(tag)

    def _standing(self, tag: Tag) -> list[semver.Version]:
        """What an alias stands for by its image's own label: the release's tag may have been deleted."""
        document = self.repository.document(str(tag))
        version = release.final(release.annotated(document.json(), "version")) if document else None
        return [version] if version is not None and release.covers(str(tag), version) else []

    def _latest(self, tag: Tag, before: Iterable[str]) -> Moved:
        """Point `latest` at this image unless it stands for a newer one; the indexes say when they were created.

        Each publisher sets its branch-and-commit tag first: those that appeared meanwhile are looked at afterwards.
        """
        ours = self._created()
        current = self.repository.document(str(tag))
        if current is not None and current.digest == self.built.digest:
            return Moved(tag=tag, verb="same")
        if current is not None:
            theirs = _when(current)
            if not theirs or not ours:
                return Moved(
                    tag=tag,
                    verb="unknown",
                    reason=f"{tag} was left alone: {'the image that it stands for' if ours else 'this image'} "
                    "does not say when it was created; delete the tag to have it set",
                )
            if theirs > ours:
                return Moved(tag=tag, verb="kept", reason=f"stands for an image of {theirs}, which is newer")
        self._put(tag, self.content)
        commits = [f"{candidate.tag}" for candidate in self.tagging.tags if candidate.rule == "branch"]
        fresh = [name for name in self.repository.tags() if name not in before]
        rivals = [name for name in fresh if any(name.startswith(f"{branch}-") for branch in commits)]
        newest: Document | None = None
        for document in filter(None, map(self.repository.document, rivals)):
            if _when(document) > (_when(newest) if newest else ours):
                newest = document
        if newest is not None:
            self._put(tag, newest.content)
            return Moved(tag=tag, verb="kept", reason=f"an image of {_when(newest)} was published at the same moment")
        return Moved(tag=tag, verb="set")

    def _created(self) -> str:
        return self.built.annotations.get("org.opencontainers.image.created", "")

    def _put(self, tag: Tag, content: bytes) -> None:
        self.repository.put(str(tag), content, INDEX_TYPE)


def _tag(candidate: Candidate) -> Tag:
    if candidate.tag is None:  # only candidates that became tags come here
        raise ValueError(candidate.rule)
    return candidate.tag


def _when(document: Document) -> str:
    """RFC 3339 in UTC, as all our indexes have it, which sorts as text; anything else is not compared."""
    text = release.annotated(document.json(), "created")
    return text if len(text) == len("2026-01-01T00:00:00Z") and text.endswith("Z") else ""


def _contended(tag: Tag) -> PublishError:
    return PublishError(
        f"other publishers go on moving {tag}",
        hint="let one job at a time publish (a concurrency group), and run again",
    )
