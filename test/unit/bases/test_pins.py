"""The table of bases is read into types, refused where it is wrong, and agrees with the Dockerfiles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from galway import bases
from galway.bases import pins, shelf
from galway.errors import ConfigurationError
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

    from galway.workspace import Workspace

ARGUMENT = re.compile(r"^ARG ([A-Z]+_BASE)=(\S+)$", re.MULTILINE)


def test_a_base_has_its_reference_and_the_recipes_of_its_lineage(workspace: Workspace) -> None:
    child = pins.official(workspace.root)["CHILD_BASE"]
    assert (child.name, child.reference) == ("child:1", f"child:1@sha256:{'a' * 64}")
    assert child.lineage == ("parent", "child")
    assert child.recipe.adds_nothing
    assert child.stands_for("parent") == "org/parent:1.2"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("child:1@sha256:", "child@sha256:", "CHILD_BASE is"),
        ('stand-in = "child"', 'stand-in = "ghost"', "'ghost', which is not there"),
        ('title = "Debian 12 (bookworm)"\nsuite = "bookworm"\npackages', 'from = "child"\npackages', "title"),
        ('packages = ["usr-is-merged"]', 'pakages = ["usr-is-merged"]', "pakages"),
        ('packages = ["usr-is-merged"]', 'from = "child"', "which comes from itself"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(workspace: Workspace, old: str, new: str, complaint: str) -> None:
    path = workspace.root / "docker" / "bases.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ConfigurationError, match=re.escape(complaint)):
        pins.official(workspace.root)


def test_a_missing_table_is_an_error_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"bases\.toml"):
        pins.official(tmp_path)


def test_a_variable_of_the_arguments_name_chooses_another_of_its_bases(workspace: Workspace) -> None:
    path = workspace.root / "docker" / "bases.toml"
    other = f'[[bases.CHILD_BASE.others]]\nreference = "child:2@sha256:{"c" * 64}"\nstand-in = "parent"\n\n'
    path.write_text(path.read_text().replace("[bases.PARENT_BASE]", other + "[bases.PARENT_BASE]"))
    chosen = pins.official(workspace.root, {"CHILD_BASE": "child:2"})
    assert {name: base.name for name, base in chosen.items()} == {
        "CHILD_BASE": "child:2",
        "PARENT_BASE": "org/parent:1.2",
    }
    assert pins.official(workspace.root, {"CHILD_BASE": ""})["CHILD_BASE"].name == "child:1"
    with pytest.raises(ConfigurationError, match="no child:3 for CHILD_BASE") as refusal:
        pins.official(workspace.root, {"CHILD_BASE": "child:3"})
    assert refusal.value.hint == "it has child:1, child:2"


def test_a_key_changes_with_the_recipe_of_an_ancestor(workspace: Workspace) -> None:
    before = shelf.layout(workspace, pins.official(workspace.root)["CHILD_BASE"])
    path = workspace.root / "docker" / "bases.toml"
    path.write_text(path.read_text().replace('["usr-is-merged"]', '["usr-is-merged", "git"]'))
    after = shelf.layout(workspace, pins.official(workspace.root)["CHILD_BASE"])
    assert before.folder != after.folder


def test_a_parent_is_the_same_for_its_own_base_and_for_a_child(workspace: Workspace) -> None:
    table = pins.official(workspace.root)
    own, inherited = (
        shelf.layout(workspace, table["PARENT_BASE"]),
        shelf.layout(workspace, table["CHILD_BASE"], "parent"),
    )
    assert own.folder == inherited.folder


def test_the_dockerfiles_repeat_the_pins_as_defaults() -> None:
    files = [*REPOSITORY.glob("docker/Dockerfile.*"), *REPOSITORY.glob("src/*/Dockerfile")]
    found = {
        (name, reference)
        for path in files
        if path.suffix != ".dockerignore"
        for name, reference in ARGUMENT.findall(path.read_text())
    }
    assert found == {(name, base.reference) for name, base in bases.official(REPOSITORY).items()}


def test_an_updater_can_find_each_pin() -> None:
    text = (REPOSITORY / "docker" / "bases.toml").read_text()
    for base in (base for several in pins.choices(REPOSITORY).values() for base in several):
        name = base.name.partition(":")[0]
        assert f'# renovate: datasource=docker depName={name}\nreference = "{base.reference}"' in text
