"""Runs an image under its own run profile and proves each promise of the profile from inside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from galway.checks import Check, confinement, jobs
from galway.checks.containers import Containers
from galway.errors import GalwayError
from galway.process import ProcessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from galway.checks import Subject
    from galway.evidence import Status

HEALTH_SECONDS = 180.0
"""How long a container may take to turn healthy; on a fifth of a core of a busy machine its check is slow."""

SOON = ("--health-interval", "1s", "--health-start-period", "1ms", "--health-timeout", "150s")
"""Only when the check runs is changed, not what it does: a batch image's interval is minutes, and a busy machine is no
fault of the image."""

TRICKLE = "0.02"
"""Cores that a process is held to where the machine is too busy for it to reach the profile's limit."""

HUNGRY = "512m"
"""The largest limit that is tried out by taking more: a CI machine may not have the 4 GB of another profile."""

FORBIDDEN = {
    "unshare": (("unshare", "--user", "true"), "a user namespace"),
    "personality": (("setarch", "--uname-2.6", "true"), "another personality, which Docker's default profile allows"),
}
"""Programs of util-linux, essential in Debian and Ubuntu, that make a call which the seccomp profile forbids."""


_ENGINE, _NOT_EXECUTABLE, _NOT_FOUND = 125, 126, 127
"""Exit codes of `docker run` and `docker exec`: the engine's own fault, or the program could not be started."""


def check(subject: Subject) -> list[Check]:
    """Prove the run profile; one check that says why where it would prove nothing."""
    if subject.runs != "native" or subject.engine is None:
        elsewhere = f"run the same test on a machine of {subject.manifest.platform}"
        why = {
            "emulated": ("under emulation the proof would be of the emulator", elsewhere),
            "no": ("its programs do not run here", elsewhere),
            "native": ("no engine answers", "run `inv engine.start`"),
        }[subject.runs]
        return [Check(kind="hardening", name="run profile", status="not_evaluated", detail=why[0], hint=why[1])]
    containers = Containers(subject)
    checks = []
    for prove in (_service, _memory, _job):
        checks += list(prove(containers))
    return checks


def _service(containers: Containers) -> Iterator[Check]:
    """One container for all that can be seen inside one: a service runs what it is for, a batch image waits."""
    run = containers.subject.image.run
    entrypoint, command = ("", ()) if run.ports else ("sleep", ("infinity",))
    try:
        with containers.started(*command, extra=SOON, entrypoint=entrypoint) as container:
            yield from _inside(containers, container)
            yield _health(containers, container)
            if run.ports:
                yield from _job(containers, container)
    except ProcessError as error:
        engines = error.completed.code == _ENGINE
        status: Status = "not_evaluated" if engines else "failed"
        hint = "see whether the engine is whole: docker run it by hand" if engines else "run it with its run profile"
        yield _made("starts", status, _last(error.detail), hint)


def _inside(containers: Containers, container: str) -> Iterator[Check]:
    seen = containers.inside(container, "sh", "-c", confinement.SCRIPT, "sh", *confinement.FILES)
    if seen.code != 0:
        yield _made("run profile", "not_evaluated", _last(seen.tail), "a shell in the image is needed to look inside")
        return
    run = containers.subject.image.run
    found = confinement.parse(seen.stdout)
    if run.cpus < 1 and not found.throttled():
        containers.docker("update", "--cpus", TRICKLE, container, ok=None)
        again = containers.inside(container, "sh", "-c", confinement.SCRIPT, "sh", *confinement.THROTTLED)
        containers.docker("update", "--cpus", str(run.cpus), container, ok=None)
        found = confinement.Seen(files={**found.files, **confinement.parse(again.stdout).files})
    yield from confinement.judge(found, run, cores=containers.cores)
    yield from (_executes(containers, container, mount) for mount in run.tmpfs)
    if run.seccomp != "default":
        yield from (_forbidden(containers, container, name) for name in FORBIDDEN)


def _executes(containers: Containers, container: str, mount: str) -> Check:
    """Try to run a program from a tmpfs."""
    folder, _, flags = mount.partition(":")
    program, name = f"{folder}/galway-true", f"programs in {folder}"
    copied = containers.inside(container, "cp", "/bin/true", program)
    if copied.code != 0:
        return _made(name, "failed", _last(copied.tail), f"{folder} must be writable for the image's user")
    done = containers.inside(container, program)
    wanted = "noexec" not in flags
    return _made(name, (done.code == 0) == wanted, "run" if done.code == 0 else "refused", f"mount {folder} as {flags}")


