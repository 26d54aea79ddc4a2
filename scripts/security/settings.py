"""What a run is asked to do: flags over environment over the scanned repository's file over the image's."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from security import reading, values
from security.errors import UsageError
from security.findings import accepted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from security.findings.accepted import Acceptance
    from security.model import Severity

CONFIG_NAME = "security-scan.toml"
IMAGE_CONFIG = Path("/app/config")
MOUNTED_ADVISORIES = Path("/advisories")
MAX_CONFIG_BYTES = 1_000_000
NAMES = (
    "scan_path", "output_dir", "scan_type", "base_ref", "fail_on", "require", "advisories", "max_advisory_age",
    "private", "mirrors", "baseline", "exclude", "max_gaps", "jobs", "timeout", "debug",
)  # fmt: skip


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
        `dependencies`, `auto` or `none`.
    advisories:
        A zip or a folder; None where none is there.
    max_advisory_age:
        Days.
    private, mirrors, exclude:
        Shell patterns of package names, of index addresses and of paths.
    max_gaps:
        How many files no engine may have read, given how many there are.
    jobs, timeout:
        Processes at the same time (`auto` is a number here); seconds of wall time for everything.
    suppress:
        Entries of the scanned repository's file, dated and owned.
    ignored:
        What the scanned repository asked for and did not get, one line each.
    config_dir:
        Holds the configuration file and `rules/`.
    """

    scan_path: Path
    output_dir: Path
    scan_type: str
    base_ref: str
    fail_on: frozenset[Severity]
    require: str
    advisories: Path | None
    max_advisory_age: float
    private: tuple[str, ...]
    mirrors: tuple[str, ...]
    baseline: Path | None
    exclude: tuple[str, ...]
    max_gaps: values.Share
    jobs: int
    timeout: float
    debug: bool
    suppress: tuple[Acceptance, ...]
    ignored: tuple[str, ...]
    config_dir: Path

    @property
    def rules_dir(self) -> Path:
        """Every rule file lies below it."""
        return self.config_dir / "rules"


@dataclass(frozen=True, kw_only=True)
class Repository:
    """What the scanned tree's own file says."""

    values: dict[str, str]
    suppress: tuple[Acceptance, ...]
    ignored: tuple[str, ...]


def find_config_dir() -> Path:
    """The image's folder, or, in a source checkout, this package's own."""
    return IMAGE_CONFIG if (IMAGE_CONFIG / CONFIG_NAME).is_file() else Path(__file__).resolve().parent


def load(
    *, flags: Mapping[str, str | None], environment: Mapping[str, str], config_dir: Path, trust: bool = False
) -> Settings:
    """Merge the four sources and check every value.

    Raises
    ------
    UsageError
        A value that is not allowed, an unknown key in the image's file, an incomplete suppression.
    """
    image = read_file(config_dir / CONFIG_NAME)
    caller = {name: environment[name.upper()] for name in NAMES if name.upper() in environment}
    caller |= {name: value for name, value in flags.items() if value is not None}
    root = Path((image | caller)["scan_path"]).absolute()
    repository = read_repository(root, image, trust=trust)
    merged = image | repository.values | caller
    relative = "baseline" in repository.values and "baseline" not in caller
    return Settings(
        scan_path=root,
        output_dir=Path(merged["output_dir"]).absolute(),
        scan_type=values.scan_type(merged["scan_type"]),
        base_ref=merged["base_ref"].strip(),
        fail_on=values.severities(merged["fail_on"]),
        require=values.require(merged["require"]),
        advisories=find_advisories(merged["advisories"]),
        max_advisory_age=values.number("MAX_ADVISORY_AGE", merged["max_advisory_age"]),
        private=tuple(values.words(merged["private"])),
        mirrors=tuple(values.words(merged["mirrors"])),
        baseline=(root if relative else Path.cwd()) / merged["baseline"] if merged["baseline"] else None,
        exclude=tuple(part.strip() for part in merged["exclude"].split(",") if part.strip()),
        max_gaps=values.Share.parse(merged["max_gaps"]),
        jobs=values.jobs(merged["jobs"]),
        timeout=values.number("TIMEOUT", merged["timeout"]),
        debug=values.flag("DEBUG", merged["debug"]),
        suppress=repository.suppress,
        ignored=repository.ignored,
        config_dir=config_dir,
    )


def find_output_dir(flags: Mapping[str, str | None], environment: Mapping[str, str], config_dir: Path) -> Path:
    """Where the reports would go, although other settings are wrong."""
    name = flags.get("output_dir") or environment.get("OUTPUT_DIR") or read_file(config_dir / CONFIG_NAME)["output_dir"]
    return Path(name).absolute()


def find_advisories(text: str) -> Path | None:
    """A path that was asked for must be there; the usual mount may be missing."""
    if text:
        path = Path(text).absolute()
        if not path.exists():
            raise UsageError(
                f"there are no advisories at {path}", fix='mount them: -v "$(pwd)/advisories":/advisories:ro'
            )
        return path
    if MOUNTED_ADVISORIES.is_file() or (MOUNTED_ADVISORIES.is_dir() and any(MOUNTED_ADVISORIES.iterdir())):
        return MOUNTED_ADVISORIES
    return None


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
    return {name: spell(value) for name, value in table.items()}


def read_repository(root: Path, image: Mapping[str, str], *, trust: bool) -> Repository:
    """The scanned project's own file, which is as untrusted as its code.

    Suppressions are taken like inline comments: dated, owned and counted in every report. Everything else may only make
    a run stricter than the image's defaults, unless the caller trusts the repository.
    """
    path = root / CONFIG_NAME
    if not path.exists() and not path.is_symlink():
        return Repository(values={}, suppress=(), ignored=())
    try:
        table: dict[str, Any] = reading.toml(reading.text(path, limit=MAX_CONFIG_BYTES))
    except reading.UnreadableError as error:
        return Repository(values={}, suppress=(), ignored=(f"{CONFIG_NAME}: not read, {error}",))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"the project's {CONFIG_NAME} is not TOML: {error}", fix="mend it or remove it") from error
    suppress = accepted.parse(table.pop("suppress", []), where=CONFIG_NAME)
    taken: dict[str, str] = {}
    ignored = []
    for name, value in table.items():
        reason = values.why_ignored(name, spell(value), image, trust=trust)
        if reason:
            ignored.append(f"{CONFIG_NAME}: {name} = {spell(value)[:80]!r}: {reason}")
        else:
            taken[name] = spell(value)
    return Repository(values=taken, suppress=suppress, ignored=tuple(ignored))


def spell(value: object) -> str:
    """A TOML value as the environment would spell it."""
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
