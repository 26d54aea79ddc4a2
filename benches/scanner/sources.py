"""The source distributions on disk: fetched once into the user's cache, their Python files unpacked."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from galway import process
from galway.errors import MissingToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benches.scanner.model import Release

FETCH = Path(__file__).with_name("fetch.py")


def host_python() -> str:
    """A Python with pip; the project's own environment has none.

    Raises
    ------
    MissingToolError
        There is none on PATH.
    """
    for name in ("/usr/local/bin/python3", "/usr/bin/python3", *(f"python3.{minor}" for minor in (14, 13, 12, 11))):
        path = shutil.which(name)
        if path and process.run((path, "-m", "pip", "--version"), ok=None).code == 0:
            return path
    raise MissingToolError("no Python with pip was found", hint="install python3 and its pip")


def fetch(wanted: Sequence[Release], cache: Path) -> list[str]:
    """Have all of them in the cache, checked by hash; what could not be had."""
    cache.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{one.project} {one.version} {one.sha256} {one.file}\n" for one in wanted)
    done = process.run((host_python(), "-I", str(FETCH), str(cache)), stdin=[lines.encode()], ok=(0, 1))
    return [line for line in done.stderr.splitlines() if line]


def unpacked(release: Release, cache: Path) -> Path | None:
    """The folder of its Python files; None where the archive is not there."""
    archive = cache / release.file
    folder = cache / "unpacked" / release.file.removesuffix(".zip").removesuffix(".tar.gz")
    if folder.is_dir():
        return folder
    if not archive.is_file():
        return None
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    for name, data in members(archive):
        target = part / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    part.rename(folder)
    return folder


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Python files below the archive's one folder; a name that climbs out is left out."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as opened:
            for name in opened.namelist():
                if inside(name):
                    yield name.partition("/")[2], opened.read(name)
        return
    with tarfile.open(archive) as packed:
        for member in packed:
            file = packed.extractfile(member) if member.isfile() and inside(member.name) else None
            if file:
                yield member.name.partition("/")[2], file.read()


def inside(name: str) -> bool:
    """A Python file that stays in the folder."""
    parts = PurePosixPath(name).parts
    return name.endswith(".py") and len(parts) > 1 and ".." not in parts and not name.startswith("/")
