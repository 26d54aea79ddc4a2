"""What the pages say to do: their fenced blocks, as files to write, commands to run, and links to follow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(
    r"(?:(?P<whole>New file|At the end of)|(?P<side>Before|After) the line\s+(?P<ticks>`+)(?P<line>.+?)(?P=ticks) in)"
    r" `(?P<path>[^`]+)`"
)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
_OUTSIDE = re.compile(r"^[a-z]+:")


@dataclass(frozen=True, kw_only=True)
class Block:
    """A fenced block: its language, its text, and the paragraph in front of it."""

    language: str
    text: str
    before: str


@dataclass(frozen=True, kw_only=True)
class Write:
    """A file that a page says to make or to add to: `where` is its words for that, `line` the one beside it."""

    path: str
    text: str
    where: str
    line: str = ""

    def apply(self, root: Path) -> None:
        """Do it below a folder; a new file must not be there, an old one and its line must."""
        file = root / self.path
        if self.where == "New file":
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x") as stream:
                stream.write(self.text)
            return
        rows = file.read_text().splitlines(keepends=True)
        if self.line:
            (at,) = (number for number, row in enumerate(rows) if row.strip().startswith(self.line))
            rows.insert(*((at + 1, self.text) if self.where == "After" else (at, f"{self.text}\n\n")))
        else:
            rows.append(self.text)
        file.write_text("".join(rows))


@dataclass(frozen=True, kw_only=True)
class Run:
    """A command line that a page says to run."""

    line: str


def everything() -> tuple[Path, ...]:
    """Every page that people read."""
    named = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "src/agent-updates-collector/README.md")
    return (*(ROOT / name for name in named), *sorted((ROOT / "docs").rglob("*.md")))


def blocks(page: str) -> list[Block]:
    """A page's fenced blocks, in their order."""
    found = []
    for match in _FENCE.finditer(page):
        before = page[: match.start()].rstrip().rpartition("\n\n")[2]
        found.append(Block(language=match[1], text=match[2], before=before))
    return found


def steps(page: str) -> list[Write | Run]:
    """What a page says to do: a block after the words for a place is a file's, any other of sh holds commands."""
    done: list[Write | Run] = []
    for block in blocks(page):
        if place := _PLACE.search(block.before):
            where = place["whole"] or place["side"]
            done.append(Write(path=place["path"], text=block.text, where=where, line=place["line"] or ""))
        elif block.language == "sh":
            done += [Run(line=line) for line in lines(block)]
    return done


def lines(block: Block) -> list[str]:
    """A block's command lines, without comments; continued ones joined."""
    joined = block.text.replace("\\\n", " ").splitlines()
    return [line for line in (re.sub(r"(^|\s)#.*", "", each).strip() for each in joined) if line]


def links(page: str) -> list[str]:
    """A page's relative links, without their anchors."""
    return [link for link in _LINK.findall(_FENCE.sub("", page)) if not _OUTSIDE.match(link)]
