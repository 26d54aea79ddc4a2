"""Debian's patches of Python, each with the edit that takes it back.

Debian patches the standard library so that pip installs into `dist-packages` and under `/usr/local`. An edit
whose place is not found is an error: a silent one would leave a stand-in that installs somewhere else than the
official image.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "3.11"
NAME = f"python{VERSION}"
LIBRARY = f"usr/local/lib/{NAME}"


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


EDITS = (
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
    Edit(
        file="site.py",
        why="looks for packages in dist-packages",
        pattern=r"^            if is_virtual_environment:\n.*?sitepackages\.append\(path\)\n",
        replacement="            for libdir in libdirs:\n"
        '                sitepackages.append(os.path.join(prefix, libdir, "python%d.%d" % sys.version_info[:2],\n'
        '                                                 "site-packages"))\n',
    ),
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
        pattern=r"^( '(?:BINDIR|BINLIBDEST|CONFINCLUDEDIR|CONFINCLUDEPY|DESTLIB|DESTSHARED|INCLUDEDIR|INCLUDEPY|"
        r"LIBDEST|LIBPL|MACHDESTLIB|MANDIR|SCRIPTDIR|datarootdir|exec_prefix|prefix)': '/usr)",
        replacement=r"\1/local",
    ),
    Edit(
        file="_sysconfigdata__*-linux-gnu.py",
        why="keeps libraries in a folder per architecture",
        pattern=r"^( '(?:LIBDIR|LIBPC)': ')/usr/lib/[a-z0-9_]+-linux-gnu",
        replacement=r"\1/usr/local/lib",
    ),
    Edit(
        file="_sysconfigdata__*-linux-gnu.py",
        why="keeps ensurepip's wheels in a folder of the system",
        pattern=r"^( 'WHEEL_PKG_DIR': ')[^']*'",
        replacement=rf"\1/{LIBRARY}/ensurepip/_bundled'",
    ),
)
"""Debian's patches, taken back one by one."""

# The interpreter holds site.py frozen, as static string objects: a length, an unset hash, flags, then the characters
# (PyASCIIObject of 3.11 on 64-bit little-endian machines). Of the paths that Debian's version joins, these make the
# last and the first /usr/local/lib/python3.11/site-packages.
_OBJECT = rb"(?P<middle>\xff{8}.{16})"
FROZEN = (
    (rb"dist-packages", rb"site-packages"),
    (rb"local/lib", rb"lib"),
)
"""Strings of the frozen site.py and what they become, never longer."""


def thaw(interpreter: bytes) -> bytes:
    """The interpreter with the frozen site.py looking for packages where the official image has them.

    Raises
    ------
    BuildError
        A string is not in it exactly once.
    """
    for old, new in FROZEN:
        pattern = len(old).to_bytes(8, "little") + _OBJECT + old + rb"\x00"
        length, padding = len(new).to_bytes(8, "little"), bytes(len(old) - len(new) + 1)
        found = list(re.finditer(pattern, interpreter, flags=re.DOTALL))
        if len(found) != 1:
            raise BuildError(
                f"Debian's python3.11 has changed: {len(found)} frozen strings {old.decode()!r} instead of one",
                hint="see src/galway/bases/python_patches.py, or use a registry: BASES=registry",
            )
        start, end = found[0].span()
        interpreter = interpreter[:start] + length + found[0]["middle"] + new + padding + interpreter[end:]
    return interpreter


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
