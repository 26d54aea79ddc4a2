"""Source text as logical lines of normalised tokens: the same code in another layout gives the same text.

A lexer of our own instead of `tokenize`, because a file may be newer than this Python, or broken.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

MAX_BYTES = 5_000_000

TOKEN = re.compile(
    r"""
    (?P<comment>\#[^\n]*)
  | (?P<string>[A-Za-z]{0,2}(?:'''(?:[^\\]|\\.)*?'''
                             |\"\"\"(?:[^\\]|\\.)*?\"\"\"|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"))
  | (?P<join>\\\r?\n)
  | (?P<newline>\n)
  | (?P<space>[ \t\r\f]+)
  | (?P<word>\w+)
  | (?P<operator>:=|->|\*\*=?|//=?|<<=?|>>=?|[-+*/%@&|^<>=!]=|.)
    """,
    re.VERBOSE | re.DOTALL,
)
OPENING, CLOSING = "([{", ")]}"
BINDING = re.compile(r"^(?:async )?(?:for|with) |^[\w., ]+? (?::(?!=)[^=]*)?(?:[-+*/%@&|^]|\*\*|//|<<|>>)?= | := ")
NAME = re.compile(r"[A-Za-z_]\w*")
DEFINES = re.compile(r"(?:async )?def ")
MAX_CONTEXT = 40
"""Statements that are taken into a context; generated code has functions of thousands of assignments."""


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One logical line; `first` and `last` are counted from 1, `indent` in columns."""

    first: int
    last: int
    indent: int
    text: str
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file's statements in order."""

    statements: tuple[Statement, ...]
    starts: tuple[int, ...]

    def at(self, line: int) -> int:
        """Index of the statement that holds a line, or of the last one above it; -1 where there is none."""
        return bisect_right(self.starts, line) - 1

    def function(self, index: int) -> range:
        """Indices of the innermost function around a statement, its `def` included; the whole file outside of any."""
        indent = self.statements[index].indent
        for above in range(index, -1, -1):
            statement = self.statements[above]
            if statement.indent < indent or above == index:
                if DEFINES.match(statement.text):
                    return range(above, self._end(above))
                indent = min(indent, statement.indent)
        return range(len(self.statements))

    def _end(self, start: int) -> int:
        indent = self.statements[start].indent
        for index in range(start + 1, len(self.statements)):
            if self.statements[index].indent <= indent:
                return index
        return len(self.statements)

    def context(self, index: int) -> list[str]:
        """Statements of the same function, above, that bind a name which the statement uses: where its data comes from.

        Names of functions, of other variables and everything else around it are left out on purpose: whoever changes
        them has not changed the flaw.
        """
        flagged = self.statements[index]
        block = self.function(index)
        own = block.start if DEFINES.match(self.statements[block.start].text) else -1
        found = []
        nested: int | None = None
        for position in range(block.start, index):
            statement = self.statements[position]
            if nested is not None and statement.indent > nested:
                continue
            nested = statement.indent if DEFINES.match(statement.text) and position != own else None
            if flagged.names & bound_names(statement.text):
                found.append(statement.text)
        return found[-MAX_CONTEXT:]


def bound_names(text: str) -> frozenset[str]:
    """Names that a statement gives a value; more than these where an expression does it inside."""
    match = None if DEFINES.match(text) else BINDING.search(text)
    if match is None:
        return frozenset()
    return frozenset(NAME.findall(match[0] if match[0].endswith("= ") and match[0] != ":= " else text))


def statements(text: str) -> Source:
    """Split text into logical lines: brackets join lines, layout, comments and the choice of quotes are dropped."""
    found: list[Statement] = []
    tokens: list[str] = []
    names: set[str] = set()
    line, first, depth, column, indent = 1, 0, 0, 0, 0

    def end() -> None:
        nonlocal tokens, names, first
        if tokens:
            found.append(Statement(first=first, last=line, indent=indent, text=spell(tokens), names=frozenset(names)))
        tokens, names, first = [], set(), 0

    for match in TOKEN.finditer(text):
        kind, token = match.lastgroup, match[0]
        if kind == "newline":
            if depth == 0:
                end()
            line, column = line + 1, 0
            continue
        if kind in ("space", "comment", "join"):
            column += len(token.expandtabs(8))
            line += token.count("\n")
            continue
        if not tokens:
            first, indent = line, column
        column += len(token)
        if kind == "word":
            names.add(token)
        elif kind == "operator":
            depth = depth + 1 if token in OPENING else max(0, depth - 1) if token in CLOSING else depth
        tokens.append(unquote(token) if kind == "string" else token)
        line += token.count("\n") if kind == "string" else 0
    end()
    return Source(statements=tuple(found), starts=tuple(statement.first for statement in found))


def spell(tokens: list[str]) -> str:
    """Tokens with one space between; a comma before a closing bracket is layout, and so is a semicolon at the end."""
    layout = {(",", bracket) for bracket in CLOSING} | {(";", "")}
    kept = [pair[0] for pair in zip(tokens, [*tokens[1:], ""], strict=True) if pair not in layout]
    return " ".join(kept)


def unquote(literal: str) -> str:
    """A string literal with double quotes where that changes nothing."""
    body = literal.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    prefix = literal[: len(literal) - len(body)].lower()
    if body.startswith("'") and not body.startswith("'''") and '"' not in body and "\\" not in body:
        body = f'"{body[1:-1]}"'
    return prefix + body


@lru_cache(maxsize=16)
def read(path: str) -> Source:
    """The statements of a file; none where it cannot be read."""
    return statements("\n".join(lines(path)))


@lru_cache(maxsize=16)
def lines(path: str) -> tuple[str, ...]:
    """Split as the engines count: at newlines only. An unreadable file has none."""
    try:
        with open(path, encoding="utf-8", errors="replace", newline=None) as file:  # noqa: PTH123 - any bytes
            return tuple(file.read(MAX_BYTES).split("\n"))
    except OSError:
        return ()
