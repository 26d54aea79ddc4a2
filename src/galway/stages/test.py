"""Tests what was built: each image and platform for structure, hardening, content and architecture, one record each."""

from __future__ import annotations

import hashlib
import os
import platform as host
import secrets
import threading
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from galway import assembly, checks, engine as engines, evidence, process, turns
from galway.checks import Check, Kind, Subject, architecture, content, hardening, leftovers, policy, structure
from galway.checks.containers import reference
from galway.errors import GalwayError, ImageTestError, MissingToolError, NotEvaluatedError
from galway.reference import Platform
from galway.tools import structure_test

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from galway.checks.target import Target
    from galway.engine import Engine
    from galway.evidence import Record, Status
    from galway.toolbox import Tool
    from galway.workspace import Workspace

STAGE = "test"
CHECKS = f"{STAGE}-checks.json"
TOOL = f"galway, {structure_test.NAME}"

KINDS: Mapping[Kind, Callable[[Subject], list[Check]]] = {
    "hardening": hardening.check,
    "structure": structure.check,
    "content": content.check,
    "architecture": architecture.check,
}
"""From what waits most to what computes most."""


def commands(wanted: Iterable[Target], *, docker: str = "docker") -> list[tuple[str, ...]]:
    """The programs that a run starts for each target, without those that look inside containers."""
    argvs: list[tuple[str, ...]] = []
    program, run = Path(structure_test.NAME), "checkout.run"
    for target in wanted:
        name = reference(target.image, target.manifest, run)
        argvs += [
            structure_test.on_archive(program, Path("image.tar"), Path("files.yaml")),
            (docker, "load"),
            structure_test.on_engine(program, name, Path("commands.yaml"), str(target.manifest.platform)),
            (docker, "image", "rm", name),
        ]
    return argvs


def mark(workspace: Workspace) -> str:
    """What this checkout's runs mark their containers with: an engine may serve many checkouts of many machines."""
    place = f"{host.node()}:{workspace.root}"
    return hashlib.sha256(place.encode()).hexdigest()[:8]


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run of tests.

    Parameters
    ----------
    engine:
        Runs containers; None where none can be had, and what needs one is not evaluated.
    sboms:
        For each image the CycloneDX file of each platform.
    tool:
        container-structure-test.
    kinds:
        What to look at; a record of fewer than all kinds says so, and never passes.
    """

    workspace: Workspace
    engine: Engine | None
    tool: Tool
    sboms: Mapping[str, Mapping[Platform, Path]]
    say: Callable[[str], None]
    kinds: tuple[Kind, ...] = tuple(KINDS)
    checkout: str = field(init=False)
    run_id: str = field(init=False)

    def __post_init__(self) -> None:
        """Name the run."""
        object.__setattr__(self, "checkout", mark(self.workspace))
        object.__setattr__(self, "run_id", f"{self.checkout}.{secrets.token_hex(4)}")

    def run(self, wanted: Sequence[Target]) -> list[Record]:
        """Look at every target in every way, images in parallel, and write the records.

        Nothing stays in the engine, however this ends; and what a killed run left is removed first.
        """
        with turns.turn(self.workspace.state / "test.lock", "another run of tests in this checkout", say=self.say):
            self._sweep(self.checkout)  # this run holds the lock: whatever bears the checkout's mark is of a dead one
            try:
                with TemporaryDirectory(prefix="galway-test-") as scratch:
                    return self._run([_Work(session=self, target=target, folder=Path(scratch)) for target in wanted])
            finally:
                self._sweep(self.run_id)

    def _run(self, works: Sequence[_Work]) -> list[Record]:
        # Hardening waits for containers that have half a core each, so there is room for more than one a core.
        pool = ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 2, thread_name_prefix="test")
        order = [(work, kind) for kind in KINDS if kind in self.kinds for work in works]
        futures: dict[Future[list[Check]], _Work] = {pool.submit(work.look, kind): work for work, kind in order}
        records: dict[_Work, Record] = {}
        left = Counter(futures.values())
        pending = set(futures)
        try:
            while pending:
                done, pending = wait(pending, timeout=1, return_when=FIRST_COMPLETED)
                for future in done:
                    work = futures[future]
                    work.found += future.result()
                    left[work] -= 1
                    if not left[work]:
                        records[work] = work.record()
        except BaseException:
            # Without its image no container starts any more, and those that run end: so do the threads.
            pool.shutdown(wait=False, cancel_futures=True)
            self._sweep(self.run_id)
            pool.shutdown(wait=True)
            raise
        pool.shutdown()
        return [records[work] for work in works]

    def _sweep(self, run: str) -> None:
        if self.engine is not None and (count := leftovers.sweep(self.engine, run)) and run == self.checkout:
            self.say(f"removed {count} containers and volumes of a run that was killed")


@dataclass(eq=False, kw_only=True)
class _Work:
    """A target while it is looked at, by several threads."""

    session: Session
    target: Target
    folder: Path
    found: list[Check] = field(default_factory=list)
    reports: dict[str, bytes] = field(default_factory=dict)
    started: str = field(default_factory=evidence.now)
    clock: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _runs: Literal["native", "emulated", "no"] | None = None

    def look(self, kind: Kind) -> list[Check]:
        """One kind of check. Where it cannot be carried out, that is the one check of its kind."""
        scratch = self.folder / f"{self.target.image.name}-{self.target.manifest.platform.slug}-{kind}"
        scratch.mkdir()
        runs = self._ready() if kind in ("structure", "hardening") else "no"
        subject = Subject(
            image=self.target.image,
            layout=self.target.layout,
            manifest=self.target.manifest,
            root=self.session.workspace.root,
            scratch=scratch,
            engine=self.session.engine,
            reference=reference(self.target.image, self.target.manifest, self.session.run_id),
            runs=runs,
        )
        try:
            found = KINDS[kind](subject)
            if kind == "architecture":
                found = [*found, *self._drift()]
        except GalwayError as error:
            found = [Check(kind=kind, name=kind, status="not_evaluated", detail=error.message, hint=error.hint)]
        with self._lock:
            self.reports |= {f"{STAGE}-{path.name}": path.read_bytes() for path in sorted(scratch.glob("*.json"))}
        counts = Counter(check.status for check in found)
        words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
        self.session.say(f"{self.target}: {kind}: {words or 'nothing to check'}")
        return found

    def record(self) -> Record:
        """Write what was found, in full and counted."""
        left = (kind for kind in KINDS if kind not in self.session.kinds)
        skipped = [Check(kind=kind, name=kind, status="skipped", detail="not asked for") for kind in left]
        ordered = sorted([*self.found, *skipped], key=lambda check: (get_args(Kind).index(check.kind), check.name))
        status, reason = checks.verdict(ordered)
        reports = {**self.reports, CHECKS: msgspec.json.format(msgspec.json.encode(ordered))}
        image, manifest, workspace = self.target.image, self.target.manifest, self.session.workspace
        record = evidence.Record(
            stage=STAGE,
            image=image.name,
            platform=manifest.platform.slug,
            digest=str(manifest.digest),
            status=status,
            reason=reason,
            tool=TOOL,
            tool_version=self.session.tool.version,
            policy=policy.of(workspace.root, image),
            started=self.started,
            seconds=round(time.monotonic() - self.clock, 3),
            measures={"checks": msgspec.to_builtins(ordered), "counts": counts(ordered)},
            artifacts=evidence.keep(workspace.evidence, image.name, manifest.platform.slug, reports),
        )
        evidence.write(workspace.evidence, record)
        return record

    def _drift(self) -> list[Check]:
        """Compare the platforms' packages; a layout of one platform has nothing to compare."""
        if len(self.target.layout.manifests()) < 2:
            return []
        return architecture.drift(self.target.image, self.session.sboms.get(self.target.image.name, {}))

    def _ready(self) -> Literal["native", "emulated", "no"]:
        """Load the platform into the engine, once; whether it runs there."""
        with self._lock:
            if self._runs is None:
                self._runs = self._load()
            return self._runs

    def _load(self) -> Literal["native", "emulated", "no"]:
        session, manifest = self.session, self.target.manifest
        engine = session.engine
        if engine is None:
            return "native" if manifest.platform == Platform.of_host() else "no"
        name = reference(self.target.image, manifest, session.run_id)
        for ok in (None, (0,)):  # containerd's garbage collector can take a blob of an import that has just begun
            chunks = assembly.archive(self.target.layout, manifest, (name,))
            if process.run((engine.docker, "load"), env=engine.env, stdin=chunks, ok=ok).code == 0:
                break
        if manifest.platform == Platform.of_host():
            return "native"
        try:
            engines.emulate(session.workspace, manifest.platform, say=session.say)
        except MissingToolError as error:
            session.say(f"{self.target}: its programs do not run here: {error.message}")
            return "no"
        return "emulated"


