"""Every marked line of the rules' fixtures, judged by the engine that is in the image."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Built

FIXTURES = Path(__file__).parents[1] / "data/security/rules"
MARK = re.compile(r"^\s*# (ruleid|ok): (.+)$")


def expected(source: str) -> dict[tuple[int, str], bool]:
    """Line and rule to whether it must be found there; a comment speaks of the next line that is no mark."""
    made: dict[tuple[int, str], bool] = {}
    waiting: list[tuple[str, bool]] = []
    for number, line in enumerate(source.splitlines(), 1):
        mark = MARK.match(line)
        if mark:
            waiting += [(name.strip(), mark[1] == "ruleid") for name in mark[2].split(",")]
        elif waiting:
            made |= {(number, name): wanted for name, wanted in waiting}
            waiting = []
    return made


def test_the_engine_in_the_image_judges_every_marked_line_as_it_is_marked(built: Built) -> None:
    options = ("--network", "none", "--entrypoint", "semgrep", "-v", f"{FIXTURES}:/fixtures:ro")
    arguments = ("scan", "--json", "--quiet", "--config", "/app/config/rules", "--no-rewrite-rule-ids", "/fixtures")
    output = built.run("security-scanner", *arguments, options=options, ok=(0, 1))
    answer, _ = json.JSONDecoder(strict=False).raw_decode(output)
    assert answer["errors"] == []
    found = {(Path(one["path"]).name, one["start"]["line"], one["check_id"]) for one in answer["results"]}
    wrong = [
        f"{path.name}:{line}: {rule} {'not found' if wanted else 'found'}"
        for path in sorted(FIXTURES.glob("*.py"))
        for (line, rule), wanted in expected(path.read_text(encoding="utf-8")).items()
        if ((path.name, line, rule) in found) != wanted
    ]
    assert wrong == []
