"""The state of a real git checkout, and the labels made from it."""

import os
from pathlib import Path

import pytest

from galway import catalog, process, versioning
from galway.errors import ConfigurationError
from galway.versioning import Source

pytestmark = pytest.mark.starts_processes

ROOT = Path(__file__).parents[2]
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "ein Ordner mit Ümlaut"
    root.mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    (root / "file").write_text("one")
    git(root, "add", "file")
    git(root, "commit", "--quiet", "--message", "first", "--date", "2024-01-02T03:04:05Z")
    return root


def git(root: Path, *arguments: str) -> str:
    env = {"GIT_COMMITTER_DATE": "2024-01-02T03:04:05Z", "GIT_CONFIG_GLOBAL": "/dev/null"}
    return process.run(["git", "-C", str(root), *IDENTITY, *arguments], env=env).stdout


def test_a_clean_checkout(checkout: Path) -> None:
    source = Source.read(checkout, {})
    assert (source.branch, source.dirty, source.created) == ("main", False, "2024-01-02T03:04:05Z")


def test_changed_and_untracked_files_make_it_dirty_and_leave_the_users_index_alone(checkout: Path) -> None:
    clean = Source.read(checkout, {})
    (checkout / "file").write_text("two")
    changed = Source.read(checkout, {})
    (checkout / "other").write_text("new")
    untracked = Source.read(checkout, {})
    assert len({clean.tree, changed.tree, untracked.tree}) == 3
    assert changed.dirty
    assert untracked.description.endswith("-dirty")
    assert git(checkout, "diff", "--cached", "--name-only") == ""


def test_a_change_at_the_very_time_of_the_index_is_noticed(checkout: Path) -> None:
    git(checkout, "config", "core.trustctime", "false")  # the one time that a test cannot set
    instant = (10**18, 10**18)
    os.utime(checkout / "file", ns=instant)
    git(checkout, "update-index", "--refresh")
    os.utime(checkout / ".git" / "index", ns=instant)
    (checkout / "file").write_text("two")  # as long as before
    os.utime(checkout / "file", ns=instant)
    assert Source.read(checkout, {}).dirty


def test_a_detached_head_has_no_branch(checkout: Path) -> None:
    git(checkout, "checkout", "--quiet", "--detach")
    assert Source.read(checkout, {}).branch == ""


def test_a_ref_names_its_commit_and_a_missing_one_none(checkout: Path) -> None:
    git(checkout, "tag", "--annotate", "v1.0.0", "--message", "release")
    revision = Source.read(checkout, {}).revision
    assert versioning.commit(checkout, "refs/tags/v1.0.0") == revision
    assert versioning.commit(checkout, "refs/heads/main") == revision
    assert versioning.commit(checkout, "refs/tags/v2.0.0") == ""
    assert versioning.commit(checkout, "--help") == ""


def test_source_date_epoch_wins(checkout: Path) -> None:
    assert Source.read(checkout, {"SOURCE_DATE_EPOCH": "42"}).epoch == 42
    with pytest.raises(ConfigurationError, match="SOURCE_DATE_EPOCH"):
        Source.read(checkout, {"SOURCE_DATE_EPOCH": "yesterday"})


def test_no_checkout_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Source.read(tmp_path, {})
    assert "clone" in caught.value.hint


def test_labels_are_the_standards(checkout: Path) -> None:
    table = catalog.load(ROOT)
    image = next(image for image in table.images if image.name == "security-scanner")
    labels = versioning.labels(table, image, Source.read(checkout, {}))
    assert labels["org.opencontainers.image.title"] == "JP Spec Kit Security Scanner"
    assert labels["org.opencontainers.image.version"] == "0.0.250"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
