"""What a run is asked to do: flags over environment over the image's configuration file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from security.errors import UsageError
from security.model import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIG_NAME = "security-scan.toml"
IMAGE_CONFIG = Path("/app/config")
NAMES = ("scan_path", "output_dir", "scan_type", "fail_on", "require", "timeout", "debug")
SCAN_TYPES = ("full",)
REQUIRABLE = frozenset({"dependencies"})
TRUE, FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One run.

    Parameters
    ----------
    scan_path, output_dir:
        Absolute; the mounts of the contract.
    fail_on:
        A finding of one of these severities makes the run fail.
    require:
        What must be judged for a run to pass, beside the source: `dependencies` or nothing.
    timeout:
        Seconds of wall time for all engines together.
    config_dir:
        Holds the configuration file and `rules/`.
    """

    scan_path: Path
    output_dir: Path
    scan_type: str
    fail_on: frozenset[Severity]
    require: frozenset[str]
    timeout: float
    debug: bool
    config_dir: Path

    @property
    def rules_dir(self) -> Path:
        """Every rule file lies below it."""
        return self.config_dir / "rules"


def find_config_dir() -> Path:
    """The image's folder, or, in a source checkout, this package's own."""
    return IMAGE_CONFIG if (IMAGE_CONFIG / CONFIG_NAME).is_file() else Path(__file__).resolve().parent


def load(*, flags: Mapping[str, str | None], environment: Mapping[str, str], config_dir: Path) -> Settings:
    """Merge the three sources and check every value.

    Raises
    ------
    UsageError
        A value that is not allowed, an unknown key in the file.
    """
    values = read_file(config_dir / CONFIG_NAME)
    values |= {name: environment[name.upper()] for name in NAMES if name.upper() in environment}
    values |= {name: value for name, value in flags.items() if value is not None}
    return Settings(
        scan_path=Path(values["scan_path"]).absolute(),
        output_dir=Path(values["output_dir"]).absolute(),
        scan_type=parse_scan_type(values["scan_type"]),
        fail_on=parse_severities(values["fail_on"]),
        require=parse_require(values["require"]),
        timeout=parse_timeout(values["timeout"]),
        debug=parse_flag("DEBUG", values["debug"]),
        config_dir=config_dir,
    )


def read_file(path: Path) -> dict[str, str]:
    """All defaults stand in the file, so that a person can read them in one place."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"the configuration {path} cannot be read: {error}") from error
    unknown = sorted(set(table) - set(NAMES))
    missing = sorted(set(NAMES) - set(table))
    if unknown or missing:
        raise UsageError(f"the configuration {path} has unknown keys {unknown} and lacks {missing}")
    return {name: str(value) for name, value in table.items()}


def words(text: str) -> list[str]:
    """`"a, b"` as `["a", "b"]`."""
    return [word.strip().lower() for word in text.split(",") if word.strip()]


def parse_scan_type(text: str) -> str:
    """Only the types that this version really has; an unknown one must not fall back to another."""
    if text.strip().lower() not in SCAN_TYPES:
        raise UsageError(f"SCAN_TYPE={text} is not available", fix=f"use one of: {', '.join(SCAN_TYPES)}")
    return text.strip().lower()


def parse_severities(text: str) -> frozenset[Severity]:
    """`none` is the explicit word for a run that only reports; an empty value is a mistake."""
    names = words(text)
    if names == ["none"]:
        return frozenset()
    known = [str(severity) for severity in Severity]
    if not names or any(name not in known for name in names):
        raise UsageError(f"FAIL_ON={text} is not a list of severities", fix=f"use some of {', '.join(known)}, or none")
    return frozenset(Severity(name) for name in names)


def parse_require(text: str) -> frozenset[str]:
    """Empty means that the source code alone decides."""
    names = frozenset(words(text))
    if names - REQUIRABLE:
        raise UsageError(f"REQUIRE={text} is not known", fix=f"use {', '.join(sorted(REQUIRABLE))}, or leave it empty")
    return names


def parse_timeout(text: str) -> float:
    """Seconds, above zero."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"TIMEOUT={text} is not a number of seconds above 0")
    return seconds


def parse_flag(name: str, text: str) -> bool:
    """`true` and `false` in their usual spellings."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise UsageError(f"{name}={text} is neither true nor false")
    return word in TRUE
