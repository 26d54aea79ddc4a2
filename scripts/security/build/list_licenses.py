"""Lists the licence of everything that the image adds to its base, and stops a build in which a text is missing.

Usage: list_licenses.py BASE TEXTS ENGINE SITE...

BASE is the base's root. TEXTS has `libraries.toml`, and a folder for each distribution whose wheel lacks its text.
ENGINE is the folder of semgrep's core, SITE one of Python distributions. Missing texts are put where wheels have them;
the list goes to standard output.
"""

from __future__ import annotations

import email
import re
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

TEXT = re.compile(r"(?i)licen[cs]e|copying|notice")
COMMON = "usr/share/common-licenses"
"""Debian's texts of the licences that many packages have, in every image of it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the list: what, under which licence, and where its text lies in the image."""

    name: str
    version: str
    license: str
    text: str

    def __str__(self) -> str:
        """As a row of a Markdown table."""
        return f"| {self.name} | {self.version} | {self.license} | {self.text} |"


def distribution(folder: Path, base: Path, texts: Path, place: str) -> Row:
    """One `.dist-info` folder; its missing text is added.

    Parameters
    ----------
    place:
        Where the image has the folder that holds it.

    Raises
    ------
    FileNotFoundError
        There is no text to add.
    """
    about = email.message_from_bytes((folder / "METADATA").read_bytes())
    said = str(about["License-Expression"] or (about["License"] or "").strip().partition("\n")[0])
    classes = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier", []) if one.startswith("License ::")]
    if not any(found(folder)):
        common = base / COMMON / said.removesuffix("-or-later").removesuffix("-only")
        own = texts / re.sub(r"[-_.]+", "-", str(about["Name"])).lower()
        sources = sorted(own.iterdir()) if own.is_dir() else [common] if said and common.is_file() else []
        if not sources:
            raise FileNotFoundError(f"{folder.name} has no text of its licence ({said}): put it into {own.name}/")
        (folder / "licenses").mkdir(exist_ok=True)
        for source in sources:
            shutil.copyfile(source, folder / "licenses" / source.name)
    return Row(
        name=str(about["Name"]),
        version=str(about["Version"]),
        license=said if said not in ("", "UNKNOWN") else ", ".join(classes),
        text=", ".join(f"{place}/{folder.name}/{text}" for text in found(folder)),
    )


def found(folder: Path) -> list[str]:
    """The texts of a distribution, relative to its folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        str(path.relative_to(folder))
        for path in files
        if path.parent.name == "licenses" or (path.suffix != ".py" and TEXT.search(path.name))
    )


def libraries(engine: Path, base: Path, table: Path) -> list[Row]:
    """The core's libraries.

    Raises
    ------
    KeyError
        One is not in the table.
    """
    known = tomllib.loads(table.read_text(encoding="utf-8"))["libraries"]
    rows = []
    for path in sorted((engine / "libs").iterdir()):
        stem, _, version = path.name.partition(".so")
        about = known[f"{stem}.so"]
        copyrights = sorted(base.glob(f"usr/share/doc/{about['text']}/copyright")) if "text" in about else []
        text = f"/{copyrights[0].relative_to(base)}" if copyrights else about["project"]
        rows.append(Row(name=f"{stem}.so", version=version.lstrip("."), license=about["license"], text=text))
    return rows


def main(base: Path, texts: Path, engine: Path, *sites: Path) -> None:
    """Print the list."""
    rows = [distribution(one, base, texts, "/usr/local/lib/semgrep") for one in sorted(engine.glob("*.dist-info"))]
    rows += libraries(engine, base, texts / "libraries.toml")
    for site in sites:
        place = f"/usr/local/lib/{site.parent.name}/{site.name}"
        rows += [distribution(one, base, texts, place) for one in sorted(site.glob("*.dist-info"))]
    print("# What this image adds to its base, and under which licences\n")  # noqa: T201 - its only output
    print("The base has its own in /usr/share/doc. The scan program and its rules: Apache-2.0, /app/LICENSE.\n")  # noqa: T201
    print("| what | version | licence | text |\n|---|---|---|---|")  # noqa: T201
    print("\n".join(str(row) for row in rows))  # noqa: T201


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
