"""The engines outside of the image: semgrep's core with our rules, and bandit, from the image's own pinned wheels."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from benches.scanner import sources
from benches.scanner.model import Found
from galway import process

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "scripts/security"
RULES = PROGRAM / "rules"
PROBE = "coverage-probe"
ENGINES = ("rules", "bandit")
BATCH = 800
"""Files in one call, so that no argument list grows too long and no process too large."""


@dataclass(frozen=True, kw_only=True)
class Engines:
    """Where the engines are, and where their answers are kept.

    Parameters
    ----------
    core:
        semgrep's native core.
    bandit:
        The folder into which bandit's wheels were installed, and the Python that runs it.
    answers:
        A folder for the answers of releases, which never change; the rules' hash is part of their names.
    """

    core: Path
    bandit: Path
    python: str
    answers: Path

    @classmethod
    def ready(cls, cache: Path) -> Engines:
        """Fetch what is missing, as the image's build does: hashes required, nothing built from source."""
        python = sources.host_python()
        pins = REPOSITORY / "docker/requirements"
        semgrep = cache / f"semgrep-{_hash(pins / 'semgrep.txt')}"
        wheels = ("--no-deps", "--require-hashes", "--only-binary", ":all:", "--quiet", "--requirement")
        if not (semgrep / "osemgrep").is_file():
            folder = cache / "wheels"
            process.run((python, "-m", "pip", "download", "--dest", str(folder), *wheels, str(pins / "semgrep.txt")))
            (wheel,) = folder.glob("semgrep-*.whl")
            process.run((python, "-B", str(PROGRAM / "build/unpack_semgrep.py"), str(wheel), str(semgrep)))
        bandit = cache / f"bandit-{_hash(pins / 'security-scanner.txt')}"
        if not (bandit / "bandit").is_dir():
            requirements = str(pins / "security-scanner.txt")
            process.run((python, "-m", "pip", "install", "--target", str(bandit), *wheels, requirements))
        answers = cache / "answers"
        answers.mkdir(parents=True, exist_ok=True)
        return cls(core=semgrep / "osemgrep", bandit=bandit, python=python, answers=answers)

    def ask(self, engine: str, root: Path, files: Sequence[str], *, keep: str = "") -> list[Found]:
        """Findings in files of a folder; `keep` is the name under which the answer is kept, if it is."""
        revision = rules_hash() if engine == "rules" else self.bandit.name
        kept = self.answers / f"{engine}-{revision}-{keep}.json"
        if keep and kept.is_file():
            return msgspec.json.decode(kept.read_bytes(), type=list[Found])
        found: list[Found] = []
        for start in range(0, len(files), BATCH):
            paths = [str(root / name) for name in files[start : start + BATCH]]
            found += self._rules(root, paths) if engine == "rules" else self._bandit(root, paths)
        if keep:
            kept.write_bytes(msgspec.json.encode(found))
        return found

    def _rules(self, root: Path, paths: Sequence[str]) -> list[Found]:
        done = process.run(rules_argv(self.core, paths), ok=(0, 1))
        results = [result for result in json.loads(done.stdout, strict=False)["results"] if result["check_id"] != PROBE]
        return [rule_found(result, root) for result in results]

    def _bandit(self, root: Path, paths: Sequence[str]) -> list[Found]:
        environment = {"PYTHONPATH": str(self.bandit), "PYTHONDONTWRITEBYTECODE": "1"}
        done = process.run(bandit_argv(self.python, paths), env=environment, ok=(0, 1))
        return [bandit_found(result, root) for result in json.loads(done.stdout)["results"]]


def rules_argv(core: Path, paths: Sequence[str]) -> tuple[str, ...]:
    """As the image calls it (see scripts/security/engines/semgrep.py)."""
    return (
        str(core), "scan", "--experimental", "--metrics=off", "--disable-version-check", "--quiet", "--json",
        "--config", str(RULES), "--no-rewrite-rule-ids", "--disable-nosem",
        "--novcs", "--no-git-ignore", "--x-ignore-semgrepignore-files", "--no-exclude-minified-files",
        "--jobs", "1", "--max-memory", "300", "--timeout", "10", "--timeout-threshold", "3",
        "--max-target-bytes", "5000000", *paths,
    )  # fmt: skip


def bandit_argv(python: str, paths: Sequence[str]) -> tuple[str, ...]:
    """As the image calls it (see scripts/security/engines/bandit.py)."""
    return (
        python, "-m", "bandit", "--quiet", "--format", "json", "--ini", str(PROGRAM / "bandit.ini"),
        "--exclude", "/nonexistent", "--ignore-nosec", *paths,
    )  # fmt: skip


def rule_found(result: dict[str, Any], root: Path) -> Found:
    """One result of ours."""
    metadata = result["extra"]["metadata"]
    return Found(
        rule=result["check_id"],
        severity=metadata["severity"],
        confidence=metadata["confidence"],
        cwe=tuple(int(number.removeprefix("CWE-")) for number in metadata["cwe"]),
        path=os.path.relpath(result["path"], root),
        line=result["start"]["line"],
        text=line_of(result["path"], result["start"]["line"]),
    )


def bandit_found(result: dict[str, Any], root: Path) -> Found:
    """One result of bandit."""
    return Found(
        rule=result["test_id"],
        severity=result["issue_severity"].lower(),
        confidence=result["issue_confidence"].lower(),
        cwe=(result["issue_cwe"]["id"],) if result.get("issue_cwe") else (),
        path=os.path.relpath(result["filename"], root),
        line=result["line_number"],
        text=line_of(result["filename"], result["line_number"]),
    )


def line_of(path: str, number: int) -> str:
    """The line without its indentation."""
    lines = Path(path).read_text(encoding="utf-8", errors="replace").split("\n")
    return lines[number - 1].strip() if number <= len(lines) else ""


def rules_hash() -> str:
    """Of all rule files."""
    digest = hashlib.sha256()
    for path in sorted(RULES.glob("*.yaml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
