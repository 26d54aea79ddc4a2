"""Tries the scanner's rules on what is known, beside bandit alone: `scripts/bench scanner`.

Marked fixtures of ours, bandit's own labelled examples, releases before and after the fix of a known vulnerability, and
how much is reported in packages that many have, and what a scan costs in processor seconds. Answers for releases are
kept in the user's cache by the rules' hash.
"""

from __future__ import annotations

import argparse
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from benches.scanner import judge, model, sources, speed
from benches.scanner.engines import ENGINES, Engines, rules_hash
from galway import console, report
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benches.scanner.model import Found, Pair, Release

FIXTURES = Path(__file__).parents[2] / "test/data/security/rules"
PARTS = ("fixtures", "examples", "pairs", "noise", "speed")


def main() -> None:
    """Print the tables that the command line names, all by default."""
    parser = argparse.ArgumentParser(prog="scripts/bench scanner", description="Try the scanner's rules.")
    parser.add_argument("part", nargs="*", choices=[[], *PARTS], help=f"of {', '.join(PARTS)}; all by default")
    wanted = parser.parse_args().part or PARTS
    with console.edge():
        cache = Workspace.here().cache
        engines = Engines.ready(cache / "scanner-bench")
        today = datetime.datetime.now(tz=datetime.UTC).date()
        console.out.print(f"scripts/bench scanner {' '.join(wanted)} · {today} · rules {rules_hash()}", markup=False)
        shown: Mapping[str, Callable[[Engines, Path], None]] = {
            "fixtures": fixtures,
            "examples": examples,
            "pairs": pairs,
            "noise": noise,
            "speed": costs,
        }
        for part in wanted:
            shown[part](engines, cache / "sdists")


def fixtures(engines: Engines, _cache: Path) -> None:
    """How many marked lines the rules judge as they are marked."""
    numbers = ("to find", "found", "to leave", "left")
    table = report.table("fixture", *numbers, numbers=numbers)
    for path in sorted(FIXTURES.glob("*.py")):
        found = {(one.line, one.rule) for one in engines.ask("rules", FIXTURES, [path.name])}
        marks = judge.marks(path.read_text(encoding="utf-8"))
        to_find = [mark for mark in marks if mark.wanted]
        to_leave = [mark for mark in marks if not mark.wanted]
        right = sum((mark.line, mark.rule) in found for mark in to_find)
        left = sum((mark.line, mark.rule) not in found for mark in to_leave)
        table.add_row(path.name, str(len(to_find)), str(right), str(len(to_leave)), str(left))
    console.out.print(table)


def examples(engines: Engines, cache: Path) -> None:
    """Bandit's examples: files with a labelled flaw in which something is found, files without one left alone."""
    folder = have(model.bandit(), cache)
    if folder is None:
        return
    expected = judge.expectations((folder / "tests/functional/test_functional.py").read_text(encoding="utf-8"))
    expected = {name: count for name, count in expected.items() if (folder / "examples" / name).is_file()}
    flawed = {name for name, count in expected.items() if count}
    harmless = set(expected) - flawed
    found = {
        engine: {Path(one.path).name for one in engines.ask(engine, folder / "examples", sorted(expected))}
        for engine in ENGINES
    }
    found["both"] = found["rules"] | found["bandit"]
    table = report.table("bandit's examples", "flawed", "found in", "harmless", "left alone")
    for engine, names in found.items():
        counts = (len(flawed), len(flawed & names), len(harmless), len(harmless - names))
        table.add_row(engine, *(str(count) for count in counts))
    console.out.print(table)
    console.out.print(f"not found by the rules: {', '.join(sorted(flawed - found['rules']))}", markup=False)


def pairs(engines: Engines, cache: Path) -> None:
    """Vulnerabilities: found in the old release's file, and no longer there in the new one."""
    releases = model.releases()
    problems = sources.fetch(list(releases.values()), cache)
    for problem in problems:
        console.say(problem)
    table = report.table("half", "project", "advisory", "CWE", *ENGINES)
    tally: dict[tuple[bool, str], list[judge.Verdict | None]] = {}
    for pair in sorted(model.pairs(), key=lambda pair: (not pair.tuned, pair.cwe, pair.project)):
        cells = []
        for engine in ENGINES:
            verdict = judged(engines, engine, pair, cache, releases)
            tally.setdefault((pair.tuned, engine), []).append(verdict)
            cells.append(said(verdict))
        half = "improved on" if pair.tuned else "held out"
        table.add_row(half, pair.project, pair.advisory, str(pair.cwe), *cells)
    console.out.print(table)
    total = report.table("half", "engine", "pairs", "found in old", "gone in new", "file quiet in new")
    for (tuned, engine), verdicts in tally.items():
        known = [verdict for verdict in verdicts if verdict is not None]
        told = [verdict for verdict in known if verdict.gone]
        counts = (len(known), sum(one.found for one in known), len(told), sum(one.left == 0 for one in told))
        total.add_row("improved on" if tuned else "held out", engine, *(str(count) for count in counts))
    console.out.print(total)


