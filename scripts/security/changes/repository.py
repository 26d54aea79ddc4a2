"""A git repository, read by a library: objects and refs only, no configuration, no hook, no filter, no index.

dulwich's `Repo` reads the repository's configuration, so only its parts below that are used.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from security import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dulwich.object_store import DiskObjectStore
    from dulwich.refs import DiskRefsContainer

SUFFIX = re.compile(r"(?P<name>.+?)(?:~(?P<count>\d{1,4})|\^)?")
COMMIT = re.compile(r"[0-9a-f]{40}")
DEFAULTS = ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main",
            "refs/heads/master")  # fmt: skip
MAX_COMMITS = 200_000


class UnknownError(Exception):
    """Why it cannot be told what changed, in a few words."""


@dataclass(frozen=True, kw_only=True)
class Repository:
    """Commits and their objects."""

    store: DiskObjectStore
    refs: DiskRefsContainer
    shallow: bool

    def resolve(self, name: str) -> bytes:
        """A branch, tag, remote branch, `HEAD` or a full commit id, with `~n` or `^` behind it."""
        match = SUFFIX.fullmatch(name)
        if match is None:
            raise UnknownError("there is no such revision")
        found = self._named(match["name"])
        for _ in range(int(match["count"] or 1) if name != match["name"] else 0):
            parents = self.parents(found)
            if not parents:
                raise UnknownError(f"{name} reaches beyond the first commit that is here")
            found = parents[0]
        return found

    def _named(self, name: str) -> bytes:
        candidates = [name] if name.startswith("refs/") or name == "HEAD" else [
            f"refs/heads/{name}", f"refs/remotes/{name}", f"refs/tags/{name}", f"refs/remotes/origin/{name}",
        ]  # fmt: skip
        for candidate in candidates:
            try:
                found = self.refs[candidate.encode("utf-8", "surrogateescape")]  # type: ignore[index]
            except (KeyError, ValueError):
                continue
            return self.peel(found)
        if COMMIT.fullmatch(name) and name.encode() in self.store:  # type: ignore[operator]
            return self.peel(name.encode())
        raise UnknownError(f"{name} is not in this clone")

    def peel(self, name: bytes) -> bytes:
        """The commit behind an annotated tag."""
        for _ in range(10):
            found = self.store[name]  # type: ignore[index]
            if found.type_name == b"commit":
                return name
            if found.type_name != b"tag":
                break
            name = found.object[1]  # type: ignore[attr-defined]
        raise UnknownError("the base is not a commit")

    def parents(self, commit: bytes) -> list[bytes]:
        """Of a commit; those that a shallow clone has cut off are an error, because any answer would be a guess."""
        parents = list(self.store[commit].parents)  # type: ignore[index,attr-defined]
        if any(parent not in self.store for parent in parents):
            raise UnknownError(
                "this clone is shallow: the base is not in it (git fetch --unshallow)"
                if self.shallow
                else "commits are missing from this clone"
            )
        return parents

    def ancestors(self, commit: bytes) -> Iterator[bytes]:
        """The commit and all before it, nearest first."""
        queue, seen = deque([commit]), {commit}
        while queue:
            if len(seen) > MAX_COMMITS:
                raise UnknownError(f"more than {MAX_COMMITS} commits")
            found = queue.popleft()
            yield found
            fresh = [parent for parent in self.parents(found) if parent not in seen]
            seen.update(fresh)
            queue.extend(fresh)

    def base(self, name: str) -> bytes:
        """The merge base of HEAD and what was asked for, or the usual main branch.

        Of several, any is right: each is a state that both sides hold, and an older one only makes more lines new.
        """
        head = self.resolve("HEAD")
        other = self.resolve(name) if name else self._default()
        if head == other:
            return head
        # Walk both ways in turns, so that a shallow clone is left only where the answer needs it.
        sides = ({head}, {other})
        walks = (self.ancestors(head), self.ancestors(other))
        done = [False, False]
        while not all(done):
            for side in (0, 1):
                found = next(walks[side], None)
                if found is None:
                    done[side] = True
                    continue
                sides[side].add(found)
                if found in sides[1 - side]:
                    return found
        raise UnknownError("the base and HEAD have no common commit")

    def _default(self) -> bytes:
        for name in DEFAULTS:
            try:
                return self.resolve(name)
            except (UnknownError, KeyError):
                continue
        raise UnknownError("there is no main branch to compare with; name one with BASE_REF")


def find(root: Path) -> Repository:
    """The repository at the scanned folder.

    Raises
    ------
    UnknownError
        There is none, or it lies elsewhere (a linked worktree, a submodule): the mount does not hold it.
    """
    from dulwich.object_store import DiskObjectStore  # noqa: PLC0415
    from dulwich.refs import DiskRefsContainer  # noqa: PLC0415

    folder = root / ".git"
    if folder.is_symlink() or folder.is_file():
        raise UnknownError("the repository lies outside of the scanned folder (a worktree or a submodule)")
    if not folder.is_dir():
        raise UnknownError("the scanned folder is not the root of a git repository")
    if any((folder / name).is_symlink() for name in ("objects", "refs", "HEAD", "packed-refs")):
        raise UnknownError("parts of the repository are links")
    if (folder / "objects" / "info" / "alternates").exists():
        raise UnknownError("the repository borrows objects from another one")
    if (folder / "reftable").exists():
        raise UnknownError("the repository keeps its refs in a reftable, which is not read")
    try:
        reading.text(folder / "HEAD", limit=10_000)
    except reading.UnreadableError as error:
        raise UnknownError(f"the repository has no HEAD: {error}") from error
    return Repository(
        store=DiskObjectStore(str(folder / "objects")),
        refs=DiskRefsContainer(str(folder)),
        shallow=(folder / "shallow").exists(),
    )
