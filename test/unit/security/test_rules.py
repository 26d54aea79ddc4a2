"""The rule pack: every rule says what the reports need, and is tried on lines to find and on lines to leave."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
RULES = REPOSITORY / "scripts/security/rules"
FIXTURES = REPOSITORY / "test/data/security/rules"
RULE = re.compile(r"^- id: (\S+)$(.*?)(?=^- id: |\Z)", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"^\s*# (ruleid|ok): (.+)$", re.MULTILINE)
GENERATED = tuple(sorted(path.stem for path in (RULES / "families").glob("*.in") if path.stem != "shared"))


def rules(family: str) -> dict[str, str]:
    """The text of each rule of one file."""
    return dict(RULE.findall((RULES / f"{family}.yaml").read_text(encoding="utf-8")))


def marked(family: str, kind: str) -> set[str]:
    """Rules that have at least one such mark in the fixture of their file."""
    text = (FIXTURES / f"{family}.py").read_text(encoding="utf-8")
    return {name.strip() for found, names in MARK.findall(text) if found == kind for name in names.split(",")}


@pytest.mark.parametrize("family", GENERATED)
@pytest.mark.parametrize("kind", ["ruleid", "ok"])
def test_every_rule_has_lines_to_find_and_lines_to_leave(family: str, kind: str) -> None:
    assert set(rules(family)) - marked(family, kind) == set()


@pytest.mark.parametrize("family", GENERATED)
def test_a_fixture_marks_only_rules_of_its_file(family: str) -> None:
    assert (marked(family, "ruleid") | marked(family, "ok")) - set(rules(family)) == set()


@pytest.mark.parametrize("family", GENERATED)
def test_every_rule_says_how_bad_how_sure_why_and_what_to_do(family: str) -> None:
    for name, text in rules(family).items():
        assert re.search(r"^    severity: (critical|high|medium|low)$", text, re.MULTILINE), name
        assert re.search(r"^    confidence: (high|medium|low)$", text, re.MULTILINE), name
        assert re.search(r"^    category: [a-z]+$", text, re.MULTILINE), name
        assert re.search(r"^    cwe:\n(    - CWE-\d+\n)+", text, re.MULTILINE), name
        assert re.search(r"^    owasp: A(0[1-9]|10):2021$", text, re.MULTILINE), name
        assert re.search(r"^    fix: .{20,}$", text, re.MULTILINE), name
        assert re.search(r"^  message: .{30,}\.'?$", text, re.MULTILINE), name


def test_no_two_rules_have_one_name() -> None:
    names = [name for family in GENERATED for name in rules(family)]
    assert len(names) == len(set(names))


def test_the_rule_files_are_those_that_the_families_make() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML, by which the rule files are made, is not installed")
    scope: dict[str, object] = {"__file__": str(RULES / "expand.py"), "__name__": "expand"}
    exec((RULES / "expand.py").read_text(encoding="utf-8"), scope)  # noqa: S102 - a script beside the rules, no module
    made = scope["written_files"]()  # type: ignore[operator]
    assert yaml is not None
    assert {path: path.read_text(encoding="utf-8") for path in made} == made


@pytest.mark.parametrize("family", GENERATED)
def test_there_are_sanitised_or_constant_lines_for_every_rule_that_follows_a_caller_s_text(family: str) -> None:
    followed = {name for name, text in rules(family).items() if "\n  mode: taint\n" in text}
    assert followed <= marked(family, "ok")
