"""Reads and checks the table of images: whatever is wrong with it is one error that names the key."""

from __future__ import annotations

import difflib
import re
import tomllib
from datetime import datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

import msgspec

from galway.catalog.model import FILE, Catalog, Image, RunProfile, nearest
from galway.errors import ConfigurationError
from galway.reference import ImageRef, Platform, Tag

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_BASE_ARGUMENT = re.compile(r"^ARG\s+(?P<name>\w+_BASE)=(?P<reference>\S+)", re.MULTILINE)
_GLOB = re.compile(r"/?[^/]*[*?\[]")
_MEMORY = re.compile(r"[1-9][0-9]*[kmg]")
_UNKNOWN_KEY = re.compile(r"unknown field `(?P<key>[^`]*)`")
_WHERE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")


class _ImageTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    repository: str
    version: str
    title: str
    description: str
    dockerfile: str
    context: str
    platforms: tuple[str, ...]
    size_budget_mb: float
    structure_test: str
    visibility: Literal["public", "private"]
    run: RunProfile
    needs: tuple[str, ...] = ()
    parts: dict[str, tuple[str, ...]] = {}


class _CatalogTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    registry: str
    vendor: str
    source: str
    licenses: str
    file_time: datetime
    images: dict[str, _ImageTable]


_STRUCTS: dict[str, type[msgspec.Struct]] = {"": _CatalogTable, "images": _ImageTable, "run": RunProfile}


def load(root: Path, *, registry: str | None = None, version: str | None = None) -> Catalog:
    """Read and check the catalog.

    Parameters
    ----------
    root:
        The repository.
    registry:
        Replaces the catalog's registry (`REGISTRY`).
    version:
        Replaces every image's version (`VERSION`, for a build of one image).

    Raises
    ------
    ConfigurationError
        Anything wrong with the table; the message names the file and the key, the hint the nearest valid one.
    """
    table = _read(root / FILE)
    images = {
        name: _image(root, table, name, entry, registry=registry, version=version)
        for name, entry in table.images.items()
    }
    _refuse_duplicates(images.values())
    ordered = tuple(images[name] for name in _order(table))
    return Catalog(
        vendor=table.vendor, source=table.source, licenses=table.licenses, file_time=table.file_time, images=ordered
    )


