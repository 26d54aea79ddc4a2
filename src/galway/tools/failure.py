"""Why a bake failed, as one error: the step and its image, its last lines, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway.errors import BuildError, CancelledError

if TYPE_CHECKING:
    from galway.tools.buildx import Trace

_FULL = ("no space left on device", "disk quota exceeded")
_MASKED = "unsupported diff media type"
"""What BuildKit says when its overlay differ could not write a layer, most often for want of space: it then tries one
that does not know zstd, and reports only that one's words (computeBlobChain in its cache/blobs.go)."""

_CANCELLED = "context canceled"

_NAME = 120
"""Characters of a step's name in a message: a here-document in it can be a page long."""


def explain(trace: Trace, *, destination: str, engines_disk: str) -> BuildError | CancelledError:
    """The error of a failed bake; one that only has steps that were cancelled did not fail but was interrupted.

    Parameters
    ----------
    destination:
        The folder that bake writes to, as the definition names it: it may lie on another disk than the engine's.
    engines_disk:
        How to give the engine a larger disk, as half a sentence.
    """
    step = trace.failed
    place = f" at {_name(step.name)}" if step and step.name else ""
    words = [_short(word) for word in trace.words]
    log = list(step.log) if step else []
    detail = "\n".join(line for line in (*log, *words) if line)
    target = (step.target if step else "") or "the build"
    everything = [*trace.words, *log, *([step.error] if step else [])]
    if full := next((line for line in everything if is_full(line)), None):
        if destination in full:
            return BuildError(
                f"the disk of this checkout is full: {destination} could not be written",
                hint="free some space there and build again; the steps are cached",
                detail=detail,
            )
        return engine_full(f"{target}{place}", engines_disk=engines_disk, detail=detail)
    if any(_MASKED in line for line in everything):
        return engine_full(f"{target}{place}", engines_disk=engines_disk, detail=detail, sure=False)
    # A cancelled step's exit code, 137, only says that BuildKit killed it; without a step buildx says it alone.
    if step.is_cancelled if step else any(_CANCELLED in word for word in words):
        return CancelledError(
            f"the build was interrupted{place}",
            hint="build again; the steps that were done are cached",
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


def is_full(text: str) -> bool:
    """Whether a message of a program says that a disk is full."""
    return any(sign in text.lower() for sign in _FULL)


def engine_full(what: str, *, engines_disk: str, detail: str, sure: bool = True) -> BuildError:
    """The error where the engine's disk is full, or where nothing else is likely.

    Parameters
    ----------
    what:
        The image, and what was done with it.
    """
    state = "is full" if sure else "is most likely full, a layer could not be written"
    return BuildError(
        f"the disk of the build engine {state}: {what}",
        hint=f"free some with `inv clean --cache`, or {engines_disk}, then build again",
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
