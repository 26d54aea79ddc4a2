"""Whether an image is of the platform that its manifest names, and whether its platforms hold the same software."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from galway import bom, filesystem
from galway.bom import difference, expectations
from galway.checks import Check
from galway.errors import ConfigurationError
from galway.filesystem import shown
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from galway.bom import Bom
    from galway.bom.expectations import Differs
    from galway.catalog import Image
    from galway.checks import Subject
    from galway.evidence import Status
    from galway.reference import Platform

MAGIC = b"\x7fELF"
_HEADER = 64
"""Bytes of the 64-bit ELF header, the longer of the two (System V gABI, chapter 4)."""

_NAMED = 5
"""So many files or packages are named in a line; the others are counted."""


@dataclass(frozen=True)
class Machine:
    """What an ELF header says of the machine that a file is for."""

    name: str
    bits: int
    little_endian: bool

    def __str__(self) -> str:
        return f"{self.name.removeprefix('EM_')} {self.bits}-bit {'little' if self.little_endian else 'big'}-endian"


MACHINES = {"amd64": Machine("EM_X86_64", 64, True), "arm64": Machine("EM_AARCH64", 64, True)}
"""What the files of each architecture must be for."""


def machine(start: bytes) -> Machine | None:
    """What the first bytes of a file say; None where it is no ELF file.

    Raises
    ------
    ELFError
        It begins as an ELF file and is none that could be judged.
    """
    if not start.startswith(MAGIC):
        return None
    try:
        header = ELFFile(io.BytesIO(start[:_HEADER]))
    except (ELFError, ValueError) as error:
        raise ELFError(str(error) or type(error).__name__) from error
    return Machine(str(header["e_machine"]), header.elfclass, header.little_endian)


def check(subject: Subject) -> list[Check]:
    """Every ELF file is for the manifest's platform; the layout's reader has proved that index and configuration agree.

    Programs, libraries and object files count, in every layer, also where a later one hides them. Nothing is excused:
    a foreign one is dead weight at best. Archives (`.a`) are for linkers, and Windows' and macOS' formats are never
    taken for Linux programs: neither is looked at.

    Raises
    ------
    BuildError
        A layer is damaged.
    """
    return [_programs(subject)]


def drift(image: Image, sboms: Mapping[Platform, Path], *, root: Path = REPOSITORY) -> list[Check]:
    """Each platform holds the same packages in the same versions; one check per kind of package.

    Debian's count of rebuilds is left out (`difference.source_version`), and so are packages that `docker/sbom.toml`
    excuses with a reason.

    Parameters
    ----------
    sboms:
        CycloneDX or SPDX files by platform.
    root:
        The repository, which has the table of excuses.
    """
    if len(sboms) < 2:
        have = ", ".join(map(str, sboms)) or "no platform"
        return [
            _check(
                "drift",
                "not_evaluated",
                f"only the SBOM of {have} is there",
                f"inv sbom -i {image.name} --platform all",
            )
        ]
    try:
        excuses = [entry for entry in expectations.load(root).differs if entry.image == image.name]
        boms = {platform: bom.read(path.read_bytes(), source=str(path)) for platform, path in sorted(sboms.items())}
    except (ConfigurationError, OSError) as error:
        return [_check("drift", "not_evaluated", str(error), f"inv sbom -i {image.name} --platform all")]
    kinds = sorted({kind for found in boms.values() for kind in found.counts})
    if not kinds:
        return [_check("drift", "not_evaluated", "the SBOMs name no package", f"inv sbom -i {image.name}")]
    return [_drift(kind, boms, excuses) for kind in kinds]


def _programs(subject: Subject) -> Check:
    wanted = MACHINES[subject.manifest.platform.architecture]
    foreign: list[str] = []
    count = 0
    for entry, chunks in filesystem.walk(subject.layout, subject.manifest):
        if entry.kind != "file":
            continue
        try:
            found = machine(next(iter(chunks), b""))
        except ELFError as error:
            foreign.append(f"/{shown(entry.path)} is a broken ELF file ({error})")
            continue
        if found is None:
            continue
        count += 1
        if found != wanted:
            foreign.append(f"/{shown(entry.path)} is for {found}")
    if foreign:
        hint = "find the step that put it there with `inv inspect`, and take it from a stage of the target's platform"
        return _check("programs", "failed", f"{_some(foreign)}; the image is for {wanted}", hint)
    if not count:
        return _check("programs", "not_evaluated", "there is no ELF file in the image", "see what is: inv inspect")
    return _check("programs", "passed", f"{count} ELF files, all for {wanted}")


def _drift(kind: str, boms: Mapping[Platform, Bom], excuses: Sequence[Differs]) -> Check:
    excused = {entry.name: entry.reason for entry in excuses if entry.kind == kind}
    (first, base), *others = boms.items()
    lines: list[str] = []
    used: set[str] = set()
    for platform, other in others:
        found = difference.compare(_comparable(kind, base), _comparable(kind, other))
        seen = {
            **{package.name: f"{package.name} {package.version} only on {first}" for package in found.removed},
            **{package.name: f"{package.name} {package.version} only on {platform}" for package in found.added},
            **{
                c.name: f"{c.name} {'/'.join(c.old)} on {first}, {'/'.join(c.new)} on {platform}" for c in found.changed
            },
        }
        used |= seen.keys() & excused.keys()
        lines += [line for name, line in sorted(seen.items()) if name not in excused]
    if lines:
        hint = f"build all platforms again together; what must differ stands in {expectations.FILE} with its reason"
        return _check(f"drift {kind}", "failed", _some(lines), hint)
    counts = ", ".join(f"{found.counts.get(kind, 0)} on {platform}" for platform, found in boms.items())
    more = f"; excused: {', '.join(f'{name} ({excused[name]})' for name in sorted(used))}" if used else ""
    return _check(f"drift {kind}", "passed", f"the same versions: {counts}{more}")


def _comparable(kind: str, found: Bom) -> list[bom.Package]:
    return [
        msgspec.structs.replace(package, version=difference.source_version(package))
        for package in found.packages
        if package.kind == kind
    ]


def _some(lines: Sequence[str]) -> str:
    more = f", and {len(lines) - _NAMED} more" if len(lines) > _NAMED else ""
    return "; ".join(lines[:_NAMED]) + more


def _check(name: str, status: Status, detail: str, hint: str = "") -> Check:
    return Check(kind="architecture", name=name, status=status, detail=detail, hint=hint)