def said(verdict: judge.Verdict | None) -> str:
    """A cell of the table of pairs."""
    if verdict is None:
        return "not evaluated"
    if not verdict.found:
        return "missed"
    if not verdict.gone:
        return "still reported"
    return f"found, {verdict.left} others left" if verdict.left else "found, then quiet"


def judged(
    engines: Engines, engine: str, pair: Pair, cache: Path, releases: Mapping[tuple[str, str], Release]
) -> judge.Verdict | None:
    """One engine on one pair; None where a release could not be had."""
    answers: list[list[Found]] = []
    for version in (pair.old, pair.new):
        release = releases[pair.project, version]
        folder = sources.unpacked(release, cache)
        if folder is None:
            return None
        there = [pair.file] if (folder / pair.file).is_file() else []
        answers.append(engines.ask(engine, folder, there, keep=f"{release.file}-{pair.advisory}"))
    old, new = answers
    return judge.compare(old, new, pair.cwe)


def noise(engines: Engines, cache: Path) -> None:
    """Findings at critical or high for each thousand lines of packages that many have, tests left out."""
    numbers = ("lines", *(f"{engine} all" for engine in ENGINES), *(f"{engine} per 1,000" for engine in ENGINES))
    table = report.table("package", *numbers, numbers=numbers)
    sums = dict.fromkeys((*ENGINES, "lines"), 0)
    for release in sorted(model.popular(), key=lambda release: release.project):
        folder = have(release, cache)
        if folder is None:
            table.add_row(release.project, "not evaluated")
            continue
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
        names = [name for name in names if not model.TEST.search(name)]
        lines = sum((folder / name).read_bytes().count(b"\n") for name in names)
        found = {engine: engines.ask(engine, folder, names, keep=release.file) for engine in ENGINES}
        everything = (str(len(found[engine])) for engine in ENGINES)
        rates = (f"{judge.rate(found[engine], lines):.3f}" for engine in ENGINES)
        table.add_row(f"{release.project} {release.version}", f"{lines:,}", *everything, *rates)
        sums["lines"] += lines
        for engine in ENGINES:
            sums[engine] += sum(one.blocks for one in found[engine])
    rates = (f"{sums[engine] / max(1, sums['lines']) * 1000:.3f}" for engine in ENGINES)
    table.add_row("all", f"{sums['lines']:,}", "", "", *rates, style="bold")
    console.out.print(table)


def costs(engines: Engines, cache: Path) -> None:
    """Whole scans; the share of an engine is part of the first number, the rest is the scanner's own."""
    numbers = ("files", "MB", "lines", "CPU seconds", "semgrep", "bandit", "peak MB", "findings")
    table = report.table("tree", "SCAN_TYPE", *numbers, numbers=numbers)
    for tree in speed.TREES:
        wanted = [one for one in model.popular() if not tree.projects or one.project in tree.projects]
        folders = [folder for one in wanted if (folder := have(one, cache))]
        if len(folders) < len(wanted):
            table.add_row(tree.name, tree.scan_type, "not evaluated")
            continue
        cost = speed.measure(engines, tree, folders)
        spent = (f"{seconds:.1f}" for seconds in (cost.seconds, cost.semgrep, cost.bandit))
        sizes = (str(cost.files), f"{cost.size / 1e6:.1f}", f"{cost.lines:,}")
        table.add_row(tree.name, tree.scan_type, *sizes, *spent, f"{cost.memory / 1e6:.0f}", str(cost.findings))
    console.out.print(table)


def have(release: Release, cache: Path) -> Path | None:
    """The release's folder, fetched where it is missing; None, and why, where it cannot be had."""
    for problem in sources.fetch([release], cache):
        console.say(problem)
    return sources.unpacked(release, cache)


if __name__ == "__main__":
    main()
