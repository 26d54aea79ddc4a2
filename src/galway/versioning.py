"""The state of the sources, and the labels and annotations that an image gets from it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from galway import process
from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.catalog import Catalog, Image


@dataclass(frozen=True, kw_only=True)
class Source:
    """What the images are built from.

    Parameters
    ----------
    revision:
        Commit id, 40 hexadecimal digits.
    branch:
        Branch name; empty on a detached head.
    epoch:
        Seconds since 1970 that the label `created` tells: the commit's, or `SOURCE_DATE_EPOCH`.
    tree:
        Git's id of the working tree as it is, untracked files that git does not ignore included; two builds of
        the same tree are builds of the same sources.
    dirty:
        Whether the working tree differs from the commit.
    """

    revision: str
    branch: str
    epoch: int
    tree: str
    dirty: bool

    @classmethod
    def read(cls, root: Path, environment: Mapping[str, str] = os.environ) -> Self:
        """Ask git.

        Raises
        ------
        ConfigurationError
            Not a git checkout, or one without a commit.
        """
        head = process.run(["git", "-C", str(root), "log", "-1", "--format=%H %ct"], ok=None)
        if head.code != 0:
            words = (head.stderr.strip().splitlines() or ["no commit"])[0]
            raise ConfigurationError(
                f"{root} is not a git checkout with a commit: {words}",
                hint="clone the repository with git; labels and timestamps come from the commit",
            )
        revision, committed = head.stdout.split()
        branch = process.run(["git", "-C", str(root), "symbolic-ref", "--quiet", "--short", "HEAD"], ok=None)
        tree = _working_tree(root)
        committed_tree = process.run(["git", "-C", str(root), "rev-parse", "HEAD^{tree}"]).stdout.strip()
        return cls(
            revision=revision,
            branch=branch.stdout.strip(),
            epoch=_epoch(environment.get("SOURCE_DATE_EPOCH"), committed),
            tree=tree,
            dirty=tree != committed_tree,
        )

    @property
    def created(self) -> str:
        """The epoch as RFC 3339, for `org.opencontainers.image.created`."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    @property
    def description(self) -> str:
        """The commit, marked when the working tree differs from it."""
        return f"{self.revision}-dirty" if self.dirty else self.revision


def labels(catalog: Catalog, image: Image, source: Source) -> dict[str, str]:
    """The OCI labels of an image, which are its annotations too (OCI image specification, annotations)."""
    prefix = "org.opencontainers.image"
    return {
        f"{prefix}.created": source.created,
        f"{prefix}.description": image.description,
        f"{prefix}.licenses": catalog.licenses,
        f"{prefix}.revision": source.description,
        f"{prefix}.source": catalog.source,
        f"{prefix}.title": image.title,
        f"{prefix}.url": catalog.source,
        f"{prefix}.vendor": catalog.vendor,
        f"{prefix}.version": image.version,
    }


def commit(root: Path, ref: str) -> str:
    """The commit that a full ref names in this checkout; empty where it has no such ref."""
    if not ref.startswith("refs/"):
        return ""
    argv = ("git", "-C", str(root), "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    return process.run(argv, ok=None).stdout.strip()


def contents(root: Path, source: Source, paths: Sequence[str]) -> str:
    """An id of what some paths hold: equal when every file below them is."""
    listing = process.run(["git", "-C", str(root), "ls-tree", "-r", "-z", source.tree, "--", *paths]).stdout
    return hashlib.sha256(listing.encode()).hexdigest()


def _epoch(override: str | None, committed: str) -> int:
    if not override:
        return int(committed)
    try:
        return int(override)
    except ValueError as error:
        raise ConfigurationError(f"SOURCE_DATE_EPOCH is not a number of seconds: {override!r}") from error


def _working_tree(root: Path) -> str:
    """Git's tree id of the files as they are, by way of an index of our own, so that the user's stays as it is."""
    index = Path(process.run(["git", "-C", str(root), "rev-parse", "--absolute-git-dir"]).stdout.strip()) / "index"
    with tempfile.TemporaryDirectory(prefix="galway-index-") as folder:
        ours = Path(folder) / "index"
        if index.is_file():  # a copy keeps git's cached file states: no file is read twice
            # Its time too: git reads a file anew that changed at the very time of the index, and trusts older ones.
            shutil.copy2(index, ours)
        env = {"GIT_INDEX_FILE": str(ours)}
        process.run(["git", "-C", str(root), "add", "--all"], env=env)
        return process.run(["git", "-C", str(root), "write-tree"], env=env).stdout.strip()
