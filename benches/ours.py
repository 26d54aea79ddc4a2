"""Builds this project's images as a person would, in a clone, and reads the records."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

from benches.model import OURS, Measured, Size, Timing
from galway import console, process

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.catalog import Image

REGISTRY = "localhost/galway-bench"
"""Registry in the names of what is measured, so that a person's own images stay as they are."""

CHANGED = {
    "security-scanner": "scripts/security/cli.py",
    "ci": "docker/requirements/ci.txt",  # it holds no source of ours: the list of its tools is the nearest
    "agent-updates-collector": "src/agent-updates-collector/src/main.rs",
}
"""The file of each image that gets one more line, a comment."""

_CACHE = re.compile(r"--mount=type=cache,id=")
_RUN = re.compile(r"^RUN (?=--mount=)", re.MULTILINE)


def measure(root: Path, image: Image, *, nonce: str) -> Measured:
    """The three builds of one image, one after the other.

    Parameters
    ----------
    root:
        A clone, which is changed.
    nonce:
        Makes this run's cache mounts and changed lines new to the builder.

    Raises
    ------
    BuildError, ProcessError
        A build failed.
    """
    freshen(root / image.dockerfile, nonce)
    cold, _ = build(root, (image,), "--no-cache")
    unchanged, _ = build(root, (image,))
    add_line(root / CHANGED[image.name], nonce)
    changed, records = build(root, (image,))
    return Measured(
        image=image.name, what=OURS, cold=cold, unchanged=unchanged, changed=changed, size=_size(records[0]["measures"])
    )


def build(root: Path, images: Sequence[Image], *options: str) -> tuple[Timing, list[dict[str, Any]]]:
    """One build with `inv build` for the host's platform, and its records."""
    names = [word for image in images for word in ("-i", image.name)]
    begun = time.monotonic()
    argv = (str(root / "scripts/inv"), "build", "--json", *names, *options)
    done = process.run(argv, cwd=root, env={"REGISTRY": REGISTRY}, on_stderr=console.say)
    seconds = time.monotonic() - begun
    records = json.loads(done.stdout)
    timing = Timing(
        seconds=seconds,
        steps=sum(record["measures"]["steps"] for record in records),
        cached=sum(record["measures"]["steps_cached"] for record in records),
    )
    return timing, records


def freshen(dockerfile: Path, nonce: str) -> None:
    """Make a Dockerfile's steps new to the builder.

    `--no-cache` alone uses what an earlier build left in the cache mounts, so they get names of this run. BuildKit also
    joins a step to an equal one that somebody else's build executes just then; an empty mount makes it another step.
    """
    text = _CACHE.sub(rf"\g<0>bench-{nonce}-", dockerfile.read_text(encoding="utf-8"))
    text = _RUN.sub(rf"\g<0>--mount=type=tmpfs,target=/run/galway-bench-{nonce} ", text)
    dockerfile.write_text(text, encoding="utf-8")


def add_line(file: Path, nonce: str) -> None:
    """Change a source file by one line that nobody built before."""
    mark = "//" if file.suffix == ".rs" else "#"
    with file.open("a", encoding="utf-8") as stream:
        stream.write(f"{mark} {nonce}\n")


def _size(measures: dict[str, Any]) -> Size:
    return Size(compressed=measures["compressed"], unpacked=measures["unpacked"], layers=len(measures["layers"]))
