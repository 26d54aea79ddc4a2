"""Takes the native engine out of semgrep's wheel and leaves out what no process ever loads.

Usage: unpack_semgrep.py WHEEL DESTINATION
"""

from __future__ import annotations

import struct
import sys
import zipfile
from pathlib import Path, PurePosixPath

ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
PROGRAM_HEADERS = 32  # offset of e_phoff; the names are those of elf(5)
SECTION_HEADERS = 40  # e_shoff
PROGRAM_HEADER_SIZE = 54  # e_phentsize, then e_phnum
SECTION_HEADER_SIZE = 58  # e_shentsize, e_shnum, e_shstrndx
PT_LOAD = 1

OF_THE_BASE = frozenset({"libm.so.6", "libresolv.so.2"})
"""Parts of glibc: they belong to the base's libc, which is newer and gets the distribution's fixes."""


def last_loaded_byte(elf: bytes) -> int:
    """End of the last segment that the kernel or the dynamic linker maps; after it come symbol and debug tables."""
    if not elf.startswith(ELF64_LITTLE_ENDIAN):
        raise ValueError("not a 64-bit little-endian ELF file")
    (table,) = struct.unpack_from("<Q", elf, PROGRAM_HEADERS)
    size, count = struct.unpack_from("<HH", elf, PROGRAM_HEADER_SIZE)
    end: int = table + size * count
    for index in range(count):
        kind, _flags, offset, _address, _physical, length = struct.unpack_from("<IIQQQQ", elf, table + index * size)
        if kind == PT_LOAD:
            end = max(end, int(offset + length))
    return end


def without_sections(elf: bytes) -> bytes:
    """The file cut after its last loaded byte, with no table of sections.

    This saves what `llvm-strip --strip-all` does. GNU strip is no choice: it breaks this file and exits 0.
    """
    cut = bytearray(elf[: last_loaded_byte(elf)])
    struct.pack_into("<Q", cut, SECTION_HEADERS, 0)
    struct.pack_into("<HHH", cut, SECTION_HEADER_SIZE, 64, 0, 0)
    return bytes(cut)


def unpack(wheel: Path, destination: Path) -> None:
    """Write `osemgrep` (the engine goes by its own name), `libs/`, and the package's metadata with its licence."""
    destination.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.namelist():
            path = PurePosixPath(member)
            if path.name == "semgrep-core":
                write(destination / "osemgrep", without_sections(archive.read(member)))
            elif path.parent.name == "libs" and path.name not in OF_THE_BASE:
                write(destination / "libs" / path.name, archive.read(member))
            elif path.parent.name.endswith(".dist-info") and path.name == "METADATA":
                # Where inventories of packages look for it.
                write(destination / path.parent.name / path.name, archive.read(member), mode=0o644)
    if not (destination / "osemgrep").is_file():
        raise FileNotFoundError(f"{wheel.name} holds no semgrep-core")


def write(path: Path, data: bytes, *, mode: int = 0o755) -> None:
    """One file, its folder made first."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
