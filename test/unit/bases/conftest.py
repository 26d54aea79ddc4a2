"""A repository with one base and a recipe for it, and stand-ins on its shelf without making them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from galway.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

TABLE = """\
[bases.CHILD_BASE]
reference = "child:1@sha256:{a}"
stand-in = "child"

[bases.PARENT_BASE]
reference = "org/parent:1.2@sha256:{b}"
stand-in = "parent"

[stand-ins.parent]
title = "Debian 12 (bookworm)"
suite = "bookworm"
packages = ["usr-is-merged"]
zstd = 1
cmd = ["bash"]
env = {{ PATH = "/bin" }}

[stand-ins.child]
title = "Debian 12 (bookworm)"
suite = "bookworm"
from = "parent"
zstd = 1
cmd = ["sh"]
env = {{ PATH = "/bin" }}
""".format(a="a" * 64, b="b" * 64)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A repository that holds only a table of bases, and an empty cache."""
    root = tmp_path / "repository"
    (root / "docker").mkdir(parents=True)
    (root / "docker" / "bases.toml").write_text(TABLE)
    return Workspace(root=root, cache=tmp_path / "cache")
