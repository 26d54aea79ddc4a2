"""Clones, builds and prints: each image cold, with nothing changed and after a one-line change, ours and the baseline.

Seconds on a shared machine mean little by themselves: ours and the specification's are taken in the same run, on the
same bases, and shown as ratios too. The engine, the bases and the tools are made before the clock starts.
"""

from __future__ import annotations

import argparse
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from benches import model, ours, specification
from galway import console, prepare, process, report
from galway.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benches.model import Row, Timing


def main() -> None:
    """Measure what the command line names, all images by default."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure builds beside the specification's.")
    parser.add_argument("-i", "--image", action="append", default=[], help="only this image; repeatable")
    names = parser.parse_args().image
    with console.edge(), tempfile.TemporaryDirectory(prefix="galway-bench-") as folder:
        here = Workspace.here()
        clone = Workspace(root=Path(folder) / "galway", cache=here.cache)
        process.run(("git", "clone", "--quiet", str(here.root), str(clone.root)))
        process.run((str(clone.root / "scripts/inv"), "engine.env"), cwd=clone.root, on_stderr=console.say)
        rows, together = measure(clone, names)
        show(rows, together)


def measure(clone: Workspace, names: Sequence[str]) -> tuple[list[Row], dict[str, Timing]]:
    """The rows of each image, and the builds of all of them in one call where no image was named."""
    plan = prepare.plan(clone, names=names, environment={"REGISTRY": ours.REGISTRY})
    request = prepare.request(clone, plan, builder=None, say=console.say)
    nonce = uuid.uuid4().hex[:8]
    (clone.root / ".galway/bench").mkdir(parents=True)
    bench = specification.Bench(root=clone.root, engine=request.engine, bases=request.bases, nonce=nonce)
    loaded = [f"{ours.REGISTRY}/baseline-{image.name}:{nonce}" for image in plan.images]
    rows: list[Row] = []
    together: dict[str, Timing] = {}
    try:
        for image in plan.images:
            rows += [*bench.measure(image.name), ours.measure(clone.root, image, nonce=nonce)]
        if not names:
            for image in plan.images:
                ours.freshen(clone.root / image.dockerfile, f"{nonce}-all")
            together["cold: every step executed"], _ = ours.build(clone.root, plan.images, "--no-cache")
            together["nothing changed"], _ = ours.build(clone.root, plan.images)
            ours.add_line(clone.root / ours.CHANGED["security-scanner"], f"{nonce}-all")
            together["one line changed"], _ = ours.build(clone.root, plan.images)
    finally:
        specification.remove(request.engine, [*loaded, *(str(image.reference) for image in plan.images)])
    return rows, together


def show(rows: Sequence[Row], together: dict[str, Timing]) -> None:
    """Print the tables."""
    table = report.table("image", "Dockerfile", *model.NUMBERS, numbers=model.NUMBERS)
    ratios = model.ratios(rows)
    for number, row in enumerate(rows):
        if isinstance(row, model.NotEvaluated):
            table.add_row(row.image, row.what, "not evaluated")
        else:
            table.add_row(*row.cells())
        if row.image in ratios and [later.image for later in rows[number + 1 : number + 2]] != [row.image]:
            table.add_row(*ratios[row.image], style="bold")
    console.out.print(table)
    for row in rows:
        if isinstance(row, model.NotEvaluated):
            console.out.print(f"{row.image}: {row.what}: not evaluated: {row.reason}", markup=False)
    if together:
        table = report.table("all images in one call", "seconds", "of cold", "cached", numbers=("seconds", "of cold"))
        cold = next(iter(together.values()))
        for name, timing in together.items():
            share = timing.seconds / cold.seconds
            table.add_row(name, f"{timing.seconds:.1f}", f"{share:.0%}", f"{timing.share:.0%}")
        console.out.print(table)


if __name__ == "__main__":
    main()
