"""Fingerprints stay through edits of other things and change with the flaw; engines that mean the same are one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from security.findings import identity, source
from security.model import Severity

if TYPE_CHECKING:
    from pathlib import Path

CODE = """\
import subprocess

LIMIT = 10


def helper(value):
    return value + 1


class Runner:
    def run(self, request):
        name = request.args.get("name")
        command = "ls " + name
        result = subprocess.call(command, shell=True)
        return result


def other(request):
    print(LIMIT)
"""
SINK = "subprocess.call("

UNRELATED = {
    "a line above": lambda code: "import os\n" + code,
    "twenty lines above": lambda code: "# x\n" * 20 + code,
    "a comment above the statement": lambda code: code.replace(
        "        result =", "        # runs it\n        result ="
    ),
    "a comment behind the statement": lambda code: code.replace("shell=True)", "shell=True)  # yes"),
    "a blank line within the function": lambda code: code.replace("        command =", "\n        command ="),
    "another function renamed": lambda code: code.replace("helper", "assistant"),
    "another class renamed": lambda code: code.replace("Runner", "Executor"),
    "its own function renamed": lambda code: code.replace("def run", "def execute"),
    "another variable renamed": lambda code: code.replace("LIMIT", "MAXIMUM"),
    "a function added above": lambda code: code.replace("class Runner", "def added():\n    pass\n\n\nclass Runner"),
    "a function removed": lambda code: code.replace("def helper(value):\n    return value + 1\n", ""),
    "the call over several lines": lambda code: code.replace(
        "subprocess.call(command, shell=True)",
        "subprocess.call(\n            command,\n            shell=True,\n        )",
    ),
    "the source over several lines": lambda code: code.replace(
        'request.args.get("name")', 'request.args.get(\n            "name",\n        )'
    ),
    "single quotes": lambda code: code.replace('"ls "', "'ls '").replace('"name"', "'name'"),
    "tabs": lambda code: re.sub(r"^( {4})+", lambda match: "\t" * (len(match[0]) // 4), code, flags=re.MULTILINE),
    "two spaces": lambda code: re.sub(r"^( {4})+", lambda match: "  " * (len(match[0]) // 4), code, flags=re.MULTILINE),
    "more spaces around operators": lambda code: code.replace('"ls " + name', '"ls "  +  name'),
    "windows line ends": lambda code: code.replace("\n", "\r\n"),
    "a docstring": lambda code: code.replace("request):\n        name", 'request):\n        """Runs."""\n        name'),
    "a try around it": lambda code: code.replace(
        "        result = subprocess.call(command, shell=True)\n",
        "        try:\n            result = subprocess.call(command, shell=True)\n        finally:\n            pass\n",
    ),
    "a later statement changed": lambda code: code.replace("return result", "return bool(result)"),
    "another module-level statement": lambda code: code.replace("LIMIT = 10", "LIMIT = 10\nOTHER = 11"),
}

OF_THE_FLAW = {
    "another command": lambda code: code.replace('"ls "', '"rm "'),
    "another way to build it": lambda code: code.replace('"ls " + name', 'f"ls {name}"'),
    "another argument": lambda code: code.replace("shell=True", "shell=True, cwd=LIMIT"),
    "another function called": lambda code: code.replace(SINK, "subprocess.run("),
}


def prints(root: Path, code: str, finding: Any, *, path: str = "a.py", **changes: Any) -> list[str]:
    (root / path).write_bytes(code.encode())
    source.lines.cache_clear()
    source.read.cache_clear()
    lines = [
        number for number, line in enumerate(code.split("\n"), start=1) if SINK in line or "subprocess.run(" in line
    ]
    found = [finding(line=line, cwe=(78,), path=path, **changes) for line in lines]
    return [one.fingerprint for one in identity.fingerprint(found, root=root)]


@pytest.mark.parametrize("name", UNRELATED)
def test_an_edit_of_something_else_keeps_the_fingerprint(tmp_path: Path, finding: Any, name: str) -> None:
    edited = UNRELATED[name](CODE)
    assert edited != CODE
    assert prints(tmp_path, edited, finding) == prints(tmp_path, CODE, finding)


def test_there_are_at_least_twenty_such_edits() -> None:
    assert len(UNRELATED) >= 20


@pytest.mark.parametrize("name", OF_THE_FLAW)
def test_an_edit_of_the_flaw_changes_the_fingerprint(tmp_path: Path, finding: Any, name: str) -> None:
    edited = OF_THE_FLAW[name](CODE)
    assert edited != CODE
    assert prints(tmp_path, edited, finding) != prints(tmp_path, CODE, finding)


def test_path_and_family_are_part_of_it_and_the_rule_s_name_is_not(tmp_path: Path, finding: Any) -> None:
    before = prints(tmp_path, CODE, finding)
    assert prints(tmp_path, CODE, finding, rule="renamed") == before
    assert prints(tmp_path, CODE, finding, path="b.py") != before


def test_equal_findings_are_told_apart_by_their_order(tmp_path: Path, finding: Any) -> None:
    twice = CODE.replace(
        "        return result", "        result = subprocess.call(command, shell=True)\n        return result"
    )
    found = prints(tmp_path, twice, finding)
    assert len(set(found)) == 2
    assert found[0] == prints(tmp_path, CODE, finding)[0]


def test_a_broken_file_still_gives_one(tmp_path: Path, finding: Any) -> None:
    assert len(prints(tmp_path, "x = (((\nsubprocess.call(a)\n'''", finding)[0]) == 32


def test_engines_that_mean_the_same_flaw_give_one_finding(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text("subprocess.call(\n    x, shell=True\n)\n", encoding="utf-8")
    ours = finding(line=2, cwe=(78,), rule="python-command-injection", severity=Severity.MEDIUM, end_column=5)
    theirs = finding(line=1, end_line=3, cwe=(78,), rule="B602", engines=("bandit",), confidence="low")
    (merged,) = identity.merge([theirs, ours], root=tmp_path)
    assert (merged.rule, merged.engines, merged.also) == (
        "python-command-injection",
        ("semgrep", "bandit"),
        ("bandit:B602",),
    )
    assert (merged.severity, merged.confidence) == (Severity.HIGH, "high")


def test_another_family_another_statement_and_a_repeat_stay_apart(tmp_path: Path, finding: Any) -> None:
    (tmp_path / "a.py").write_text("f(x); g(x)\nh(x)\n", encoding="utf-8")
    found = [finding(cwe=(78,)), finding(cwe=(89,)), finding(cwe=(78,), line=2), finding(cwe=(78,), column=7)]
    assert len(identity.merge(found, root=tmp_path)) == 4


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ("a = 1; b = 2\n", ["a = 1 ; b = 2"]),
        ("f(\n  a,\n)\n", ["f ( a )"]),
        ("x = '''a\nb'''\ny\n", ["x = '''a\nb'''", "y"]),
        ("x = 1 \\\n  + 2\n", ["x = 1 + 2"]),
        ("x = 'it\"s'\n", ["x = 'it\"s'"]),
        ("x = F'a'  # c\n", ['x = f"a"']),
        ("# only\n\n", []),
    ],
)
def test_layout_is_no_part_of_a_statement(code: str, texts: list[str]) -> None:
    assert [statement.text for statement in source.statements(code).statements] == texts
