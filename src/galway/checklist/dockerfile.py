"""Reads a Dockerfile into stages and instructions with their lines, as far as the checklist asks."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")
_FLAG = re.compile(r"^--([a-z-]+)(?:=(\S+))?$")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction.

    Parameters
    ----------
    line:
        Its first one, from 1.
    word:
        In capitals: `RUN`.
    text:
        All after the word, continued lines joined, comments left out, here-documents below.
    """

    line: int
    word: str
    text: str

    @property
    def flags(self) -> list[tuple[str, str]]:
        """The options in front of the arguments: `--mount=type=cache,…`."""
        found = []
        for token in self.text.split():
            match = _FLAG.match(token)
            if match is None:
                break
            found.append((match[1], match[2] or ""))
        return found

    @property
    def arguments(self) -> list[str]:
        """The words after the options."""
        rest = self.text
        for _ in self.flags:
            rest = rest.lstrip().partition(" ")[2]
        first = rest.partition("\n")[0]
        try:
            return shlex.split(first)
        except ValueError:
            return first.split()

    @property
    def origin(self) -> str:
        """Of COPY and ADD: the stage or image that the files come from; empty for the build context."""
        return next((value for name, value in self.flags if name == "from"), "")

    def mounts(self, kind: str) -> list[str]:
        """Targets of the mounts of a kind."""
        options = [dict(part.partition("=")[::2] for part in v.split(",")) for name, v in self.flags if name == "mount"]
        return [o.get("target") or o.get("dst") or "" for o in options if o.get("type", "bind") == kind]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One build stage.

    Parameters
    ----------
    line:
        Of its FROM.
    name:
        After `AS`, in small letters; empty where it has none.
    base:
        What it is from, the arguments' defaults filled in.
    source:
        Line where the base is written: that of the argument's default, else of the FROM.
    """

    line: int
    name: str
    base: str
    source: int
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Its instructions of a word."""
        return [instruction for instruction in self.instructions if instruction.word == word]


@dataclass(frozen=True, kw_only=True)
class Dockerfile:
    """A whole file.

    Parameters
    ----------
    path:
        As messages name it.
    """

    path: str
    stages: tuple[Stage, ...]

    def at(self, line: int) -> str:
        """A line as editors open it."""
        return f"{self.path}:{line}"

    @property
    def bases(self) -> list[Stage]:
        """The stages that stand on an image from outside, not on another stage or on nothing."""
        names = {stage.name for stage in self.stages if stage.name}
        prefixes = tuple(name for name in names)

        def inside(base: str) -> bool:
            # FROM builder-${TARGETARCH}: the platform is not known here, the stages of that prefix are
            start, variable, _ = base.partition("$")
            known = bool(variable) and bool(start) and any(name.startswith(start.lower()) for name in prefixes)
            return base.lower() in names or base == "scratch" or known

        return [stage for stage in self.stages if not inside(stage.base)]

    @property
    def runs(self) -> list[Instruction]:
        """All RUN instructions."""
        return [run for stage in self.stages for run in stage.all("RUN")]


def parse(text: str, path: str) -> Dockerfile:
    """Read a Dockerfile; what BuildKit would refuse is read as far as it goes, since it was refused by then."""
    defaults: dict[str, tuple[str, int]] = {}
    stages: list[Stage] = []
    for instruction in _instructions(text):
        if instruction.word == "FROM":
            stages.append(_stage(instruction, defaults))
        elif instruction.word == "ARG" and not stages:
            name, _, value = instruction.text.partition("=")
            defaults[name.strip()] = (value.strip().strip("\"'"), instruction.line)
        elif stages:
            stages[-1].instructions.append(instruction)
    return Dockerfile(path=path, stages=tuple(stages))


def _stage(instruction: Instruction, defaults: Mapping[str, tuple[str, int]]) -> Stage:
    words = instruction.arguments
    source = instruction.line

    def fill(match: re.Match[str]) -> str:
        nonlocal source
        name = match[1] or match[3]
        if name in defaults:
            source = defaults[name][1]
            return defaults[name][0]
        return match[2] or match[0]

    base = _VARIABLE.sub(fill, words[0]) if words else ""
    name = words[2].lower() if len(words) > 2 and words[1].upper() == "AS" else ""
    return Stage(line=instruction.line, name=name, base=base, source=source)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, raw in lines:
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        parts = []
        while line.endswith("\\"):
            parts.append(line[:-1].rstrip())
            following = (each.strip() for _, each in lines)
            line = next((each for each in following if each and not each.startswith("#")), "")
        parts.append(line)
        word, _, rest = " ".join(parts).strip().partition(" ")
        body = [_body(lines, match[2]) for match in _HEREDOC.finditer(rest)] if word.upper() in _TAKES_HEREDOC else []
        yield Instruction(line=number, word=word.upper(), text="\n".join([rest.strip(), *body]))


_TAKES_HEREDOC = ("RUN", "COPY", "ADD")


def _body(lines: Iterator[tuple[int, str]], end: str) -> str:
    body = []
    for _, line in lines:
        if line.strip() == end:
            break
        body.append(line)
    return "\n".join(body)
