"""Values of settings: how each is read, and which of two is the stricter one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from security import processors
from security.errors import UsageError
from security.model import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCAN_TYPES = ("full", "fast", "incremental")
REQUIRE = ("auto", "dependencies", "none")
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True)
class Share:
    """A number of files, or a share of all of them."""

    number: float
    percent: bool

    @classmethod
    def parse(cls, text: str) -> Share:
        """`5` or `1%`."""
        try:
            found = float(text.strip().removesuffix("%"))
        except ValueError:
            found = -1.0
        if not 0 <= found < float("inf"):
            raise UsageError(f"MAX_GAPS={text} is no number of files", fix="use a number or a share, for instance 1%")
        return cls(number=found, percent=text.strip().endswith("%"))

    def of(self, files: int) -> int:
        """How many files, rounded down."""
        return int(files * self.number / 100) if self.percent else int(self.number)


def words(text: str) -> list[str]:
    """`"a, b"` as `["a", "b"]`."""
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def scan_type(text: str) -> str:
    """An unknown one must not fall back to another."""
    return one_of("SCAN_TYPE", text, SCAN_TYPES)


def require(text: str) -> str:
    """What must be judged for a run to pass, beside the source."""
    return one_of("REQUIRE", text, REQUIRE)


def one_of(name: str, text: str, allowed: tuple[str, ...]) -> str:
    """One of some words."""
    if text.strip().lower() not in allowed:
        raise UsageError(f"{name}={text} is not available", fix=f"use one of: {', '.join(allowed)}")
    return text.strip().lower()


def severities(text: str) -> frozenset[Severity]:
    """`none` is the explicit word for a run that only reports; an empty value is a mistake."""
    names = words(text)
    if names == ["none"]:
        return frozenset()
    known = [str(severity) for severity in Severity]
    if not names or any(name not in known for name in names):
        raise UsageError(f"FAIL_ON={text} is not a list of severities", fix=f"use some of {', '.join(known)}, or none")
    return frozenset(Severity(name) for name in names)


def number(name: str, text: str) -> float:
    """Above zero."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise UsageError(f"{name}={text} is not a number above 0")
    return found


def whole(name: str, text: str) -> int:
    """A whole number above zero."""
    found = number(name, text)
    if found != int(found):
        raise UsageError(f"{name}={text} is not a whole number")
    return int(found)


def jobs(text: str) -> int:
    """A number of processes; `auto` is as many as there are processors for this run."""
    return processors.available() if text.strip().lower() == "auto" else whole("JOBS", text)


def flag(name: str, text: str) -> bool:
    """`true` and `false` in their usual spellings."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise UsageError(f"{name}={text} is neither true nor false")
    return word in TRUE


STRICTER: dict[str, Callable[[str, str], bool]] = {
    "fail_on": lambda new, old: severities(new) >= severities(old),
    "require": lambda new, old: require(new) in (require(old), "dependencies"),
    "scan_type": lambda new, old: scan_type(new) in (scan_type(old), "full"),
    "max_advisory_age": lambda new, old: number("max_advisory_age", new) <= number("max_advisory_age", old),
    "max_gaps": lambda new, old: (
        Share.parse(new).of(1000) <= Share.parse(old).of(1000) and Share.parse(new).percent == Share.parse(old).percent
    ),
    "timeout": lambda new, old: number("timeout", new) <= number("timeout", old),
    "baseline": lambda new, _: not new,
    "exclude": lambda new, _: not new,
    "private": lambda new, _: not new,
    "mirrors": lambda new, _: not new,
}
"""Settings that a scanned repository may tighten: whether a new value is at least as strict as the old one."""

TRUSTED = frozenset({*STRICTER, "base_ref", "jobs"})
"""What a trusted repository may set; the mounts, the advisories and the log are the caller's business."""


def why_ignored(name: str, new: str, image: Mapping[str, str], *, trust: bool) -> str:
    """Why the scanned repository may not set this; empty if it may."""
    if name not in TRUSTED:
        return "not for the repository to set" if name in image else "not a setting"
    if trust:
        return ""
    stricter = STRICTER.get(name)
    try:
        allowed = stricter is not None and stricter(new, image[name])
    except UsageError as error:
        return error.message
    return "" if allowed else "it would loosen the run; --trust-repository takes it"
