"""Moves Debian's Python into the official image's layout: `/usr/local`, `site-packages`, and no trace of dpkg.

Debian patches the standard library so that pip installs into `dist-packages` and under `/usr/local`. Each edit below
takes one such patch back. An edit whose place is not found is an error: a silent one would leave a stand-in that
installs somewhere else than the official image.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway import archive
from galway.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from galway.bases.rootfs import Rootfs

VERSION = "3.11"
_NAME = f"python{VERSION}"
_LIBRARY = f"usr/local/lib/{_NAME}"

# Debian's own additions; the test packages are left out of official slim images as well.
_REMOVED = (
    "EXTERNALLY-MANAGED",
    "sitecustomize.py",
    "_distutils_system_mod.py",
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
)


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
                hint="compare the file with src/galway/bases/python_layout.py, or use a registry: BASES=registry",
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
        replacement=rf"\1/{_LIBRARY}/ensurepip/_bundled'",
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
                hint="see src/galway/bases/python_layout.py, or use a registry: BASES=registry",
            )
        start, end = found[0].span()
        interpreter = interpreter[:start] + length + found[0]["middle"] + new + padding + interpreter[end:]
    return interpreter


def lay(rootfs: Rootfs, packages: Sequence[Path], aside: Path) -> None:
    """Put the files of Debian's Python packages where the official image has them, and install pip.

    Parameters
    ----------
    rootfs:
        With the libraries that Python is linked with.
    packages:
        The `.deb` files of the interpreter, the library, the headers and the wheels.
    aside:
        A folder to unpack into, removed in the end.
    """
    archive.unpack(packages, aside)
    local = rootfs.path / "usr" / "local"
    library = rootfs.path / _LIBRARY
    _move(aside / "usr" / "bin" / _NAME, local / "bin" / _NAME)
    _move(aside / "usr" / "lib" / _NAME, library)
    _move(aside / "usr" / "include" / _NAME, local / "include" / _NAME)
    # Debian's pyconfig.h only includes the one of the architecture
    [configuration] = (aside / "usr" / "include").glob(f"*/{_NAME}/pyconfig.h")
    configuration.replace(local / "include" / _NAME / "pyconfig.h")
    _move(aside / "usr" / "share" / "python-wheels", library / "ensurepip" / "_bundled")
    shutil.rmtree(aside)
    for name in _REMOVED:
        _remove(library / name)
    for folder in library.glob("config-*"):
        shutil.rmtree(folder)  # static libraries
    interpreter = local / "bin" / _NAME
    interpreter.write_bytes(thaw(interpreter.read_bytes()))
    for edit in EDITS:
        _edit(library, edit)
    (library / "site-packages").mkdir()
    for link in ("python3", "python"):
        (local / "bin" / link).symlink_to(_NAME)
    wheels = sorted(path.name for path in (library / "ensurepip" / "_bundled").glob("*.whl"))
    _install(rootfs, wheels)


def _install(rootfs: Rootfs, wheels: Sequence[str]) -> None:
    """Install pip, setuptools and wheel with the pip inside its own wheel."""
    folder = f"/{_LIBRARY}/ensurepip/_bundled"
    [pip] = [name for name in wheels if name.startswith("pip-")]
    options = ("--no-index", "--no-compile", "--no-cache-dir", "--root-user-action=ignore", "--ignore-installed")
    command = (f"/usr/local/bin/{_NAME}", f"{folder}/{pip}/pip", "install", *options, f"--find-links={folder}")
    rootfs.run([*command, "pip", "setuptools", "wheel"])


# Runs in the finished root. A venv with pip and a reinstalled wheel are what builds do there; both are undone.
_PROBE = f"""
import distutils.sysconfig, json, platform, shutil, site, ssl, sqlite3, subprocess, sys, sysconfig, ctypes, lzma, bz2
import readline, curses, uuid, zlib, dbm.ndbm, hashlib, decimal, multiprocessing, zoneinfo, venv
pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]
quiet = ["--quiet", "--no-index", "--no-compile", "--find-links=/{_LIBRARY}/ensurepip/_bundled"]
subprocess.run([*pip, "uninstall", "--yes", "--quiet", "--root-user-action=ignore", "wheel"], check=True)
subprocess.run([*pip, "install", "--root-user-action=ignore", *quiet, "wheel"], check=True)
subprocess.run([*pip, "install", *quiet, "--prefix=/tmp/prefix", "--ignore-installed", "wheel"], check=True)
subprocess.run([sys.executable, "-m", "venv", "/tmp/venv"], check=True)
inside = "import pip, sys; print(pip.__file__, sys.base_prefix)"
print(json.dumps({{
    "version": platform.python_version(),
    "executable": sys.executable,
    "prefix": [sys.prefix, sys.exec_prefix, sys.base_prefix],
    "purelib": sysconfig.get_path("purelib"),
    "platlib": sysconfig.get_path("platlib"),
    "scripts": sysconfig.get_path("scripts"),
    "include": sysconfig.get_path("include"),
    "site": site.getsitepackages()[0],
    "path": [path for path in sys.path if "-packages" in path],
    "distutils": distutils.sysconfig.get_python_lib(),
    "shebang": open("/usr/local/bin/wheel").readline().strip(),
    "prefixed": bool(__import__("glob").glob("/tmp/prefix/lib/{_NAME}/site-packages/wheel/__init__.py")),
    "venv": subprocess.run(["/tmp/venv/bin/python", "-c", inside], check=True, capture_output=True, text=True)
        .stdout.split(),
}}))
shutil.rmtree("/tmp/venv"); shutil.rmtree("/tmp/prefix")
"""

EXPECTED: dict[str, object] = {
    "executable": f"/usr/local/bin/{_NAME}",
    "prefix": ["/usr/local"] * 3,
    "purelib": f"/{_LIBRARY}/site-packages",
    "platlib": f"/{_LIBRARY}/site-packages",
    "scripts": "/usr/local/bin",
    "include": f"/usr/local/include/{_NAME}",
    "site": f"/{_LIBRARY}/site-packages",
    "path": [f"/{_LIBRARY}/site-packages"],
    "distutils": f"/{_LIBRARY}/site-packages",
    "shebang": f"#!/usr/local/bin/{_NAME}",
    "prefixed": True,
    "venv": [f"/tmp/venv/lib/{_NAME}/site-packages/pip/__init__.py", "/usr/local"],  # noqa: S108 - in the root
}
"""What the official image answers to the same questions."""


def check(rootfs: Rootfs) -> None:
    """Ask the finished Python where it is and installs, and compare with the official image.

    Raises
    ------
    BuildError
        An answer differs, or a module does not load.
    """
    (rootfs.path / "tmp" / "probe.py").write_text(_PROBE)
    lines = rootfs.run([f"/usr/local/bin/{_NAME}", "-W", "ignore", "/tmp/probe.py"]).stdout.splitlines()  # noqa: S108
    answer = json.loads(lines[-1])
    wrong = compare(answer)
    if wrong:
        raise BuildError(
            f"the Python stand-in differs from the official image in {', '.join(wrong)}",
            hint="a patch of Debian's is not undone, see src/galway/bases/python_layout.py",
            detail=json.dumps(answer, indent=1),
        )


def compare(answer: dict[str, object]) -> list[str]:
    """Names of the answers that are not the official image's."""
    return [name for name, value in EXPECTED.items() if answer.get(name) != value]


def _edit(library: Path, edit: Edit) -> None:
    files = [path for path in sorted(library.glob(edit.file)) if not path.is_symlink()]
    for path in files:
        path.write_text(edit.apply(path.read_text()))
    if not files:
        raise BuildError(f"Debian's Python has no {edit.file}", hint="use a registry: BASES=registry")


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
