"""Every lock format is read as its tool writes it, and whatever is not one becomes an error with a reason."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from security.dependencies import collect, pdm, pipfile, poetry, pylock, pyproject, requirements, uv
from security.dependencies.model import Dependency, Manifest, Reason
from security.dependencies.tables import ManifestError

if TYPE_CHECKING:
    from pathlib import Path


def by_name(manifest: Manifest) -> dict[str, Dependency]:
    return {one.name: one for one in manifest.dependencies}


@pytest.fixture
def locks(data: Path) -> Path:
    return data / "locks"


def test_uv_gives_packages_lines_edges_and_groups_without_the_project_itself(locks: Path) -> None:
    text = (locks / "uv.lock").read_text(encoding="utf-8")
    manifest = uv.parse(text, "uv.lock")
    found = by_name(manifest)
    assert manifest.own == ("old-service",)
    assert len(found) == text.count("[[package]]") - 1
    assert found["requests"].requires == ("certifi", "chardet", "idna", "urllib3")
    assert found["colorama"].groups == ("dev",)
    assert found["werkzeug"].groups == ("extra server",)
    assert found["jinja2"].groups == ()
    assert {"jinja2", "pyyaml", "requests", "colorama"} <= set(manifest.roots)
    assert text.split("\n")[found["idna"].line - 1] == 'name = "idna"'
    assert all(digest.startswith("sha256:") for one in found.values() for digest in one.hashes)


def test_uv_s_other_sources_are_named(locks: Path) -> None:
    lock = """version = 1
