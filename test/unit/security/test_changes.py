"""What changed is read from git's objects alone; where it cannot be told, everything is scanned and the reason said."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from dulwich.objects import Blob, Commit, Tree
from dulwich.repo import Repo

from security import changes, scan, targets
from security.changes import Changes, compare
from security.findings import changed
from security.model import State

if TYPE_CHECKING:
    from pathlib import Path

    from security.settings import Settings

FLAW = "def run(request):\n    name = request.args['n']\n    os.system(name)\n\n\ndef other():\n    os.system(x)\n"


class History:
    """A repository made of commits that hold the files of a working tree."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.repo = Repo.init(str(root))

    def commit(self, branch: str, files: dict[str, str], *parents: bytes) -> bytes:
        tree = Tree()
        for name, content in files.items():
            blob = Blob.from_string(content.encode())
            self.repo.object_store.add_object(blob)
            tree.add(name.encode(), 0o100644, blob.id)
        self.repo.object_store.add_object(tree)
        commit = Commit()
        commit.tree = tree.id
        commit.parents = list(parents)
        commit.author = commit.committer = b"a <a@example.org>"
        commit.author_time = commit.commit_time = 1_700_000_000 + len(files)
        commit.author_timezone = commit.commit_timezone = 0
        commit.message = branch.encode() + b"".join(parents)
        self.repo.object_store.add_object(commit)
        self.repo.refs[f"refs/heads/{branch}".encode()] = commit.id
        return commit.id

    def check_out(self, branch: str, files: dict[str, str]) -> None:
        (self.root / ".git/HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
        for name, content in files.items():
            (self.root / name).write_text(content, encoding="utf-8")


@pytest.fixture
def history(settings: Settings) -> History:
    """`main` moved on after `work` left it; the common commit holds a.py and b.py."""
    made = History(settings.scan_path)
    first = made.commit("main", {"a.py": FLAW, "b.py": "x = 1\n"})
    made.commit("work", {"a.py": FLAW, "b.py": "x = 1\n", "c.py": "y = 1\n"}, first)
    made.commit("main", {"a.py": "z = 1\n", "b.py": "x = 1\n"}, first)
    made.check_out("work", {"a.py": FLAW, "b.py": "x = 1\n", "c.py": "y = 1\n"})
    made.repo.close()
    return made


def compute(settings: Settings, **options: Any) -> Changes:
    settings = dataclasses.replace(settings, **options)
    return changes.compute(settings, targets.collect(settings.scan_path, results=settings.output_dir))


def test_the_branch_s_and_the_working_tree_s_changes_since_main_are_found(history: History, settings: Settings) -> None:
    (history.root / "b.py").write_text("x = 1\ny = 2\n", encoding="utf-8")
    (history.root / "new.py").write_text("n = 1\n", encoding="utf-8")
    found = compute(settings)
    assert found.reason == ""
    assert found.hunks == {"b.py": ((2, 2),), "c.py": None, "new.py": None}


@pytest.mark.parametrize("name", ["main", "refs/heads/main", "work~1", "work^"])
def test_a_base_may_be_named_in_the_usual_ways(history: History, settings: Settings, name: str) -> None:
    assert compute(settings, base_ref=name).hunks == {"c.py": None}


def test_a_detached_head_is_as_good_as_a_branch(history: History, settings: Settings) -> None:
    commit = (history.root / ".git/refs/heads/work").read_text(encoding="utf-8")
    (history.root / ".git/HEAD").write_text(commit, encoding="utf-8")
    assert compute(settings, base_ref="main").hunks == {"c.py": None}


def test_line_ends_that_git_changes_on_check_out_are_no_change(history: History, settings: Settings) -> None:
    (history.root / "a.py").write_bytes(FLAW.replace("\n", "\r\n").encode())
    assert "a.py" not in compute(settings).hunks


def break_shallow(root: Path) -> None:
    commit = (root / ".git/refs/heads/work").read_text(encoding="utf-8").strip()
    first = Repo(str(root))[commit.encode()].parents[0].decode()  # type: ignore[union-attr]
    (root / ".git/shallow").write_text(f"{commit}\n", encoding="utf-8")
    (root / ".git/objects" / first[:2] / first[2:]).unlink()


def as_worktree(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").write_text("gitdir: /elsewhere/.git/worktrees/x\n", encoding="utf-8")


def as_link(root: Path) -> None:
    (root / ".git").rename(root.parent / "elsewhere")
    (root / ".git").symlink_to(root.parent / "elsewhere")


def pipe_for_head(root: Path) -> None:
    (root / ".git/HEAD").unlink()
    os.mkfifo(root / ".git/HEAD")


def damage_objects(root: Path) -> None:
    for path in (root / ".git/objects").rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(b"x\x9c damaged")


def borrow_objects(root: Path) -> None:
    (root / ".git/objects/info").mkdir(exist_ok=True)
    (root / ".git/objects/info/alternates").write_text("/etc\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (break_shallow, "shallow"),
        (as_worktree, "outside of the scanned folder"),
        (as_link, "outside of the scanned folder"),
        (pipe_for_head, "no HEAD"),
        (damage_objects, "cannot be read"),
        (borrow_objects, "borrows objects"),
        (lambda root: (root / ".git").rename(root.parent / "gone"), "not the root of a git repository"),
        (lambda root: (root / ".git/reftable").mkdir(), "reftable"),
        (lambda root: (root / ".git/refs/heads/main").unlink(), "no main branch"),
    ],
)
def test_where_it_cannot_be_told_the_reason_is(history: History, settings: Settings, how: Any, words: str) -> None:
    how(history.root)
    assert words in compute(settings).reason


@pytest.mark.parametrize("name", ["none", "-x", "a\nb", "work~99", "../../etc/passwd", "refs/../HEAD"])
def test_a_base_that_is_not_there_is_not_guessed(history: History, settings: Settings, name: str) -> None:
    found = compute(settings, base_ref=name)
    assert found.reason
    assert found.hunks == {}


def test_nothing_that_the_repository_configures_runs(history: History, settings: Settings, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    command = f"touch {mark}"
    (history.root / ".git/config").write_text(
        f"[core]\n\tfsmonitor = {command}\n\thooksPath = hooks\n\tpager = {command}\n\tsshCommand = {command}\n"
        f'[filter "x"]\n\tclean = {command}\n\tsmudge = {command}\n\tprocess = {command}\n'
        f'[diff "x"]\n\ttextconv = {command}\n\tcommand = {command}\n[include]\n\tpath = /etc/passwd\n',
        encoding="utf-8",
    )
    (history.root / ".gitattributes").write_text("*.py filter=x diff=x\n", encoding="utf-8")
    for hook in ("post-index-change", "fsmonitor-watchman", "post-checkout"):
        path = history.root / ".git/hooks" / hook
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        path.chmod(0o755)
    assert compute(settings).reason == ""  # and no process was started: the test would have failed
    assert not mark.exists()


@pytest.mark.parametrize(
    ("old", "new", "hunks"),
    [
        (b"a\nb\nc\n", b"a\nX\nc\n", ((2, 2),)),
        (b"a\nb\nc\n", b"a\nc\n", ((1, 2),)),
        (b"a\n", b"n\na\n", ((1, 1),)),
        (b"a\n" * 3, b"a\n" * 20_001, None),
    ],
)
def test_hunks_are_lines_of_the_new_text(old: bytes, new: bytes, hunks: Any) -> None:
    assert compare.lines(old, new) == hunks


def test_a_finding_is_new_where_its_function_changed(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text(FLAW, encoding="utf-8")
    sink, elsewhere = finding(line=3), finding(line=7)
    lock = finding(path="uv.lock", subject="a@1")
    source_changed = Changes(base="b" * 40, hunks={"a.py": ((2, 2),)})
    marked = changed.apply([sink, elsewhere, lock], source_changed, root=tmp_path)
    assert [one.state for one in marked] == [State.NEW, State.EXISTING, State.EXISTING]
    both = Changes(base="b" * 40, hunks={"a.py": None, "uv.lock": ((1, 1),)})
    assert {one.state for one in changed.apply([sink, elsewhere, lock], both, root=tmp_path)} == {State.NEW}


def test_a_finding_outside_of_functions_is_new_where_its_names_changed(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text("name = input()\nother = 1\nos.system(name)\n", encoding="utf-8")
    for line, state in ((1, State.NEW), (2, State.EXISTING), (3, State.NEW)):
        change = Changes(base="b" * 40, hunks={"a.py": ((line, line),)})
        (marked,) = changed.apply([finding(line=3)], change, root=tmp_path)
        assert marked.state is state


@pytest.mark.parametrize("stdout", [b"", b"[]", b"{}", b'{"reason": "", "base": "", "hunks": {"a.py": [1]}}'])
def test_an_answer_that_is_none_means_that_nothing_is_known(stdout: bytes) -> None:
    found = changes.read(stdout, code=137, tail="killed", files=("a.py",))
    assert "137" in found.reason


def test_only_files_that_are_scanned_count_as_changed() -> None:
    stdout = json.dumps({"reason": "", "base": "b", "hunks": {"a.py": [[1, 2]], "gone.py": None}}).encode()
    assert changes.read(stdout, code=0, tail="", files=("a.py",)).hunks == {"a.py": ((1, 2),)}


def test_an_unknown_change_scans_everything(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings.scan_path / "a.py").write_text("x = 1\n", encoding="utf-8")
    everything = targets.collect(settings.scan_path, results=settings.output_dir)
    incremental = dataclasses.replace(settings, scan_type="incremental")
    for known, files in ((Changes(reason="no git", hunks={}), ("a.py",)), (Changes(base="b", hunks={}), ())):
        monkeypatch.setattr(scan.changes, "ask", lambda *_, known=known: known)
        _, chosen = scan.narrow(incremental, everything, scan.Deadline.after(1))
        assert chosen.files == files
