"""How a run profile becomes a container: the options of `docker run` in one place, and labelled containers."""

from __future__ import annotations

import contextlib
import io
import tarfile
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from galway import process
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from galway.catalog import Image
    from galway.catalog.model import RunProfile
    from galway.checks import Subject
    from galway.engine import Engine
    from galway.layout import Manifest

REPOSITORY = "localhost/galway"
"""Where images under test live in an engine: a name that no registry has."""

RUN, CHECKOUT = "galway.test", "galway.test.checkout"
"""Labels of everything that a run of tests makes: the run, and the checkout that it belongs to."""

_SEED = "galway-volume"
"""Where a volume is mounted while it is filled: copied as an entry of the root, its own owner is set as well."""

PATIENCE = 300.0
"""Seconds that any one docker command of a test may take."""


def options(run: RunProfile, *, root: Path, cores: int) -> tuple[str, ...]:
    """The options that make `docker run` keep a run profile (spec: container runtime configuration).

    Parameters
    ----------
    root:
        The repository: the docker command reads the seccomp profile there and sends it, also to a remote daemon.
    cores:
        Of the engine's machine, which refuses a limit above them.
    """
    return (
        *(("--read-only",) if run.read_only else ()),
        *(word for mount in run.tmpfs for word in ("--tmpfs", mount)),
        *(word for folder in run.volumes for word in ("--mount", f"type=volume,dst={folder}")),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--user", run.user),
        *(() if run.seccomp == "default" else ("--security-opt", f"seccomp={root / run.seccomp}")),
        *("--cpus", str(min(run.cpus, float(cores))), "--memory", run.memory, "--memory-swap", run.memory),
    )


def reference(image: Image, manifest: Manifest, run: str) -> str:
    """What a platform under test is called in the engine; the run makes it nobody else's.

    Parameters
    ----------
    run:
        `<checkout>.<run>`, both hexadecimal.
    """
    return f"{REPOSITORY}/{image.name}:{manifest.platform.slug}-{manifest.digest.short}-{run}"


def labels(name: str) -> tuple[str, ...]:
    """The options that label what is made for the image of this reference."""
    run = name.rpartition("-")[2]
    return ("--label", f"{RUN}={run}", "--label", f"{CHECKOUT}={run.partition('.')[0]}")


@dataclass(frozen=True)
class Containers:
    """Runs the containers of one image under test, each labelled, so that nothing of them can stay."""

    subject: Subject
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        """Take the subject's engine.

        Raises
        ------
        MissingToolError
            There is none.
        """
        if self.subject.engine is None:
            raise MissingToolError(f"no engine runs {self.subject.image.name}", hint="run `inv engine.start`")
        object.__setattr__(self, "engine", self.subject.engine)

    @cached_property
    def cores(self) -> int:
        """Of the engine's machine."""
        return int(self.docker("info", "--format", "{{.NCPU}}").stdout)

    def docker(
        self, *arguments: str, ok: tuple[int, ...] | None = (0,), stdin: Iterable[bytes] | None = None
    ) -> process.Completed:
        """Run a docker command.

        Raises
        ------
        ProcessError
            It ended with another code, or not in time.
        """
        argv = (self.engine.docker, *arguments)
        return process.run(argv, env=self.engine.env, ok=ok, stdin=stdin, timeout=PATIENCE)

    def arguments(self, run: RunProfile | None = None) -> tuple[str, ...]:
        """Labels, platform and run profile (its own by default) of a container; loopback is the only network."""
        profile = run or self.subject.image.run
        return (
            *("--pull", "never", "--platform", str(self.subject.manifest.platform), "--network", "none"),
            *labels(self.subject.reference),
            *options(profile, root=self.subject.root, cores=self.cores),
        )

    def run(
        self, *command: str, extra: tuple[str, ...] = (), run: RunProfile | None = None, entrypoint: str = ""
    ) -> process.Completed:
        """Run the image to its end, whatever its code.

        Parameters
        ----------
        extra:
            More options.
        run:
            Another profile than its own.
        entrypoint:
            Another program than its own.
        """
        program = ("--entrypoint", entrypoint) if entrypoint else ()
        argv = ("run", "--rm", *self.arguments(run), *extra, *program, self.subject.reference, *command)
        return self.docker(*argv, ok=None)

    @contextlib.contextmanager
    def started(self, *command: str, extra: tuple[str, ...] = (), entrypoint: str = "") -> Iterator[str]:
        """The image running in the background; the container's id.

        Raises
        ------
        ProcessError
            It could not be started.
        """
        program = ("--entrypoint", entrypoint) if entrypoint else ()
        argv = ("run", "--detach", *self.arguments(), *extra, *program, self.subject.reference, *command)
        name = self.docker(*argv).stdout.strip()
        try:
            yield name
        finally:
            self.docker("rm", "--force", "--volumes", name, ok=None)

    def inside(self, container: str, *command: str) -> process.Completed:
        """Run a program in a running container, whatever its code; it is confined as the container is."""
        return self.docker("exec", container, *command, ok=None)

    @contextlib.contextmanager
    def volume(self, files: Mapping[str, bytes | None]) -> Iterator[str]:
        """A volume that holds these files, owned by the profile's user; its name. Works with a remote daemon too.

        Parameters
        ----------
        files:
            Content by path; None is a folder.

        Raises
        ------
        ProcessError
            The engine refused.
        """
        name = self.docker("volume", "create", *labels(self.subject.reference)).stdout.strip()
        try:
            mount = f"type=volume,src={name},dst=/{_SEED}"
            create = ("create", "--pull", "never", "--platform", str(self.subject.manifest.platform))
            argv = (*create, *labels(self.subject.reference), "--mount", mount, self.subject.reference)
            carrier = self.docker(*argv).stdout.strip()
            try:
                self.docker("cp", "-", f"{carrier}:/", stdin=[self._tar(files)])
            finally:
                self.docker("rm", "--force", carrier, ok=None)
            yield name
        finally:
            self.docker("volume", "rm", "--force", name, ok=None)

    def _tar(self, files: Mapping[str, bytes | None]) -> bytes:
        user, group = map(int, self.subject.image.run.user.split(":"))
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for path, content in {"": None, **files}.items():
                info = tarfile.TarInfo(f"{_SEED}/{path}".rstrip("/"))
                info.uid, info.gid = user, group
                info.type, info.mode = (tarfile.DIRTYPE, 0o755) if content is None else (tarfile.REGTYPE, 0o644)
                info.size = len(content or b"")
                archive.addfile(info, io.BytesIO(content or b""))
        return stream.getvalue()
