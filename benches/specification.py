"""Builds the specification's Dockerfiles as they are written; where they cannot be, with the smallest change."""

from __future__ import annotations

import json
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benches import site
from benches.model import Measured, NotEvaluated, Size, Timing
from benches.ours import REGISTRY, add_line
from galway import console, process
from galway.errors import BuildError, ConfigurationError
from galway.filesystem import flatten
from galway.layout import Layout
from galway.reference import Platform
from galway.tools import buildx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benches.model import Row
    from galway.bases import Base
    from galway.engine import Engine
    from galway.tools.buildx import Step, Trace

FOLDER = Path(__file__).parent / "baseline"
_FULLEST = 90
"""Characters of a failed step's name; an instruction may be a program of many lines."""


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to build a Dockerfile of the specification; `baseline/variants.toml` explains the fields."""

    image: str
    what: str
    context: str
    bases: dict[str, str]
    changed: str | tuple[str, str]
    holds: tuple[str, ...] = ()
    edits: tuple[tuple[str, str], ...] = ()
    sketch: str = ""

    @property
    def name(self) -> str:
        """The row's name."""
        return f"specification, {self.what}"

    def dockerfile(self) -> str:
        """The specification's text with the variant's edits.

        Raises
        ------
        ConfigurationError
            What an edit replaces is not in it.
        """
        text = (FOLDER / f"Dockerfile.{self.image}").read_text(encoding="utf-8")
        for old, new in self.edits:
            text = replaced(text, old, new)
        return text

    def dockerfile_changed(self, nonce: str) -> str:
        """The text after the one-line change, where that is in the Dockerfile itself."""
        if isinstance(self.changed, str):
            return self.dockerfile()
        old, new = self.changed
        return replaced(self.dockerfile(), old, new.format(nonce=nonce))


def variants() -> tuple[Variant, ...]:
    """All variants, in the order in which they are tried."""
    table = tomllib.loads((FOLDER / "variants.toml").read_text(encoding="utf-8"))
    return tuple(msgspec.convert(entry, Variant, strict=True) for entry in table["variants"])


