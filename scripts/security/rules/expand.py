"""Writes the rule files from `families/*.in`, in which shared lists stand once; the engine reads YAML without anchors.

Usage: expand.py, or expand.py --check, which exits 1 if a rule file is not what the families say.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
SHARED = HERE / "families/shared.in"

FLAGS = re.compile(r"\(\?([a-z]+)\)")
"""`(?i)` at the start of an expression."""

LEVELS = {"critical": "ERROR", "high": "ERROR", "medium": "WARNING", "low": "INFO"}
"""Semgrep knows three levels; the scanner reads the finer one from the metadata."""

ARGUMENT = "$ARG"
"""In a sink, what must not be tainted; a sink without it is its whole expression."""

NEEDS = "needs"
"""A regular expression without which a file cannot match, in a rule or among `patterns`; see `needed`."""

BETWEEN = r"(?:[\s\\]|#.*\n)*"
"""What may stand between the parts of an expression: white space, a continued line, a comment."""

IMPORTED = r"\bimport\b(?:.*|\s*\([^)]*)"
"""All of an import before a name, also over several lines."""

SHORTHAND = re.compile(r"<(used|method):([^<>]+)>")
"""`<used:a|b>`, `<method:a|b>` in a `needs`; see `written_out`."""


class Dumper(yaml.SafeDumper):
    """Long text as it reads: blocks for several lines, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """The engine does not know them."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


Dumper.add_representer(str, _text)


def expand(family: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """The rules of one family as the engine takes them."""
    return {"rules": [rule(written, shared) for written in family["rules"]]}


def rule(written: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """One rule: its head, its metadata, and its search or taint part."""
    made: dict[str, Any] = {
        "id": written["id"],
        "languages": ["python"],
        "severity": LEVELS[written["severity"]],
        "message": written["why"],
    }
    part = taint(written["taint"], shared) if "taint" in written else written["search"]
    if NEEDS in written:
        part = narrowed(part, written[NEEDS])
    made |= spelled(part)
    made["metadata"] = {
        name: written[name] for name in ("severity", "confidence", "category", "cwe", "owasp", "fix") if name in written
    }
    return made


def taint(written: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """Sources, sinks and sanitizers; each is a list of patterns, `use: NAME` for a shared list, or a full formula.

    A `plain` rule looks at how a text is put together, not at where it came from: it needs none of the costly parts.
    """
    plain = written.get("plain", False)
    return {
        "mode": "taint",
        "options": written.get("options", shared["options"]),
        "pattern-sources": listed(written["sources"], shared),
        **({} if plain else {"pattern-propagators": shared["flow"]}),
        "pattern-sanitizers": listed(
            [*written.get("sanitizers", []), {"use": written.get("clean", "numbers" if plain else "clean")}], shared
        ),
        "pattern-sinks": listed(written["sinks"], shared),
    }


def needed(expression: str) -> dict[str, Any]:
    """A condition on the whole file, by which the engine passes over the file without matching the rule in it.

    The engine itself asks only whether a pattern's words are part of any word (`re` is in most files) and does not read
    what metavariables must look like where they stand for more than a name. From the first hit on the expression takes
    everything, so that it hits once: the engine combines every hit with every match of the other patterns.
    """
    expression = written_out(expression)
    flags = FLAGS.match(expression)
    group = f"(?{flags[1]}:{expression[flags.end() :]})" if flags else f"(?:{expression})"
    return {"semgrep-internal-pattern-anywhere": {"pattern-regex": f"{group}[\\s\\S]*+"}}


def written_out(expression: str) -> str:
    """The expression with its shorthands spelled out: names that prose and texts hold too, where code uses them.

    `method` is an attribute that is not assigned to, or an import (the engine takes an imported name for its full one);
    `used` is also a call or what something is assigned, since the engine follows `run = system` to `run(...)`.
    """
    return SHORTHAND.sub(lambda found: (used if found[1] == "used" else method)(found[2]), expression)


def method(names: str) -> str:
    """An attribute or an imported name."""
    return rf"(?:\.{BETWEEN}|{IMPORTED})\b(?:{names})\b(?!{BETWEEN}=(?!=))"


def used(names: str) -> str:
    """Those, a call, and the right of an equals sign."""
    return rf"(?:\.{BETWEEN}|{IMPORTED}|=(?:.*|[\s\\(]*))\b(?:{names})\b|\b(?:{names})(?:[\s\\)]|#.*\n)*\("


def narrowed(part: dict[str, Any], expressions: list[str]) -> dict[str, Any]:
    """A search, or the sinks of a taint rule, only in files with all of some expressions."""
    if "pattern-sinks" in part:
        whole = narrowed({"pattern-either": part["pattern-sinks"]}, expressions)
        return part | {"pattern-sinks": [whole]}
    # Last, because the engine asks in this order and texts are found faster than expressions.
    return {"patterns": [*part.get("patterns", [part]), *({NEEDS: one} for one in expressions)]}


def spelled(part: Any) -> Any:
    """The part with every `needs` as the engine takes it."""
    if isinstance(part, list):
        return [spelled(one) for one in part]
    if not isinstance(part, dict):
        return part
    return needed(part[NEEDS]) if NEEDS in part else {name: spelled(value) for name, value in part.items()}


def listed(entries: list[Any], shared: dict[str, Any]) -> list[dict[str, Any]]:
    """Patterns as texts are gathered into as few formulas as they need."""
    made: list[dict[str, Any]] = []
    focused: list[dict[str, Any]] = []
    plain: list[dict[str, Any]] = []
    for entry in entries:
        if isinstance(entry, str):
            (focused if ARGUMENT in entry else plain).append({"pattern": entry})
        elif isinstance(entry, list):
            made += listed(entry, shared)
        elif "use" in entry:
            made += listed(shared[entry["use"]], shared)
        else:
            made.append(entry)
    if focused:
        made.append({"patterns": [{"pattern-either": focused}, {"focus-metavariable": ARGUMENT}]})
    if plain:
        made.append({"pattern-either": plain})
    return made


def written_files() -> dict[Path, str]:
    """Every rule file that the families make, with its text."""
    shared = yaml.safe_load(SHARED.read_text(encoding="utf-8"))
    made = {}
    for path in sorted(SHARED.parent.glob("*.in")):
        if path == SHARED:
            continue
        text = path.read_text(encoding="utf-8")
        head = f"{text.splitlines()[0]}\n# Made by expand.py from families/{path.name}: edit that.\n"
        body = yaml.dump(
            expand(yaml.safe_load(text), shared), Dumper=Dumper, sort_keys=False, width=1000, allow_unicode=True
        )
        made[HERE / f"{path.stem}.yaml"] = head + body
    return made


def main() -> int:
    """Write what differs; with --check only say so."""
    differing = [
        path for path, text in written_files().items() if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    for path in differing:
        sys.stderr.write(f"{path.name} {'differs from' if '--check' in sys.argv else 'written from'} its family\n")
        if "--check" not in sys.argv:
            path.write_text(written_files()[path], encoding="utf-8")
    return 1 if differing and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
