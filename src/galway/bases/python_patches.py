"""Debian's patches of Python, each with the edit that takes it back.

Debian patches the standard library so that pip installs into `dist-packages` and under `/usr/local`. An edit
whose place is not found is an error: a silent one would leave a stand-in that installs somewhere else than the
official image. `PYTHONS` says what each version needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One change of a file of the standard library.

    Parameters
    ----------
    file:
        Under the library's folder, may be a glob.
    why:
        What Debian does there.
    pattern, replacement:
        A regular expression, dot matches newlines, `^` each line's start; replaced wherever it is found.
    """

    file: str
    why: str
    pattern: str
    replacement: str

    def apply(self, text: str) -> str:
        """The changed text.

        Raises
        ------
        BuildError
            The pattern is not in it.
        """
        changed, count = re.subn(self.pattern, self.replacement, text, flags=re.DOTALL | re.MULTILINE)
        if count == 0:
            raise BuildError(
                f"Debian's {self.file} has changed: cannot undo that it {self.why}",
                hint="compare the file with src/galway/bases/python_patches.py, or use a registry: BASES=registry",
            )
        return changed


_SCHEMES = (
    Edit(
        file="sysconfig.py",
        why="has install schemes of its own",
        pattern=r"^    '(?:deb_system|posix_local)': \{.*?^        \},\n",
        replacement="",
    ),
    Edit(
        file="sysconfig.py",
        why="prefers its own install scheme",
        pattern=r"^    if sys\.base_prefix != sys\.prefix or hasattr\(sys, \"real_prefix\"\):\n"
        r"        # virtual environments\n.*?prefix_scheme = 'posix_local'\n",
        replacement="    prefix_scheme = 'posix_prefix'\n",
    ),
    Edit(
        file="sysconfig.py",
        why="names its schemes when it builds Python",
        pattern=r", 'posix_local', 'deb_system'\)",
        replacement=")",
    ),
)
_COMMON = (
    Edit(
        file="site.py",
        why="looks for packages in dist-packages",
        pattern=r"^            if is_virtual_environment:\n.*?sitepackages\.append\(path\)\n",
        replacement="            for libdir in libdirs:\n"
        '                sitepackages.append(os.path.join(prefix, libdir, "python%d.%d" % sys.version_info[:2],\n'
        '                                                 "site-packages"))\n',
    ),
    Edit(
        file="ensurepip/__init__.py",
        why="refuses to install pip outside virtual environments",
        pattern=r"^    # Ensure that we are only running this inside of a virtual environment\n"
        r"    # of some kind\.\n    _ensurepip_is_disabled_in_debian_for_system\(\)\n",
        replacement="",
    ),
    Edit(
        file="_sysconfigdata__*-linux-gnu.py",
        why="was configured with --prefix=/usr",
        pattern=r"^( +'(?:BINDIR|BINLIBDEST|CONFINCLUDEDIR|CONFINCLUDEPY|DESTLIB|DESTSHARED|INCLUDEDIR|INCLUDEPY|"
        r"LIBDEST|LIBPL|MACHDESTLIB|MANDIR|SCRIPTDIR|datarootdir|exec_prefix|prefix)': '/usr)",
        replacement=r"\1/local",
    ),
    Edit(
        file="_sysconfigdata__*-linux-gnu.py",
        why="keeps libraries in a folder per architecture",
        pattern=r"^( +'(?:LIBDIR|LIBPC)': ')/usr/lib/[a-z0-9_]+-linux-gnu",
        replacement=r"\1/usr/local/lib",
    ),
)

_DISTUTILS = (
    Edit(
        file="distutils/sysconfig.py",
        why="answers dist-packages",
        pattern=r"^        elif is_default_prefix and not is_virtual_environment\(\):\n[^\n]*\n",
        replacement="",
    ),
    Edit(
        file="distutils/command/install.py",
        why="has install schemes of its own",
        pattern=r"^INSTALL_SCHEMES\['(?:unix_local|deb_system)'\] = \{.*?^\}\n",
        replacement="",
    ),
    Edit(
        file="distutils/command/install.py",
        why="installs into a scheme of its own",
        pattern=r"^                if os\.path\.normpath\(self\.prefix\) == '/usr/local':\n"
        r".*?self\.select_scheme\(\"unix_local\"\)\n",
        replacement='                self.select_scheme("unix_prefix")\n',
    ),
)


