"""Copies layouts to a registry with their digests unchanged, and only then moves tags to them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from galway import copying, evidence, gates, release, tagging
from galway.aliases import Moved, Mover
from galway.errors import GalwayError, NotEvaluatedError, PublishError
from galway.layout import Layout
from galway.registry import Client, DeniedError, RegistryError, Repository, is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from galway.catalog import Image
    from galway.evidence import Judges, Record
    from galway.reference import ImageRef
    from galway.release import Built, Verdict
    from galway.tagging import Ref, Tagging
    from galway.workspace import Workspace

STAGE = "publish"

TOOL = "galway"
"""What copies: see `copying`."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to publish.

    Parameters
    ----------
    images:
        Catalog images; those that the ref releases are published.
    ref:
        What they are called after.
    pinned:
        Whether the ref's commit was given; otherwise each image is called by the commit that it was built from.
    default_branch:
        What `latest` follows.
    client:
        The registry, with a login where there is one.
    stand_ins:
        Images on stand-in bases that were asked for by name.
    judges:
        For each stage a function that derives status and reason from a record's raw reports again.
    """

    images: tuple[Image, ...]
    ref: Ref
    pinned: bool
    default_branch: str
    client: Client
    stand_ins: tuple[str, ...] = ()
    judges: Judges = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Job:
    """One image on its way.

    Parameters
    ----------
    verdict:
        Whether it may be published.
    tagging:
        What it will be called.
    """

    image: Image
    ref: Ref
    layout: Layout
    built: Built
    verdict: Verdict
    tagging: Tagging

    @property
    def reference(self) -> ImageRef:
        """Its immutable name."""
        return replace(self.image.reference, tag=None, digest=self.built.digest)


def plan(workspace: Workspace, request: Request) -> tuple[Job, ...]:
    """What would be published: each layout checked to its last byte, its records judged, its tags decided.

    Raises
    ------
    BuildError
        A layout is missing or damaged.
    ConfigurationError
        The ref names no image.
    """
    jobs = [_job(workspace, request, image) for image in request.images]
    if error := tagging.refusal([job.tagging for job in jobs], request.ref):
        raise error
    return tuple(job for job in jobs if job.tagging.tags)


def run(
    workspace: Workspace, request: Request, jobs: Sequence[Job], *, advance: Callable[[int], None] = lambda _size: None
) -> list[Record]:
    """Publish: blobs, then manifests, then indexes, by digest; then, when all of that stands, tags.

    Parameters
    ----------
    advance:
        Told of bytes as they are sent.

    Returns
    -------
    list[Record]
        One per image, also of those that failed; the rest is left unevaluated when another one failed.
    """
    works = [_Work(workspace=workspace, request=request, job=job) for job in jobs]
    for work in works:
        work.attempt(work.refuse)
    if not any(work.error for work in works):
        for work in works:
            work.attempt(lambda work=work: work.copy(advance, works))  # type: ignore[misc]
    if not any(work.error for work in works):  # one failed image leaves every tag of the release where it is
        for work in works:
            work.attempt(work.tag)
            work.attempt(work.look)
    records = [work.record() for work in works]
    for record in records:
        evidence.write(workspace.evidence, record)
    return records


def rehearsal(jobs: Iterable[Job]) -> GalwayError | None:
    """What a push of these jobs would end with as far as gates decide; the registry is not asked."""
    return gates.rehearsal({job.image.name: job.verdict for job in jobs}, again="inv push")


def verdict(records: Iterable[Record]) -> GalwayError | None:
    """None where every image was published; a failure comes before what could not be evaluated."""
    seen = list(records)
    for status, kind in (("failed", PublishError), ("not_evaluated", NotEvaluatedError)):
        found = [record for record in seen if record.status == status]
        if found:
            hint = str(found[0].measures.get("hint", ""))
            others = ", ".join(record.image for record in found[1:])
            return kind(f"{found[0].image}: {found[0].reason}{others and f'; also: {others}'}", hint=hint)
    return None


def _job(workspace: Workspace, request: Request, image: Image) -> Job:
    layout = Layout(workspace.layout(image.name))
    layout.verify()
    made = release.built(layout)
    ref = request.ref
    if not request.pinned and made.revision:
        ref = replace(ref, sha=made.revision)
    ref = replace(ref, dirty=made.dirty)
    (decided,) = tagging.decide([image], ref, default_branch=request.default_branch)
    judged = gates.ask(
        workspace,
        image,
        made,
        sha=ref.sha,
        judges=request.judges,
        loopback=is_loopback(request.client.root),
        stand_in=image.name in request.stand_ins,
    )
    return Job(image=image, ref=ref, layout=layout, built=made, verdict=judged, tagging=decided)


@dataclass(kw_only=True)
class _Work:
    """One image, what became of it so far, and what went wrong."""

    workspace: Workspace
    request: Request
    job: Job
    started: str = field(default_factory=evidence.now)
    clock: float = field(default_factory=time.monotonic)
    error: GalwayError | None = None
    blobs: dict[str, int] = field(default_factory=dict)
    moved: tuple[Moved, ...] = ()
    visibility: tuple[str, str] = ("skipped", "")

    def attempt(self, step: Callable[[], None]) -> None:
        """Take a step unless an earlier one failed; every image gets as far as it can."""
        if self.error is None:
            try:
                step()
            except GalwayError as error:
                self.error = error

    def refuse(self) -> None:
        """Stop before anything is sent: records that are missing, a release that is another image already."""
        hint = f"see all of it with inv push -i {self.job.image.name} --dry"
        if error := gates.refusal(self.job.verdict, what="may not be published", hint=hint):
            raise error
        self._mover().refuse()

    def copy(self, advance: Callable[[int], None], works: Sequence[_Work]) -> None:
        """Send blobs, manifests and the index, by digest, and read the index back."""
        done = (work for work in works if work is not self and work.blobs)
        sources = tuple(work.job.image.reference.repository for work in done)
        layout = self.job.layout
        target = copying.repository(self.request.client, self.job.image, sources=sources)
        self.blobs = copying.blobs(layout, target, advance)
        copying.manifests(layout, target)
        copying.index(layout, target)

    def tag(self) -> None:
        """Move tags, the immutable ones first."""
        self.moved = self._mover().move()

    def look(self) -> None:
        """Prove the catalog's visibility by asking as the public would."""
        wanted = self.job.image.visibility
        public = Client(self.request.client.root, patience=self.request.client.patience)
        try:
            target = Repository(client=public, name=self.job.image.reference.repository)
            seen = target.document(str(self.job.built.digest)) is not None
        except DeniedError:
            seen = False
        except RegistryError as error:
            self.visibility = ("not_evaluated", f"visibility: {error.message}")
            return
        finally:
            public.close()
        if seen == (wanted == "public"):
            self.visibility = ("passed", "")
        elif seen and is_loopback(public.root):
            self.visibility = ("not_evaluated", "visibility: a registry on loopback that asks nobody for a login")
        else:
            raise PublishError(
                f"is published and tagged, but {'everybody' if seen else 'nobody without a login'} can read it, "
                f"and docker/images.toml says {wanted}",
                hint=f"set its visibility to {wanted} at {public.name} (GHCR: package settings, change visibility)",
            )

    def record(self) -> Record:
        """What became of it."""
        open_questions = [*self.job.verdict.unevaluated]
        open_questions += [moved.reason for moved in self.moved if moved.verb == "unknown"]
        if self.visibility[0] == "not_evaluated":
            open_questions.append(self.visibility[1])
        status: evidence.Status = "passed"
        reason, hint = "", ""
        if self.error is not None:
            status, reason, hint = "failed", self.error.message, self.error.hint
        elif not self.moved:
            status, reason = "not_evaluated", "copied at most, and not tagged, since another image failed"
        elif open_questions:
            more = f" (and {len(open_questions) - 1} more)" if len(open_questions) > 1 else ""
            status, reason = "not_evaluated", f"{open_questions[0]}{more}"
        return evidence.Record(
            stage=STAGE,
            image=self.job.image.name,
            platform=evidence.INDEX,
            digest=str(self.job.built.digest),
            status=status,
            reason=reason,
            tool=TOOL,
            started=self.started,
            seconds=round(time.monotonic() - self.clock, 3),
            measures={
                "reference": str(self.job.reference),
                "registry": self.request.client.name,
                "blobs": self.blobs,
                "tags": {str(moved.tag): {"result": moved.verb, "reason": moved.reason} for moved in self.moved},
                "visibility": {"wanted": self.job.image.visibility, "status": self.visibility[0]},
                "open": open_questions,
                "refusals": list(self.job.verdict.refusals),
                "hint": hint,
            },
        )

    def _mover(self) -> Mover:
        content = self.job.layout.checked(self.job.built.digest)
        target = copying.repository(self.request.client, self.job.image)
        return Mover(repository=target, content=content, built=self.job.built, tagging=self.job.tagging)