def replaced(text: str, old: str, new: str) -> str:
    """The text with the one place changed.

    Raises
    ------
    ConfigurationError
        There is no such place, or there are several.
    """
    if text.count(old) != 1:
        raise ConfigurationError(
            f"benches/baseline/variants.toml: {old!r} stands {text.count(old)} times in the Dockerfile",
            hint="compare it with benches/baseline",
        )
    return text.replace(old, new)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where baselines are built.

    Parameters
    ----------
    root:
        A clone of this repository, which is changed.
    engine:
        What builds.
    bases:
        Resolved base images by Dockerfile argument.
    nonce:
        Makes this run's images and changed lines new to the builder.
    """

    root: Path
    engine: Engine
    bases: Mapping[str, Base]
    nonce: str

    def measure(self, image: str) -> Iterator[Row]:
        """A row for each variant that was tried, until one was built."""
        for variant in variants():
            if variant.image == image:
                row = self._row(variant)
                yield row
                if isinstance(row, Measured):
                    return

    def _row(self, variant: Variant) -> Row:
        def failed(reason: str) -> NotEvaluated:
            return NotEvaluated(image=variant.image, what=variant.name, reason=reason)

        if variant.sketch:
            return failed(variant.sketch)
        text = variant.dockerfile()
        try:
            cold = self._build(variant, text, cold=True)
            size, missing = self._inspect(variant, text)
            if missing:
                return failed(f"its build passes, but leaves no /{missing[0]}")
            unchanged = self._build(variant, text)
            if isinstance(variant.changed, str):
                add_line(self.root / variant.changed, f"{self.nonce} {variant.what}")
            changed = self._build(variant, variant.dockerfile_changed(self.nonce))
        except BuildError as error:
            return failed(error.message)
        return Measured(
            image=variant.image, what=variant.name, cold=cold, unchanged=unchanged, changed=changed, size=size
        )

    def _build(self, variant: Variant, text: str, *, cold: bool = False) -> Timing:
        """Build and load into the engine, as `docker build` does."""
        output = {"output": ["type=docker"], "tags": [f"{REGISTRY}/baseline-{variant.image}:{self.nonce}"]}
        return self._bake(variant, text, {**output, **({"no-cache": True} if cold else {})})

    def _inspect(self, variant: Variant, text: str) -> tuple[Size, list[str]]:
        """Sizes without the site's layer, and those of the files that must be there which are not."""
        folder = Path(".galway/bench/layout")
        shutil.rmtree(self.root / folder, ignore_errors=True)
        self._bake(variant, text, {"output": [f"type=oci,dest={folder},tar=false"]})
        layout = Layout(self.root / folder)
        manifest = next(m for m in layout.manifests() if m.platform == Platform.of_host())
        layers = [layer for layer in manifest.layers if site.MARK not in layer.instruction]
        present = flatten(layout, manifest).entries
        missing = [path for path in variant.holds if path not in present]
        size = Size(
            compressed=sum(layer.size for layer in layers),
            unpacked=sum(layout.unpacked_size(layer) for layer in layers),
            layers=len(layers),
        )
        shutil.rmtree(self.root / folder)
        return size, missing

    def _bake(self, variant: Variant, text: str, options: dict[str, Any]) -> Timing:
        targets: dict[str, dict[str, Any]] = {}
        for argument in variant.bases.values():
            context = Path(".galway/bench") / argument
            shutil.rmtree(self.root / context, ignore_errors=True)
            targets[argument.lower()] = site.target(self.bases[argument], self.root / context) | {
                "context": str(context)
            }
        targets[variant.image] = {
            "context": variant.context,
            "contexts": {reference: f"target:{argument.lower()}" for reference, argument in variant.bases.items()},
            "dockerfile-inline": text,
            "attest": ["type=provenance,disabled=true"],
            **options,
        }
        definition = {"group": {"default": {"targets": [variant.image]}}, "target": targets}
        file = Path(".galway/bench/bake.json")
        (self.root / file).write_text(json.dumps(definition, indent=2), encoding="utf-8")
        trace = buildx.Trace(list(targets))

        def feed(line: str) -> None:
            for step in trace.feed(line):
                if step.seconds is not None and not step.cached and _counts(step):
                    console.say(f"{step.seconds:7.1f} s  {step.name.splitlines()[0][:120]}")

        argv = buildx.bake(
            self.engine.docker, file, metadata=file.with_name("metadata.json"), builder=self.engine.builder
        )
        env = {**self.engine.env, "TMPDIR": str(self.root)}  # buildx leaves inline Dockerfiles behind
        done = process.run(argv, env=env, cwd=self.root, ok=None, on_stderr=feed)
        if done.code != 0:
            raise BuildError(_reason(trace))
        steps = [step for step in trace.instructions if step.target == variant.image and _counts(step)]
        return Timing(seconds=done.seconds, steps=len(steps), cached=sum(step.cached for step in steps))


def _counts(step: Step) -> bool:
    """Whether a step is an instruction of the specification's; BuildKit shows those of the bases below it too."""
    return step.is_instruction and site.MARK not in step.name


def _reason(trace: Trace) -> str:
    """Why a build failed, in one line: the step and the last that it said, or BuildKit's own words."""
    step = trace.failed
    if step is None or not step.log:
        words = [word for word in trace.words if word.startswith("ERROR: ")] or trace.words or ["buildx said nothing"]
        return words[0].removeprefix("ERROR: ")
    return f"{' '.join(step.name.split())[:_FULLEST]}: {step.log[-1].strip()}"


def remove(engine: Engine, references: Sequence[str]) -> None:
    """Take measured images out of the engine; those that are not there do no harm."""
    process.run((engine.docker, "image", "rm", "--force", *references), env=engine.env, ok=None)
