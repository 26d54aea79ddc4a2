"""`docker/content.toml`: what no image may hold, and what one may hold all the same."""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

import msgspec

from galway.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "docker/content.toml"
_PROGRAM_FOLDERS = r"(?:.*/)?(?:bin|sbin|libexec)/"
_NEVER = re.compile(r"(?!)")


class Forbidden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of file that fails a check.

    Parameters
    ----------
    check:
        Its name.
    what:
        What these files are, for the message.
    paths:
        Globs on the path inside the image.
    programs:
        Globs on names in the folders of programs.
    """

    check: str
    what: str
    paths: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    def pattern(self) -> re.Pattern[str]:
        """What matches such a path."""
        programs = [_PROGRAM_FOLDERS + fnmatch.translate(name).removesuffix(r"\Z") + r"\Z" for name in self.programs]
        return _any([*map(fnmatch.translate, self.paths), *programs])


class Allowed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Files that do not fail a check in some images, and why; no images means all of them."""

    check: str
    paths: tuple[str, ...]
    reason: str
    images: tuple[str, ...] = ()


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    forbidden: tuple[Forbidden, ...] = ()
    allowed: tuple[Allowed, ...] = ()

    def of(self, check: str) -> list[tuple[str, re.Pattern[str]]]:
        """For each rule of a check what its files are, and what matches their paths."""
        return [(rule.what, rule.pattern()) for rule in self.forbidden if rule.check == check]

    def excuse(self, check: str, image: str) -> re.Pattern[str]:
        """Matches the paths that an image may hold all the same."""
        entries = [e for e in self.allowed if e.check == check and (image in e.images or not e.images)]
        return _any(fnmatch.translate(path) for entry in entries for path in entry.paths)


def load(root: Path) -> Rules:
    """Read the table.

    Raises
    ------
    ConfigurationError
        It is missing or broken.
    """
    try:
        return msgspec.toml.decode((root / FILE).read_bytes(), type=Rules)
    except OSError as error:
        raise ConfigurationError(f"cannot read {FILE}: {error.strerror}", hint=f"git checkout -- {FILE}") from error
    except msgspec.MsgspecError as error:
        raise ConfigurationError(f"{FILE}: {error}", hint="see the comments at its head") from error


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    given = list(patterns)
    return re.compile("|".join(f"(?:{pattern})" for pattern in given)) if given else _NEVER
