"""A rule passes over files without some expressions; what it finds must hold every one of them."""

from __future__ import annotations

import itertools
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RULES = Path(__file__).parents[3] / "scripts/security/rules"
FAMILIES = tuple(sorted(path.stem for path in (RULES / "families").glob("*.in") if path.stem != "shared"))
ANYWHERE = "semgrep-internal-pattern-anywhere"
WORDS = re.compile(r"\^\(?([\w|]+)\)?\$")
"""A regular expression that is a list of words; of any other a sample has to be given."""

SAMPLES = {
    ("$TEXT", "(?is)"): "select ", ("$GET", "^get_"): "get_query_argument", ("$KEY", "^(QUERY"): "HTTP_HOST",
    ("$TREE", "(?i)"): "root", ("$CONNECTION", "(?i)"): "ldap", ("$COLLECTION", "(?i)"): "db",
    ("$LOG", "(?i)"): "logger", ("$SECRET", "(?i)"): "password", ("$CHECK", "(?i)"): "user.is_staff",
    ("$NAME", "(?i)"): "api_key", ("$PATH", "^(/tmp"): "/dev/shm/x", ("$UPLOAD", "(?i)"): "upload",  # noqa: S108 - text of a rule
    ("$RESPONSE", "(?i)"): "response", ("$ANSWER", "^Http"): "HttpResponseGone", ("$BASE", ".*H"): "RequestHandler",
    ("$FUNCTION", "(?i)"): "make_token",
}  # fmt: skip
"""What stands for a metavariable, by its name and how its expression begins."""


def found(formula: dict[str, Any], around: tuple[dict[str, Any], ...] = ()) -> Iterator[tuple[str, list[str]]]:
    """Example texts of every pattern of a formula, each with the expressions that its file is asked for.

    Of `patterns` only one is taken for the text, as the others may be what stands around it: all are looked at in turn,
    and the text of a pattern is all of its list's together.
    """
    if "pattern-either" in formula:
        for one in formula["pattern-either"]:
            yield from found(one, around)
    elif "patterns" in formula:
        parts = formula["patterns"]
        inner = [part for part in parts if {"pattern", "pattern-inside", "pattern-either", "patterns"} & part.keys()]
        conditions = (*around, *(part for part in parts if ANYWHERE in part or "metavariable-regex" in part))
        for choice in itertools.product(*(list(found(as_formula(part), conditions)) for part in inner)):
            yield "\n".join(text for text, _ in choice), [need for _, needs in choice for need in needs]
    elif "pattern" in formula:
        needs = [part[ANYWHERE]["pattern-regex"] for part in around if ANYWHERE in part]
        regexes = [part["metavariable-regex"] for part in around if "metavariable-regex" in part]
        for text in filled(formula["pattern"], regexes):
            yield text, needs


def as_formula(part: dict[str, Any]) -> dict[str, Any]:
    """What stands around is written like what is found."""
    inside = part.get("pattern-inside")
    return part if inside is None else inside if isinstance(inside, dict) else {"pattern": inside}


def filled(pattern: str, regexes: list[dict[str, str]]) -> Iterator[str]:
    """The pattern with each metavariable as each of the words that its expression lists, or as its sample."""
    names: list[str] = []
    values: list[list[str]] = []
    for regex in regexes:
        name, expression = regex["metavariable"], regex["regex"]
        words = WORDS.fullmatch(expression)
        samples = (text for (of, start), text in SAMPLES.items() if of == name and expression.startswith(start))
        sample = next(samples, "")
        if name in pattern and name not in names and (words or sample):
            names.append(name)
            values.append(words[1].split("|") if words else [sample])
    for chosen in itertools.product(*values):
        text = pattern
        for name, value in zip(names, chosen, strict=True):
            text = re.sub(rf"{re.escape(name)}\b", lambda _, value=value: value, text)
        yield re.sub(r"\$(\.\.\.)?[A-Z_]+", "name", text)


def formulas(rule: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The search, or each source and each sink."""
    if rule.get("mode") == "taint":
        yield from (*rule["pattern-sources"], *rule["pattern-sinks"])
    else:
        yield {name: rule[name] for name in ("patterns", "pattern-either", "pattern") if name in rule}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_pattern_has_what_its_file_is_asked_for(family: str) -> None:
    rules = yaml.safe_load((RULES / f"{family}.yaml").read_text(encoding="utf-8"))["rules"]
    checked = 0
    for rule in rules:
        for formula in formulas(rule):
            for text, needs in found(formula):
                for need in needs:
                    checked += 1
                    assert re.search(need, text), (rule["id"], text, need)
    assert checked > 0


@pytest.fixture(scope="module")
def written_out() -> Callable[[str], str]:
    """A `needs` as the engine gets it; the program that writes the rules belongs to no package."""
    expand: Callable[[str], str] = runpy.run_path(str(RULES / "expand.py"))["written_out"]
    return expand


USES = (
    "os.system(x)", "(os.system)(x)", "os \\\n  .system(x)", "os.  # why\n  system(x)", "from os import system as run",
    "from os import (\n    path,\n    system as run,\n)", "run = os.system", "def f(run=os.system): ...",
    "run = (\n    system\n)", "if (run := system): ...", "system  # why\n(x)",
)  # fmt: skip
"""In each of them the engine finds `os.system`, the last three with `from os import *`."""


@pytest.mark.parametrize("code", USES)
def test_a_name_is_used_in_every_way_that_the_engine_follows(code: str, written_out: Callable[[str], str]) -> None:
    assert re.search(written_out("<used:popen|system>"), code)


@pytest.mark.parametrize("code", ["# the system checks", '"Performing system checks..."', '["help", "system-ui"]'])
def test_a_name_in_prose_is_not_used(code: str, written_out: Callable[[str], str]) -> None:
    assert not re.search(written_out("<used:popen|system>"), code)


def test_a_method_is_an_attribute_or_an_import(written_out: Callable[[str], str]) -> None:
    need = written_out("<method:execute|executemany>")
    for code in ("cursor.execute(x)", "run = cursor.execute", "from db import execute", "ok = cursor.execute == f"):
        assert re.search(need, code), code
    for code in ("def execute(self): ...", "# execute", "command.execute = print", "cursor.execute_all(x)"):
        assert not re.search(need, code), code
