"""Measures builds in one run, in a clone of its own: cold, with nothing changed, after a one-line change.

Times on a shared machine mean little by themselves, so each is shown as a share of the cold build too. The engine,
the bases and the tools are made before the clock starts.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from galway import console, process, report
from galway.workspace import Workspace

CHANGED = "scripts/security/cli.py"
"""A source file of the scanner's program, which gets one more line."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One measured build."""

    name: str
    seconds: float
    steps: int
    cached: int
    sizes: dict[str, int]


def build(root: Path, name: str, *options: str) -> Run:
    """Build all images for the host's platform as a person would, and read the records."""
    begun = time.monotonic()
    done = process.run([str(root / "scripts/inv"), "build", "--json", *options], cwd=root, on_stderr=console.say)
    seconds = time.monotonic() - begun
    measures = {record["image"]: record["measures"] for record in json.loads(done.stdout)}
    return Run(
        name=name,
        seconds=seconds,
        steps=sum(m["steps"] for m in measures.values()),
        cached=sum(m["steps_cached"] for m in measures.values()),
        sizes={image: m["compressed"] for image, m in measures.items()},
    )


def measure(root: Path) -> list[Run]:
    """The three builds, one after the other."""
    process.run([str(root / "scripts/inv"), "engine.env"], cwd=root, on_stderr=console.say)
    runs = [build(root, "cold: every step executed", "--no-cache"), build(root, "nothing changed")]
    with (root / CHANGED).open("a", encoding="utf-8") as file:
        file.write("# one more line\n")
    return [*runs, build(root, "one line changed")]


def main() -> None:
    """Clone, measure, print."""
    with console.edge(), tempfile.TemporaryDirectory(prefix="galway-bench-") as folder:
        root = Path(folder) / "galway"
        process.run(["git", "clone", "--quiet", str(Workspace.here().root), str(root)])
        runs = measure(root)
        table = report.table("build", "seconds", "of cold", "steps", "from the cache", numbers=("seconds", "of cold"))
        for run in runs:
            share, hits = run.seconds / runs[0].seconds, run.cached / max(run.steps, 1)
            table.add_row(run.name, f"{run.seconds:.1f}", f"{share:.0%}", str(run.steps), f"{hits:.0%}")
        console.out.print(table)
        for image, size in runs[-1].sizes.items():
            console.out.print(f"{image}: {report.megabytes(size)} compressed")


if __name__ == "__main__":
    main()
