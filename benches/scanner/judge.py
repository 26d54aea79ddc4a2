"""Compares what was found with what is known: marked lines, bandit's expected counts, fixed vulnerabilities; pure."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benches.scanner.model import Found

MARK = re.compile(r"#\s*(ruleid|ok):\s*(\S.*)$")

RELATED: tuple[frozenset[int], ...] = (
    frozenset({77, 78, 88}),
    frozenset({89, 943}),
    frozenset({79, 80, 116}),
    frozenset({22, 23, 36, 73, 434}),
    frozenset({94, 95, 96, 470, 1336}),
    frozenset({502, 20}),
    frozenset({611, 776, 20}),
    frozenset({326, 327, 328, 916}),
    frozenset({330, 335, 337, 338}),
    frozenset({259, 321, 798}),
    frozenset({295, 322}),
    frozenset({377, 378, 379}),
    frozenset({276, 362, 732}),
    frozenset({93, 113}),
    frozenset({400, 1333}),
    frozenset({601}),
    frozenset({117}),
)
"""Numbers that are given to one and the same kind of flaw (CWE-20 is what bandit calls parsing XML and YAML)."""


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A line that must be found by a rule, or must not."""

    line: int
    rule: str
    wanted: bool


def marks(source: str) -> list[Mark]:
    """Of a fixture: each comment speaks of the next line that is none."""
    made: list[Mark] = []
    waiting: list[tuple[str, str]] = []
    for number, line in enumerate(source.splitlines(), 1):
        said = MARK.search(line) if line.lstrip().startswith("#") else None
        if said:
            waiting += [(said[1], name.strip()) for name in said[2].split(",")]
        elif waiting:
            made += [Mark(line=number, rule=name, wanted=kind == "ruleid") for kind, name in waiting]
            waiting = []
    return made


def related(cwe: int) -> frozenset[int]:
    """The number and its kin."""
    return next((group for group in RELATED if cwe in group), frozenset({cwe}))


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Of one pair.

    Parameters
    ----------
    found:
        Something of this kind of flaw is reported in the old release's file.
    gone:
        At least one such line is no longer reported in the new one.
    left:
        How many such findings the new release's file still has.
    """

    found: bool
    gone: bool
    left: int


def compare(old: Iterable[Found], new: Iterable[Found], cwe: int) -> Verdict:
    """The findings of one file in two releases, only those of the kind of flaw."""
    kin = related(cwe)
    before = Counter((one.rule, one.text) for one in old if kin & set(one.cwe))
    after = Counter((one.rule, one.text) for one in new if kin & set(one.cwe))
    return Verdict(found=bool(before), gone=bool(before - after), left=after.total())


def expectations(test: str) -> Mapping[str, int]:
    """Bandit's own labels, from its functional test: example file to the number of findings, of any severity."""
    expected: dict[str, int] = {}
    for function in ast.walk(ast.parse(test)):
        if not isinstance(function, ast.FunctionDef) or not function.name.startswith("test_"):
            continue
        table: dict[str, dict[str, int]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                table = _literal(node.value)
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            name = node.args[0] if node.func.attr == "check_example" and node.args else None
            if isinstance(name, ast.Constant) and isinstance(name.value, str) and "SEVERITY" in table:
                expected.setdefault(name.value, sum(table["SEVERITY"].values()))
    return expected


def _literal(node: ast.Dict) -> dict[str, dict[str, int]]:
    try:
        value = ast.literal_eval(node)
    except ValueError:
        return {}
    return value if isinstance(value, dict) and all(isinstance(part, dict) for part in value.values()) else {}


def rate(found: Sequence[Found], lines: int) -> float:
    """Findings that fail a scan by default, for each thousand lines."""
    return sum(one.blocks for one in found) / lines * 1000 if lines else 0.0
