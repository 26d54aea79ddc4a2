"""container-structure-test: its command lines, its configuration by driver, its report."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from galway.errors import ConfigurationError, NotEvaluatedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAME = "container-structure-test"

COMMANDS = ("commandTests",)
"""What only a daemon can judge; the tar driver fails on it."""

FILES = ("fileExistenceTests", "fileContentTests", "metadataTest", "licenseTests")

_OWNER = re.compile(r"^\s*['\"]?(uid|gid)['\"]?:", re.MULTILINE)
"""A file test that asks for an owner: the tar driver unpacks without owners, so the engine has to answer."""

SETTINGS = ("schemaVersion", "globalEnvVars", "containerRunOptions")

METADATA = "Metadata Test"
"""What the report calls the one `metadataTest`."""

_SECTION = re.compile(r"^(?P<key>[A-Za-z]\w*):", re.MULTILINE)
_ENTRY = re.compile(r"^(?P<indent> *)- ", re.MULTILINE)
_TEST = re.compile(r"^\s*-\s+(?:['\"]?name['\"]?):\s*(?P<name>.+?)\s*$", re.MULTILINE)


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """One test as the report has it."""

    name: str
    passed: bool = msgspec.field(name="Pass")
    errors: tuple[str, ...] | None = None
    stdout: str = ""
    stderr: str = ""


class _Report(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    results: tuple[Result, ...] | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A test file, its text by top-level key.

    It is split as text: what a person wrote reaches the program letter by letter, and the split needs no YAML library.
    """

    sections: dict[str, str]

    @property
    def of_bytes(self) -> Config:
        """What the image's bytes answer, for any platform and without a daemon (the tar driver)."""
        return self._only(lambda key, item: key in FILES and not _OWNER.search(item))

    @property
    def of_files(self) -> Config:
        """What the engine answers without running anything of the image: who owns files."""
        return self._only(lambda key, item: key in FILES and _OWNER.search(item) is not None)

    @property
    def of_commands(self) -> Config:
        """What runs in the image."""
        return self._only(lambda key, _item: key in COMMANDS)

    @property
    def text(self) -> str:
        """A file that the program reads."""
        return "".join(self.sections.values())

    @property
    def names(self) -> list[str]:
        """What the tests are called."""
        found = []
        for key, text in self.sections.items():
            if key == "metadataTest":
                found.append(METADATA)
            elif key not in SETTINGS:
                found += [match["name"].strip("'\"") for match in _TEST.finditer(text)]
        return found

    def _only(self, wanted: Callable[[str, str], bool]) -> Config:
        """The settings, and of the tests those wanted."""
        sections = {}
        for key, text in self.sections.items():
            head, items = _items(text)
            kept = [item for item in items if wanted(key, item)]
            if key in SETTINGS or (key == "metadataTest" and wanted(key, text)):
                sections[key] = text
            elif kept and key != "metadataTest":
                sections[key] = "".join([head, *kept])
        return Config(sections=sections)


def read(path: Path) -> Config:
    """Split a test file.

    Raises
    ------
    ConfigurationError
        It cannot be read, is not written in block style, or has a key that is unknown here.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot read the structure tests {path}: {error}") from error
    heads = list(_SECTION.finditer(text))
    starts = [head.start() for head in heads]
    pieces = [text[start:end].rstrip() + "\n" for start, end in pairwise([*starts, len(text)])]
    sections = {head["key"]: piece for head, piece in zip(heads, pieces, strict=True)}
    unknown = [key for key in sections if key not in (*COMMANDS, *FILES, *SETTINGS)]
    if unknown or not sections:
        what = f"unknown key {unknown[0]!r}" if unknown else "no key at the start of a line"
        raise ConfigurationError(f"{path.name}: {what}", hint=f"known: {', '.join((*SETTINGS, *FILES, *COMMANDS))}")
    return Config(sections=sections)


def _items(text: str) -> tuple[str, list[str]]:
    """A section's first line, and the entries of its list."""
    head, newline, body = text.partition("\n")
    if (first := _ENTRY.search(body)) is None:
        return text, []
    starts = [match.start() for match in _ENTRY.finditer(body) if match["indent"] == first["indent"]]
    ends = [*starts[1:], len(body)]
    return head + newline, [body[start:end] for start, end in zip(starts, ends, strict=True)]


def on_archive(program: Path, archive: Path, config: Path) -> tuple[str, ...]:
    """Test the files and metadata of one platform's archive; no daemon."""
    return (str(program), "test", "--driver", "tar", "--image", str(archive), "--config", str(config), *_JSON)


def on_engine(program: Path, reference: str, config: Path, platform: str) -> tuple[str, ...]:
    """Test the commands of an image in the engine; a container for each."""
    image = ("--driver", "docker", "--image", reference, "--platform", platform)
    return (str(program), "test", *image, "--config", str(config), *_JSON)


# Not --test-report: 1.19 leaves that file empty together with --quiet, and warns without.
_JSON = ("--output", "json", "--no-color")


def parse(text: str) -> tuple[Result, ...]:
    """Read the report from standard output.

    Raises
    ------
    NotEvaluatedError
        There is none.
    """
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                return msgspec.json.decode(line, type=_Report).results or ()
            except msgspec.DecodeError as error:
                raise _no_report(str(error)) from error
    raise _no_report("it printed none")


def version(text: str) -> str:
    """Read `container-structure-test version`."""
    return text.strip().splitlines()[-1] if text.strip() else "unknown"


def _no_report(why: str) -> NotEvaluatedError:
    return NotEvaluatedError(f"{NAME} gave no report: {why}", hint="see its last lines in the record's artifacts")


def values(results: tuple[Result, ...]) -> list[Any]:
    """Results as plain values, for records."""
    return list(msgspec.to_builtins(results))