def known(workspace: Workspace, target: Target, tool: Tool) -> Record | None:
    """The record of exactly this manifest and policy, where everything passed and its reports are as it says."""
    record = evidence.read(workspace.evidence, target.image.name, target.manifest.platform.slug, STAGE)
    if record is None or (record.digest, record.tool_version) != (str(target.manifest.digest), tool.version):
        return None
    if record.policy != policy.of(workspace.root, target.image) or judge(workspace, record)[0] != "passed":
        return None
    return record if record.status == "passed" else None


def judge(workspace: Workspace, record: Record) -> tuple[Status, str]:
    """What the checks that a record names come to, and nothing that the record says about them."""
    content = evidence.artifact(workspace.evidence, record, CHECKS)
    if content is None:
        return "not_evaluated", f"{CHECKS} is missing or was changed after the test"
    try:
        return checks.verdict(msgspec.json.decode(content, type=list[Check]))
    except msgspec.DecodeError:
        return "not_evaluated", f"{CHECKS} cannot be read"


def counts(found: Iterable[Check]) -> dict[str, dict[str, int]]:
    """How many checks of each kind came to which status."""
    table: dict[str, dict[str, int]] = {}
    for check in found:
        row = table.setdefault(check.kind, {})
        row[check.status] = row.get(check.status, 0) + 1
    return table


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where everything passed; a failure comes before what could not be evaluated."""
    found = evidence.decisive(records)
    if found is None:
        return None
    first, message = found
    error = ImageTestError if first.status == "failed" else NotEvaluatedError
    return error(message, hint=_next(first))


def _next(record: Record) -> str:
    """What to do about the check that the record's reason names: the first failed one, or else the first not judged."""
    found = record.measures.get("checks", ())
    worst = [check for check in found if check["status"] == "failed"] or [
        check for check in found if check["status"] != "passed"
    ]
    return (worst[0]["hint"] if worst else "") or f"inv test -i {record.image} shows each check"
