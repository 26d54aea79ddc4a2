"""Bandit's own command without the bookkeeping that takes most of its time and changes no result.

Bandit makes a context for every node of the tree, with log lines that nobody sees, and copies it for every test. Here
contexts are made only for nodes that have tests, and the tests share one; where a test says something, or fails,
bandit's own code runs again for that node and makes the finding. The tests are all bandit's.

Usage: bandit_runner.py, with bandit's options. They must include --ignore-nosec, as inline comments are not read.
"""

from __future__ import annotations

import ast
import gc
import itertools
import sys
from typing import Any

from bandit.cli.main import main  # type: ignore[import-not-found] # only the image has it
from bandit.core import manager, node_visitor, tester, utils  # type: ignore[import-not-found]
from bandit.core.context import Context  # type: ignore[import-not-found]

HANDLED = frozenset({"ClassDef", "FunctionDef", "Import", "ImportFrom", "Call"})
"""Kinds of nodes by which bandit's visitor learns names, whether or not they have tests."""

WITHOUT_TESTS = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
"""Nodes without a place in the file and without children."""

QUIET: dict[str, list[int]] = {}

SELDOM = (50_000, 20, 20)
"""How often garbage is looked for; Python's own 700, 10, 10 walks the trees of large files again and again while they
grow. On 1,200 files of Django's: 6.4 in place of 9.0 CPU seconds, and 94 MB in place of 65 MB."""


class Tester(tester.BanditTester):  # type: ignore[misc] # bandit has no types
    """Runs the tests of a node."""

    def run_tests(self, raw_context: dict[str, Any], checktype: str) -> dict[str, list[int]]:
        """The scores of what was found; none where no test says anything."""
        # Those of a whole file may read it, which they can do once.
        if checktype != "File" and self.quiet(raw_context, checktype):
            return QUIET
        scores: dict[str, list[int]] = super().run_tests(raw_context, checktype)
        return scores

    def quiet(self, raw_context: dict[str, Any], checktype: str) -> bool:
        """Whether no test of a node says anything."""
        context = Context(raw_context)
        try:
            for test in self.testset.get_tests(checktype):
                arguments = (context, test._config) if hasattr(test, "_config") else (context,)  # noqa: SLF001
                if test(*arguments) is not None:
                    return False
        except Exception:
            return False  # bandit itself reports it
        return True


class Visitor(node_visitor.BanditNodeVisitor):  # type: ignore[misc]
    """Walks the tree of a file in bandit's order."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.kinds = HANDLED | self.testset.tests.keys()

    def generic_visit(self, node: ast.AST) -> None:
        """Visit all below a node, and tell each its parent and its next sibling, for which tests ask."""
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                for item, sibling in itertools.zip_longest(value, value[1:]):
                    if isinstance(item, ast.AST):
                        self.enter(item, node, sibling)
            elif isinstance(value, ast.AST):
                self.enter(value, node, None)

    def enter(self, node: Any, parent: ast.AST, sibling: object) -> None:
        """Visit one node."""
        if isinstance(node, WITHOUT_TESTS):
            return
        node._bandit_parent, node._bandit_sibling = parent, sibling  # noqa: SLF001 - the names that tests ask for
        kind = type(node).__name__
        if kind in self.kinds or (kind == "Constant" and isinstance(node.value, (str, bytes))):
            self.prepare(node)
            self.visit(node)
        self.generic_visit(node)
        if kind in ("FunctionDef", "ClassDef"):
            self.namespace: str = utils.namespace_path_split(self.namespace)[0]

    def prepare(self, node: Any) -> None:
        """What bandit's `pre_visit` does, without its log."""
        self.context = {
            "imports": self.imports,
            "import_aliases": self.import_aliases,
            "node": node,
            "linerange": utils.linerange(node),
            "filename": self.fname,
            "file_data": self.fdata,
        }
        for name in ("lineno", "col_offset", "end_col_offset"):
            if hasattr(node, name):
                self.context[name] = getattr(node, name)

    def update_scores(self, scores: dict[str, list[int]]) -> None:
        """Add what a node scored."""
        if scores:
            super().update_scores(scores)


def look_for_garbage_seldom() -> None:
    """Pass over what was imported, and seldom look at the rest."""
    gc.freeze()
    gc.set_threshold(*SELDOM)


if __name__ == "__main__":
    if "--ignore-nosec" not in sys.argv:
        sys.exit("bandit_runner.py reads no inline comments: pass --ignore-nosec")
    tester.BanditTester = Tester
    manager.b_node_visitor.BanditNodeVisitor = Visitor
    look_for_garbage_seldom()
    sys.exit(main())