def _forbidden(containers: Containers, container: str, name: str) -> Check:
    """Make a forbidden call."""
    argv, what = FORBIDDEN[name]
    title = f"forbidden call {name}"
    done = containers.inside(container, *argv)
    if done.code in (_NOT_EXECUTABLE, _NOT_FOUND):
        return _made(title, "not_evaluated", f"{argv[0]} is not in the image", "choose another program that makes it")
    refused = done.code != 0 and "not permitted" in done.stderr
    return _made(title, refused, _last(done.tail) if done.code else f"it got {what}", "run it with its seccomp profile")


def _health(containers: Containers, container: str) -> Check:
    """Wait until the container is healthy."""
    deadline = time.monotonic() + HEALTH_SECONDS
    state: dict[str, Any] = {}
    hint = "run the HEALTHCHECK's command in the container and see what it says"
    while time.monotonic() < deadline:
        found = containers.docker("inspect", "--format", "{{json .State}}", container).stdout
        state = msgspec.json.decode(found)
        health = state.get("Health") or {}
        if health.get("Status", "none") in ("none", ""):
            return _made("health", "failed", "the image has no HEALTHCHECK", "add one to its Dockerfile")
        said = str(health["Log"][-1].get("Output", "")).strip() if health.get("Log") else ""
        if health["Status"] == "healthy":
            return _made("health", "passed", _last(said), "")
        if health["Status"] == "unhealthy":
            return _made("health", "failed", f"unhealthy: {_last(said)}", hint)
        if not state.get("Running"):
            log = containers.docker("logs", "--tail", "5", container, ok=None).tail
            return _made("health", "failed", f"it ended with code {state.get('ExitCode')}: {_last(log)}", hint)
        time.sleep(0.3)
    return _made("health", "failed", f"not healthy after {HEALTH_SECONDS:.0f} s", hint)


def _memory(containers: Containers) -> Iterator[Check]:
    """Take half as much again as the limit: the kernel must kill the process. More than that is never taken."""
    run = containers.subject.image.run
    limit = min(confinement.size(run.memory), confinement.size(HUNGRY))
    lowered = msgspec.structs.replace(run, memory=f"{limit >> 20}m")
    arguments = containers.arguments(lowered)
    block = f"bs={limit * 3 // 2}"
    program = ("--entrypoint", "dd", containers.subject.reference, "if=/dev/zero", "of=/dev/null", "count=1", block)
    try:
        name = containers.docker("create", *arguments, *program).stdout.strip()
        try:
            containers.docker("start", "--attach", name, ok=None)
            state = msgspec.json.decode(containers.docker("inspect", "--format", "{{json .State}}", name).stdout)
        finally:
            containers.docker("rm", "--force", "--volumes", name, ok=None)
    except ProcessError as error:
        yield _made("memory limit enforced", "not_evaluated", _last(error.detail), "see whether the engine answers")
        return
    if state.get("Error"):
        yield _made("memory limit enforced", "not_evaluated", _last(state["Error"]), "see whether the engine is whole")
        return
    killed = state["OOMKilled"] or state["ExitCode"] == 137
    ended = "killed" if killed else f"ended with code {state['ExitCode']}"
    detail = f"a process that took {limit * 3 // 2 >> 20} MiB of {limit >> 20} was {ended}"
    yield _made("memory limit enforced", killed, detail, "see the engine's cgroups: docker info")


def _job(containers: Containers, container: str = "") -> Iterator[Check]:
    """The image's main job, under the profile; a service's in the container that runs already."""
    image = containers.subject.image
    if bool(image.run.ports) != bool(container):
        return
    job: Callable[[Containers, str], str] | None = jobs.JOBS.get(image.name)
    if job is None:
        yield _made("main job", "not_evaluated", f"nobody says what {image.name} is for", "add it to checks/jobs.py")
        return
    try:
        yield _made("main job", "passed", job(containers, container), "")
    except jobs.JobFailedError as error:
        yield _made("main job", "failed", error.message, "run it by hand under its profile; see docker/images.toml")
    except GalwayError as error:
        yield _made("main job", "failed", _last(error.detail or error.message), "see whether the engine answers")


def _made(name: str, status: Status | bool, detail: str, hint: str) -> Check:
    word: Status = status if isinstance(status, str) else "passed" if status else "failed"
    return Check(kind="hardening", name=name, status=word, detail=detail, hint="" if word == "passed" else hint)


def _last(text: str) -> str:
    """The last line of what a program said."""
    return text.strip().splitlines()[-1].strip() if text.strip() else "it said nothing"