def _read(path: Path) -> _CatalogTable:
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{FILE} is not valid TOML: {error}") from error
    try:
        return msgspec.convert(raw, _CatalogTable, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(str(error), raw) from error


def _explain(message: str, raw: dict[str, object]) -> ConfigurationError:
    """Turn msgspec's message into one that names the key as the file writes it."""
    where = _WHERE.search(message)
    path = where["path"] if where else ""
    text = _WHERE.sub("", message)
    if "[...]" in path:  # msgspec leaves out which image it was: look for it
        path = path.replace("[...]", f".{_culprit(raw)}")
    path = path.replace("..", ".").strip(".")
    unknown = _UNKNOWN_KEY.search(text)
    if unknown is None:
        return ConfigurationError(f"{FILE}: {path or 'top level'}: {text}", hint="")
    parts = path.split(".")
    struct = _STRUCTS["run" if parts[-1] == "run" else "images" if len(parts) > 1 else ""]
    key = unknown["key"]
    fields = [field.encode_name for field in msgspec.structs.fields(struct)]
    return ConfigurationError(f"{FILE}: {path or 'top level'}: unknown key {key!r}", hint=nearest(key, fields))


def _culprit(raw: dict[str, object]) -> str:
    images = raw.get("images")
    for name, entry in images.items() if isinstance(images, dict) else ():
        try:
            msgspec.convert(entry, _ImageTable, strict=True)
        except msgspec.ValidationError:
            return str(name)
    return "?"


def _image(
    root: Path, table: _CatalogTable, name: str, entry: _ImageTable, *, registry: str | None, version: str | None
) -> Image:
    key = f"{FILE}: images.{name}"
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{key}: not a valid name", hint="use lower-case letters, digits and single dashes")
    wanted = version or entry.version
    try:
        tag = str(Tag.parse(wanted))
        reference = ImageRef.parse(f"{registry or table.registry}/{entry.repository}:{tag}")
        platforms = tuple(Platform.parse(text) for text in entry.platforms)
    except ConfigurationError as error:
        raise ConfigurationError(f"{key}: {error.message}", hint=error.hint) from error
    if not platforms or len(set(platforms)) != len(platforms):
        raise ConfigurationError(
            f"{key}.platforms: must name each platform once", hint='for instance ["amd64", "arm64"]'
        )
    if entry.size_budget_mb <= 0:
        raise ConfigurationError(f"{key}.size_budget_mb: must be above 0")
    _check_run(key, entry.run)
    for field in ("dockerfile", "structure_test"):
        _require(root, f"{key}.{field}", getattr(entry, field), folder=False)
    _require(root, f"{key}.context", entry.context, folder=True)
    if entry.run.seccomp != "default":
        _require(root, f"{key}.run.seccomp", entry.run.seccomp, folder=False)
    dockerfile = (root / entry.dockerfile).read_text(encoding="utf-8")
    return Image(
        name=name,
        reference=reference,
        version=wanted,
        title=entry.title,
        description=entry.description,
        dockerfile=entry.dockerfile,
        context=entry.context,
        platforms=platforms,
        size_budget=int(entry.size_budget_mb * 1_000_000),
        structure_test=entry.structure_test,
        visibility=entry.visibility,
        run=entry.run,
        needs=entry.needs,
        parts=tuple(entry.parts.items()),
        bases=tuple((m["name"], m["reference"]) for m in _BASE_ARGUMENT.finditer(dockerfile)),
        sources=_sources(root, entry),
    )


def _sources(root: Path, entry: _ImageTable) -> tuple[str, ...]:
    """What an image is made from; the whole context where its ignore file is no allow-list.

    BuildKit reads `<Dockerfile>.dockerignore` first, then the context's `.dockerignore`.
    """
    context = PurePosixPath(entry.context)
    candidates = (f"{entry.dockerfile}.dockerignore", str(context / ".dockerignore"))
    ignore = next((name for name in candidates if (root / name).is_file()), None)
    lines = (root / ignore).read_text(encoding="utf-8").split() if ignore else []
    allowed = [line[1:] for line in lines if line.startswith("!")]
    if ignore is None or lines.count("*") + lines.count("**") == 0:
        return (entry.dockerfile, entry.context)
    found = {str(context / _GLOB.split(path.lstrip("/"), maxsplit=1)[0]) for path in allowed}
    return tuple(sorted({entry.dockerfile, ignore, *found}))


def _check_run(key: str, run: RunProfile) -> None:
    if not re.fullmatch(r"[1-9][0-9]*:[1-9][0-9]*", run.user):
        raise ConfigurationError(
            f"{key}.run.user: {run.user!r} is not a numeric user and group", hint="for instance 1000:1000"
        )
    if not _MEMORY.fullmatch(run.memory):
        raise ConfigurationError(f"{key}.run.memory: {run.memory!r} is not a size", hint="for instance 512m")
    if run.cpus <= 0:
        raise ConfigurationError(f"{key}.run.cpus: must be above 0")
    if any(not 1024 < port < 65536 for port in run.ports):
        raise ConfigurationError(f"{key}.run.ports: must be above 1024, since the images run without capabilities")


def _require(root: Path, key: str, value: str, *, folder: bool) -> None:
    path = root / value
    if path.is_dir() if folder else path.is_file():
        return
    parent = path.parent
    siblings = [p.name for p in parent.iterdir() if p.is_dir() == folder] if parent.is_dir() else []
    close = difflib.get_close_matches(path.name, siblings, n=1)
    hint = f"did you mean {(parent / close[0]).relative_to(root)}?" if close else "paths are relative to the repository"
    raise ConfigurationError(f"{key}: no such {'folder' if folder else 'file'}: {value}", hint=hint)


def _refuse_duplicates(images: Iterable[Image]) -> None:
    seen: dict[str, str] = {}
    for image in images:
        other = seen.setdefault(image.reference.name, image.name)
        if other != image.name:
            raise ConfigurationError(
                f"{FILE}: images.{image.name}.repository: {image.reference.name} is already images.{other}",
                hint="give each image a repository of its own",
            )


def _order(table: _CatalogTable) -> list[str]:
    for name, entry in table.images.items():
        for need in entry.needs:
            if need not in table.images:
                raise ConfigurationError(
                    f"{FILE}: images.{name}.needs: unknown image {need!r}", hint=nearest(need, table.images)
                )
    try:
        return list(TopologicalSorter({name: entry.needs for name, entry in table.images.items()}).static_order())
    except CycleError as error:
        raise ConfigurationError(
            f"{FILE}: images need each other in a circle: {' -> '.join(error.args[1])}",
            hint="remove one of these `needs`",
        ) from error
