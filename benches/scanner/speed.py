"""What a scan costs: the scanner's program on trees of other people's code, in processor seconds.

Wall time on a shared machine says little; processor seconds, divided by the processors of a container, are what a scan
takes at the least. The program runs as in the image, but on this machine's Python and without the container's limits.
"""

from __future__ import annotations

import json
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benches.scanner.engines import PROGRAM
from galway import process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.scanner.engines import Engines

ENGINE_IN_THE_IMAGE = "/usr/local/lib/semgrep/osemgrep"
LAUNCH = "import sys; sys.path.insert(0, {!r}); from security.cli import main; sys.exit(main(sys.argv[1:]))"
ENDED = (0, 1, 3)
"""Findings and gaps are no failure here: the code is not ours, and some of it is broken on purpose."""


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Files of source distributions, as they are.

    Parameters
    ----------
    projects:
        Whose files; all of the popular packages where none is named.
    files:
        How many, evenly spread over the sorted list; None for all.
    """

    name: str
    scan_type: str
    projects: tuple[str, ...] = ()
    files: int | None = None


TREES = (
    Tree(name="Django, 1,200 files of it", scan_type="full", projects=("django",), files=1200),
    Tree(name="FastAPI, all of it", scan_type="full", projects=("fastapi",)),
    Tree(name="twenty packages, 300 files", scan_type="fast", files=300),
)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """One scan: sizes in bytes, processor seconds."""

    files: int
    size: int
    lines: int
    seconds: float
    semgrep: float
    bandit: float
    memory: int
    findings: int


def chosen(paths: Sequence[Path], files: int | None) -> list[Path]:
    """So many of the paths, in equal steps."""
    return list(paths) if files is None else [paths[number * len(paths) // files] for number in range(files)]


def measure(engines: Engines, tree: Tree, folders: Sequence[Path]) -> Cost:
    """Copy the tree's files and scan them."""
    paths = sorted(path for folder in folders for path in folder.rglob("*.py") if path.is_file())
    with tempfile.TemporaryDirectory(prefix="galway-bench-") as place:
        work = Path(place)
        size = lines = 0
        kept = chosen(paths, tree.files)
        for path in kept:
            data = path.read_bytes()
            size, lines = size + len(data), lines + data.count(b"\n")
            copy = work / "tree" / path.relative_to(folders[0].parent)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(data)
        seconds, summary = scan(engines, work, tree.scan_type)
    spent = {name: engine["cpu_seconds"] for name, engine in summary["run"]["engines"].items()}
    return Cost(
        files=len(kept), size=size, lines=lines,
        seconds=seconds, semgrep=spent["semgrep"], bandit=spent.get("bandit", 0.0),
        memory=summary["run"]["memory_peak_bytes"], findings=len(summary["findings"]),
    )  # fmt: skip


def scan(engines: Engines, work: Path, scan_type: str) -> tuple[float, dict[str, Any]]:
    """Run the program; its processor seconds with those of its children, and its summary."""
    python, commands = installed(engines, work)
    (work / "results").mkdir()
    launch = (str(python), "-IB", "-c", LAUNCH.format(str(PROGRAM.parent)), "scan", "--jobs", "1")
    options = ("--scan-path", str(work / "tree"), "--output-dir", str(work / "results"), "--scan-type", scan_type)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process.run((*launch, *options), env={"PATH": f"{commands}:/usr/bin:/bin"}, ok=ENDED)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, json.loads((work / "results/summary.json").read_text(encoding="utf-8"))


def installed(engines: Engines, work: Path) -> tuple[Path, Path]:
    """A Python that has the engines' packages, also where it is isolated, and a folder with the image's `semgrep`."""
    process.run((engines.python, "-m", "venv", "--without-pip", str(work / "python")))
    (packages,) = (work / "python/lib").glob("python*/site-packages")
    (packages / "engines.pth").write_text(f"{engines.bandit}\n", encoding="utf-8")
    commands = work / "bin"
    commands.mkdir()
    semgrep = (PROGRAM / "bin/semgrep").read_text(encoding="utf-8").replace(ENGINE_IN_THE_IMAGE, str(engines.core))
    (commands / "semgrep").write_text(semgrep, encoding="utf-8")
    (commands / "semgrep").chmod(0o755)
    return work / "python/bin/python", commands