def _wheels(version: str) -> Edit:
    return Edit(
        file="_sysconfigdata__*-linux-gnu.py",
        why="keeps ensurepip's wheels in a folder of the system",
        pattern=r"^( +'WHEEL_PKG_DIR': ')[^']*'",
        replacement=rf"\1/usr/local/lib/python{version}/ensurepip/_bundled'",
    )


@dataclass(frozen=True, kw_only=True)
class Python:
    """What one version of Debian's Python needs to look like the official image's.

    Parameters
    ----------
    version:
        `3.11`.
    edits:
        Debian's patches of the library, taken back one by one.
    frozen:
        How the interpreter holds the texts of its frozen site.py.
    seeds:
        What the official image installs.
    """

    version: str
    edits: tuple[Edit, ...]
    frozen: Callable[[bytes, bytes], tuple[bytes, bytes]]
    seeds: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the interpreter and of its library's folder: `python3.11`."""
        return f"python{self.version}"

    @property
    def library(self) -> str:
        """Where the official image has the library, below the root."""
        return f"usr/local/lib/{self.name}"

    def thaw(self, interpreter: bytes) -> bytes:
        """The interpreter with the frozen site.py looking for packages where the official image has them.

        Raises
        ------
        BuildError
            A text is not in it exactly once.
        """
        for old, new in _FROZEN:
            pattern, replacement = self.frozen(old, new)
            found = list(re.finditer(pattern, interpreter, flags=re.DOTALL))
            if len(found) != 1:
                raise BuildError(
                    f"Debian's {self.name} has changed: {len(found)} frozen strings {old.decode()!r} instead of one",
                    hint="see src/galway/bases/python_patches.py, or use a registry: BASES=registry",
                )
            start, end = found[0].span()
            interpreter = interpreter[:start] + found[0].expand(replacement) + interpreter[end:]
        return interpreter


_FROZEN = ((b"dist-packages", b"site-packages"), (b"local/lib", b"lib"))
"""Of the paths that Debian's site.py joins, these make the last and the first /usr/local/lib/python3.x/site-packages.
Nothing in the interpreter may move, so a text never becomes longer."""


def _static_objects(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Python 3.11 has them as objects: a length, an unset hash, flags, then the characters (PyASCIIObject, 64 bits)."""
    pattern = len(old).to_bytes(8, "little") + rb"(\xff{8}.{16})" + old + rb"\x00"
    return pattern, len(new).to_bytes(8, "little") + rb"\1" + new + bytes(len(old) - len(new) + 1)


def _marshalled(old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """Python 3.13 has them as marshal writes them: `z`, the length, the characters.

    A shorter path is filled with `./`, which means the same folder, and site.py makes such paths plain.
    """
    fill = len(old) - len(new)
    return b"z" + bytes([len(old)]) + old, b"z" + bytes([len(old)]) + b"./" * (fill // 2) + b"/" * (fill % 2) + new


PYTHONS = {
    python.version: python
    for python in (
        Python(
            version="3.11",
            edits=(*_SCHEMES, *_COMMON, _wheels("3.11"), *_DISTUTILS),
            frozen=_static_objects,
            seeds=("pip", "setuptools", "wheel"),
        ),
        Python(  # since 3.12 without distutils, and the official image without setuptools and wheel
            version="3.13",
            edits=(*(replace(edit, file="sysconfig/__init__.py") for edit in _SCHEMES), *_COMMON, _wheels("3.13")),
            frozen=_marshalled,
            seeds=("pip",),
        ),
    )
}
"""By version."""


def undo(library: Path, edit: Edit) -> None:
    """Take one patch back in every file of the library that has it.

    Raises
    ------
    BuildError
        There is no such file, or the patch is not in it.
    """
    files = [path for path in sorted(library.glob(edit.file)) if not path.is_symlink()]
    for path in files:
        path.write_text(edit.apply(path.read_text()))
    if not files:
        raise BuildError(f"Debian's Python has no {edit.file}", hint="use a registry: BASES=registry")