[[package]]
name = "app"
source = { virtual = "." }
[[package]]
name = "from-git"
version = "1"
source = { git = "https://git.example/a?rev=1#abc" }
[[package]]
name = "from-index"
version = "1"
source = { registry = "https://packages.example/simple" }
[[package]]
name = "from-file"
version = "1"
source = { path = "wheels/x.whl" }
"""
    found = {one.name: one.unjudgeable for one in uv.parse(lock, "uv.lock").dependencies}
    assert found == {"from-git": Reason.VCS, "from-index": Reason.PRIVATE, "from-file": Reason.PRIVATE}


def test_poetry_gives_sources_groups_and_edges(locks: Path) -> None:
    found = by_name(poetry.parse((locks / "poetry.lock").read_text(encoding="utf-8"), "poetry.lock"))
    assert (found["jinja2"].version, found["jinja2"].requires, len(found["jinja2"].hashes)) == (
        "2.11.2",
        ("markupsafe",),
        2,
    )
    assert (found["internal-tools"].unjudgeable, found["internal-tools"].groups) == (Reason.VCS, ("dev",))
    assert (found["acme-auth"].unjudgeable, found["acme-auth"].index) == (
        Reason.PRIVATE,
        "https://packages.example/simple",
    )


def test_pdm_joins_a_package_with_its_extras(locks: Path) -> None:
    manifest = pdm.parse((locks / "pdm.lock").read_text(encoding="utf-8"), "pdm.lock")
    found = by_name(manifest)
    assert len(manifest.dependencies) == 5
    assert found["requests"].requires == ("idna", "pysocks", "urllib3")
    assert found["requests"].groups == ()
    assert found["pysocks"].groups == ("dev",)
    assert found["local-package"].unjudgeable is Reason.PRIVATE


def test_pipenv_gives_categories_and_lines(locks: Path) -> None:
    text = (locks / "Pipfile.lock").read_text(encoding="utf-8")
    found = by_name(pipfile.parse(text, "Pipfile.lock"))
    assert (found["requests"].version, found["requests"].groups) == ("2.25.1", ())
    assert (found["colorama"].version, found["colorama"].groups) == ("0.4.6", ("dev",))
    assert '"requests"' in text.split("\n")[found["requests"].line - 1]


def test_pylock_holds_what_uv_exported(locks: Path) -> None:
    found = by_name(pylock.parse((locks / "pylock.toml").read_text(encoding="utf-8"), "pylock.toml"))
    exported = by_name(uv.parse((locks / "uv.lock").read_text(encoding="utf-8"), "uv.lock"))
    assert found.keys() == exported.keys() - {"werkzeug"}
    assert {name: one.version for name, one in found.items()} == {name: exported[name].version for name in found}
    assert found["jinja2"].hashes == exported["jinja2"].hashes


def test_hashed_requirements_hold_what_uv_exported(locks: Path) -> None:
    text = (locks / "requirements.txt").read_text(encoding="utf-8")
    found = by_name(requirements.parse(text, "requirements.txt", nothing))
    exported = by_name(uv.parse((locks / "uv.lock").read_text(encoding="utf-8"), "uv.lock"))
    named = {name for name, one in found.items() if one.unjudgeable is None}
    assert named == exported.keys() - {"werkzeug"}
    assert set(found["jinja2"].hashes) == set(exported["jinja2"].hashes)


def nothing(name: str) -> str:
    raise ManifestError(f"{name} was not read")


@pytest.mark.parametrize(
    ("line", "name", "version", "reason"),
    [
        ("Foo_Bar==1.0", "foo-bar", "1.0", None),
        ("foo[extra]==1.0 ; python_version > '3'", "foo", "1.0", None),
        ("foo===1.0", "foo", "1.0", None),
        ("foo==1.*", "foo", "", Reason.UNPINNED),
        ("foo>=1", "foo", "", Reason.UNPINNED),
        ("foo", "foo", "", Reason.UNPINNED),
        ("foo @ https://example.org/foo.whl", "foo", "", Reason.VCS),
        ("git+https://git.example/foo.git@main#egg=foo", "foo", "", Reason.VCS),
        ("-e git+https://git.example/foo.git#egg=foo", "foo", "", Reason.VCS),
        ("-e ./libs/foo", "foo", "", Reason.PRIVATE),
        ("./wheels/foo.whl", "foo.whl", "", Reason.PRIVATE),
        ("foo bar baz", "foo", "", Reason.PARSE_ERROR),
        ("foo==1.0 --hash=sha256:ab --hash=sha256:cd", "foo", "1.0", None),
        ("foo==1.0 \\\n    --hash=sha256:ab  # why", "foo", "1.0", None),
    ],
)
def test_a_requirement_is_read_or_named_with_its_reason(
    line: str, name: str, version: str, reason: Reason | None
) -> None:
    (found,) = requirements.parse(line, "requirements.txt", nothing).dependencies
    assert (found.name.replace("foo-whl", "foo.whl"), found.version, found.unjudgeable) == (name, version, reason)


def test_includes_and_constraints_are_followed_once_and_options_are_none() -> None:
    texts = {"base.txt": "-r requirements.txt\nb==2\n", "c.txt": "a==1\nunused==9\n"}
    text = "-r base.txt\n-c c.txt\n--index-url https://x\n--no-binary :all:\na>=1\n"
    found = by_name(
        requirements.parse(text, "requirements.txt", lambda name: (texts | {"requirements.txt": text})[name])
    )
    assert {name: one.version for name, one in found.items()} == {"a": "1", "b": "2"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "https://example.org/r.txt"])
def test_an_include_that_leads_out_of_the_tree_is_refused(target: str) -> None:
    with pytest.raises(ManifestError, match="not in the scanned folder"):
        requirements.parse(f"-r {target}", "a/requirements.txt", nothing)


def test_declared_dependencies_are_not_pinned_ones() -> None:
    text = "[project]\ndependencies = ['a>=1', 'b==2']\n[project.optional-dependencies]\nx = ['c']\n"
    found = by_name(pyproject.parse(text, "pyproject.toml"))
    assert {name: one.version for name, one in found.items()} == {"a": "", "b": "2", "c": ""}
    assert found["c"].groups == ("extra x",)


BROKEN = [
    "",
    "[",
    "[]",
    "{}",
    "a = " + "[" * 50_000,
    '{"a":' * 50_000,
    "\0",
    "[[package]]\nname = 1\n",
    "x = 1979-13-01",
]


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.dev.toml"])
@pytest.mark.parametrize("content", BROKEN)
def test_what_is_no_lock_is_an_error_and_no_crash(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    (manifest,) = collect.collect(tmp_path, [name])
    assert manifest.error
    assert manifest.dependencies == ()


def test_a_lock_that_is_no_plain_file_is_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "uv.lock")
    (tmp_path / "pdm.lock").symlink_to("/etc/passwd")
    (tmp_path / "poetry.lock").write_bytes(b"\x1f\x8b\x08\xff")
    with (tmp_path / "Pipfile.lock").open("wb") as file:
        file.truncate(1 << 33)
    (tmp_path / "out").symlink_to("/etc")
    names = ["uv.lock", "pdm.lock", "poetry.lock", "Pipfile.lock", "out/requirements.txt"]
    assert all(manifest.error for manifest in collect.collect(tmp_path, names))


def test_a_pyproject_counts_only_where_no_lock_pins_it(tmp_path: Path) -> None:
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "pyproject.toml").write_text("[project]\ndependencies = ['x']\n", encoding="utf-8")
    (tmp_path / "b/requirements.txt").write_text("x==1\n", encoding="utf-8")
    found = collect.collect(tmp_path, ["a/pyproject.toml", "b/c/pyproject.toml", "b/requirements.txt"])
    assert [(one.path, one.kind) for one in found] == [
        ("a/pyproject.toml", "declared_only"), ("b/requirements.txt", "requirements"),
    ]  # fmt: skip
