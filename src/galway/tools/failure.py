"""Why a bake failed, as one error: the step and its image, its last lines, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.errors import BuildError

if TYPE_CHECKING:
    from galway.tools.buildx import Trace

_FULL = ("no space left on device", "disk quota exceeded")
_NAME = 120
"""Characters of a step's name in a message: a here-document in it can be a page long."""


def explain(trace: Trace, *, destination: str, engines_disk: str) -> BuildError:
    """The error of a failed bake.

    Parameters
    ----------
    destination:
        The folder that bake writes to, as the definition names it: it may lie on another disk than the engine's.
    engines_disk:
        How to give the engine a larger disk, as half a sentence.
    """
    step = trace.failed
    words = [_short(word) for word in trace.words]
    log = list(step.log) if step else []
    detail = "\n".join(line for line in (*log, *words) if line)
    target = (step.target if step else "") or "the build"
    place = f" at {_name(step.name)}" if step and step.name else ""
    everything = [*trace.words, *log, *([step.error] if step else [])]
    if full := next((line for line in everything if any(sign in line.lower() for sign in _FULL)), None):
        if destination in full:
            return BuildError(
                f"the disk of this checkout is full: {destination} could not be written",
                hint="free some space there and build again; the steps are cached",
                detail=detail,
            )
        return BuildError(
            f"the disk of the build engine is full: {target}{place}",
            hint=f"free some with `inv clean --cache`, or {engines_disk}, then build again",
            detail=detail,
        )
    if step is None:
        return BuildError(
            f"the build did not run: {words[-1] if words else 'buildx ended without a word'}",
            hint="see whether the engine answers: inv engine",
            detail="\n".join(words[:-1]),
        )
    return BuildError(
        f"{target} failed{place}: {_cause(step.error)}",
        hint="mend that line of the Dockerfile and build again; the steps before it are cached",
        detail=detail,
    )


def _name(name: str) -> str:
    words = " ".join(name.split())
    return words if len(words) <= _NAME else f"{words[: _NAME - 2]} …"


def _short(word: str) -> str:
    """A line of buildx; its last one is an error that ends with the cause and repeats all before it."""
    return _cause(word.removeprefix("ERROR: ")) if word.startswith("ERROR: ") else word


def _cause(error: str) -> str:
    """The end of BuildKit's words: they repeat the whole script of the step before they say how it ended."""
    last = error.strip().splitlines()[-1] if error.strip() else ""
    return last.rpartition(" did not complete successfully: ")[2]
