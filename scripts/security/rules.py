"""The rule files: what each rule says of itself, and the checksum by which a run says which rules it used."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from security.errors import EngineError
from security.model import Severity

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORDED = "rules.sha256"
COVERAGE = "coverage"
"""Category of the rule that finds nothing on purpose (rules/coverage.yaml)."""

RULE_ID = re.compile(r"^\s*- id:\s*(\S+)\s*$", re.MULTILINE)
CWE = re.compile(r"CWE-(\d+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule as its file describes it; `why` is the message that its findings carry."""

    id: str
    file: str
    severity: Severity
    confidence: str
    cwe: tuple[int, ...]
    owasp: tuple[str, ...]
    category: str
    why: str
    fix: str

    @property
    def fast(self) -> bool:
        """Whether a fast scan uses it: it is seldom wrong, or it looks for secrets."""
        return self.confidence == "high" or self.category in ("secret", "secrets", COVERAGE)


def files(folder: Path) -> list[Path]:
    """Every rule file, sorted by path."""
    return sorted(path for path in folder.rglob("*.yaml") if path.is_file())


def names(folder: Path) -> frozenset[str]:
    """Identifiers of all rules."""
    return frozenset(name for file in files(folder) for name in RULE_ID.findall(file.read_text(encoding="utf-8")))


@cache
def documents(folder: Path) -> tuple[tuple[Path, dict[str, Any]], ...]:
    """Every rule as the engine takes it, with its file; read once in a run, for parsing takes half a second."""
    import yaml  # noqa: PLC0415 - a tenth of a second that only some commands need

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for file in files(folder):
        try:
            table = loader(file.read_text(encoding="utf-8")).get_single_data()
            found += [(file, rule) for rule in table["rules"]]
        except (yaml.YAMLError, KeyError, TypeError) as error:
            raise EngineError(f"the rule file {file} is not one: {' '.join(str(error).split())[:200]}") from error
    return tuple(found)


def load(folder: Path) -> tuple[Rule, ...]:
    """All rules that look for something, sorted by name.

    Raises
    ------
    EngineError
        A file that is no rule file, or a rule that lacks a part.
    """
    found = (describe(rule, str(file.relative_to(folder))) for file, rule in documents(folder))
    return tuple(sorted((rule for rule in found if rule.category != COVERAGE), key=lambda rule: rule.id))


def describe(rule: Mapping[str, Any], file: str) -> Rule:
    """One rule's own words."""
    try:
        metadata = rule["metadata"]
        return Rule(
            id=rule["id"],
            file=file,
            severity=Severity(metadata["severity"]),
            confidence=metadata["confidence"],
            cwe=numbers(metadata.get("cwe", "")),
            owasp=texts(metadata.get("owasp", ())),
            category=metadata.get("category", ""),
            why=" ".join(rule["message"].split()),
            fix=" ".join(str(metadata.get("fix", "")).split()),
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        name = rule.get("id", "without id") if isinstance(rule, dict) else rule
        raise EngineError(f"the rule {name} in {file} lacks {error}") from error


def numbers(value: object) -> tuple[int, ...]:
    """`CWE-89`, alone or in a list or with its title, as 89."""
    return tuple(int(number) for text in texts(value) for number in CWE.findall(text))


def texts(value: object) -> tuple[str, ...]:
    """A text or a list of texts."""
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(text) for text in value) if isinstance(value, (list, tuple)) else ()


def write_fast(folder: Path, target: Path) -> None:
    """The rules of a fast scan as one file (JSON is YAML)."""
    kept = [rule for file, rule in documents(folder) if describe(rule, file.name).fast]
    target.write_text(json.dumps({"rules": kept}), encoding="utf-8")


def checksum(folder: Path) -> str:
    """SHA-256 over one line `<sha256>  <path>` per file: what `sha256sum *.yaml | sha256sum` prints in the folder."""
    lines = (
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder).as_posix()}\n"
        for file in files(folder)
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def recorded(config_dir: Path) -> str:
    """The checksum that the image's build wrote down; empty in a source checkout."""
    path = config_dir / RECORDED
    return path.read_text(encoding="utf-8").split()[0] if path.is_file() else ""
