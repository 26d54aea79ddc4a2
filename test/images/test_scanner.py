"""The scanner in its container, under its run profile and without a network: each exit code, kills, hostile trees."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
import stat
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from galway import process

if TYPE_CHECKING:
    from conftest import Built

DATA = Path(__file__).parents[1] / "data/security"
CLEAN = "def add(a, b):\n    return a + b\n"
FLAW = "import subprocess\n\n\ndef run(request):\n    subprocess.call(request.args['c'], shell=True)\n"
KILLS, FEW_KILLS = 20, 3
REPORTS = {
    "summary.json", "results.sarif", "semgrep.sarif", "bandit.json", "dependencies.json", "report.md", "report.html",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder to scan, owned by the image's user, with a results folder in it."""

    root: Path
    built: Built
    mounts: list[str] = field(default_factory=list)

    @property
    def results(self) -> Path:
        return self.root / "results"

    def write(self, **files: str) -> None:
        """Files by name, `__` for a dot."""
        for name, content in files.items():
            (self.root / name.replace("__", ".")).write_text(content, encoding="utf-8")

    def options(self, *more: str) -> tuple[str, ...]:
        """Mounts as the specification has them; everything belongs to the user of the container."""
        for path in (self.root, *self.root.rglob("*")):
            if os.getuid() == 0:
                os.chown(path, 1000, 1000, follow_symlinks=False)
        mounts = ("-v", f"{self.root}:/scan:ro", "-v", f"{self.results}:/scan/results:rw")
        return ("--network", "none", *mounts, *self.mounts, *more)

    def scan(self, *arguments: str, code: int, options: tuple[str, ...] = ()) -> str:
        """A run that must end with this code; what it printed."""
        return self.built.run("security-scanner", *arguments, options=self.options(*options), ok=(code,))

    def summary(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.results / "summary.json").read_text(encoding="utf-8"))
        return document


@pytest.fixture
def project(built: Built, tmp_path: Path) -> Project:
    (tmp_path / "results").mkdir()
    tmp_path.chmod(0o755)
    made = Project(root=tmp_path, built=built)
    made.write(app__py=CLEAN)
    return made


def test_0_a_clean_tree_passes_with_every_report(project: Project) -> None:
    assert "PASSED (exit code 0)" in project.scan(code=0)
    assert {path.name for path in project.results.iterdir()} == REPORTS
    assert (project.summary()["status"], project.summary()["coverage"]["read_by"]) == (
        "passed",
        {"semgrep": 1, "bandit": 1},
    )


def test_1_a_flaw_fails_and_is_one_finding_of_both_engines(project: Project) -> None:
    project.write(app__py=FLAW)
    assert "FAILED (exit code 1)" in project.scan(code=1)
    worst = project.summary()["findings"][0]
    assert (worst["severity"], worst["path"], worst["line"]) == ("critical", "app.py", 5)
    assert worst["engines"] == ["semgrep", "bandit"]


def test_2_a_results_folder_that_cannot_be_written_says_which_command_helps(project: Project) -> None:
    output = project.scan(code=2, options=("--user", "4242:4242"))
    assert "cannot write to /scan/results" in output
    assert "--user" in output


def test_2_a_setting_that_does_not_exist(project: Project) -> None:
    assert "SCAN_TYPE=deep" in project.scan(code=2, options=("--env", "SCAN_TYPE=deep"))


def test_3_a_file_that_no_engine_can_read(project: Project) -> None:
    project.write(broken__py="def (:\n")
    assert "INCOMPLETE (exit code 3)" in project.scan(code=3)
    assert list(project.summary()["coverage"]["gaps"]) == ["broken.py"]


def test_3_an_engine_that_was_stopped_at_the_time_limit(project: Project) -> None:
    project.scan("--timeout", "0.05", code=3)
    assert "time limit" in project.summary()["engines"][0]["reason"]


def test_4_dependencies_that_were_required_and_not_judged(project: Project) -> None:
    shutil.copy(DATA / "locks/uv.lock", project.root)
    assert "no_advisories" in project.scan(code=4, options=("--env", "REQUIRE=dependencies"))
    assert project.summary()["status"] == "incomplete"


def test_advisories_are_mounted_and_a_stale_snapshot_is_exit_4(project: Project) -> None:
    shutil.copy(DATA / "locks/uv.lock", project.root)
    project.mounts.extend(("-v", f"{DATA / 'advisories'}:/advisories:ro"))
    project.scan("--max-advisory-age", "99999", code=1)
    found = project.summary()
    assert found["dependencies"]["counts"]["vulnerable"] == 5
    assert sum(found["dependencies"]["counts"].values()) == found["dependencies"]["manifests"][0]["dependencies"]
    assert (project.results / "sbom.json").is_file()
    output = project.scan("--max-advisory-age", "0.001", "--fail-on", "none", code=4)
    assert "stale" in output


def test_two_scans_of_one_tree_give_the_same_bytes_apart_from_the_run_s_own_block(project: Project) -> None:
    project.write(app__py=FLAW, other__py="import pickle\npickle.loads(x)\n")
    shutil.copy(DATA / "locks/uv.lock", project.root)
    seen = []
    for _ in range(2):
        project.scan(code=1)
        texts = {path.name: path.read_bytes() for path in project.results.iterdir()}
        summary = json.loads(texts["summary.json"])
        assert summary.pop("run")["memory_peak_bytes"] > 0
        seen.append(texts | {"summary.json": json.dumps(summary).encode()})
    assert seen[0] == seen[1]


def test_a_run_that_is_killed_never_leaves_a_summary_that_passes(
    project: Project, request: pytest.FixtureRequest
) -> None:
    """Only the summary of a run that ended may pass, and then every other report is there."""
    for number in range(30):
        project.write(**{f"m{number}__py": CLEAN * 20})
    project.scan(code=0)
    took = project.summary()["run"]["seconds"]
    passed = 0
    for _ in range(KILLS if request.config.getoption("--slow") else FEW_KILLS):
        for path in project.results.iterdir():
            path.unlink()
        container = project.built.start("security-scanner", *project.options())
        time.sleep(random.uniform(0, took * 1.3))  # noqa: S311 - any point will do
        project.built.docker("kill", container, ok=None)
        code = project.built.docker("wait", container).stdout.strip()
        project.built.docker("rm", "--force", container)
        if not (project.results / "summary.json").exists():
            continue
        summary = project.summary()
        assert summary["status"] in ("passed", "incomplete")
        if summary["status"] == "passed":
            passed += 1
            assert {path.name for path in project.results.iterdir()} >= REPORTS, code
    assert passed < KILLS


def test_a_baseline_and_a_fast_and_an_incremental_scan(project: Project) -> None:
    project.write(app__py=FLAW)
    project.scan("baseline", code=0)
    (project.results / "baseline.json").rename(project.root / "accepted.json")
    project.scan("--baseline", "/scan/accepted.json", code=0)
    assert project.summary()["counts"]["existing"]["critical"] == 1
    project.scan("--scan-type", "fast", code=1)
    assert [engine["name"] for engine in project.summary()["engines"]] == ["semgrep"]
    assert "cannot tell what changed" in project.scan("--scan-type", "incremental", code=1)


def test_rules_are_listed_and_explained(built: Built) -> None:
    options = ("--network", "none")
    listed = built.run("security-scanner", "rules", options=options)
    name = listed.split()[0]
    explained = built.run("security-scanner", "rules", name, options=options)
    assert "Why: " in explained
    assert "Fix: " in explained
    assert json.loads(built.run("security-scanner", "version", options=options))["programs"].keys() == {
        "semgrep", "bandit", "pip-audit", "cyclonedx-py",
    }  # fmt: skip


def test_a_hostile_tree_neither_runs_nor_hides_nor_stops_anything(project: Project) -> None:
    def put(name: bytes, content: bytes = b"x = 1\n") -> None:
        (project.root / os.fsdecode(name)).write_bytes(content)

    flaw = b"import os\nos.system(input())\n"
    names = (b"new\nline.py", b"bad\xff.py", b"-r.py", b"esc\x1b[31m.py", b"q'\"$(touch x).py", b"* [].py")
    for name in names:
        put(name, flaw)
    for name in (b"yaml.py", b"sitecustomize.py", b"conftest.py", b"bandit.py", b"security.py"):
        put(name, b"raise SystemExit(0)\n")
    put(b".semgrepignore", b"*\n")
    put(b".gitignore", b"*\n")
    put(b".bandit", b"[bandit]\nskips: B605\nexclude: /\n")
    put(b"pyproject.toml", b"[tool.bandit]\nskips = ['B605']\nexclude_dirs = ['.']\n")
    put(b"pip.conf", b"[global]\nindex-url = http://127.0.0.1:1\n")
    put(b"poetry.lock", b"a = " + b"[" * 100_000)
    put(b"requirements.txt", b"-r /etc/passwd\n-r requirements.txt\n")
    os.mkfifo(project.root / "pipe.py")
    os.mkfifo(project.root / "uv.lock")
    (project.root / "link.py").symlink_to("/etc/passwd")
    (project.root / "folder").symlink_to("/")
    with (project.root / "huge.py").open("wb") as file:
        file.truncate(1 << 30)
    deep = project.root
    for _ in range(80):
        deep = deep / ("d" * 20)
    deep.mkdir(parents=True)
    output = project.scan(code=3, options=("--env", "FAIL_ON=none"))
    assert "\x1b" not in output
    found = project.summary()
    flagged = {finding["path"] for finding in found["findings"] if "B605" in json.dumps(finding)}
    assert len(flagged) == len(names)
    assert found["coverage"]["left_out"].keys() >= {"pipe.py", "uv.lock", "link.py", "folder"}
    assert "huge.py" in found["coverage"]["gaps"]
    assert {manifest["path"] for manifest in found["dependencies"]["manifests"] if manifest["error"]} == {
        "poetry.lock", "requirements.txt",
    }  # fmt: skip


def test_what_a_repository_s_git_would_run_does_not_run(project: Project) -> None:
    marker = "touch /scan/results/ran /tmp/ran"
    git = ("git", "-C", str(project.root), "-c", "user.name=a", "-c", "user.email=a@example.org")
    process.run((*git, "init", "--quiet", "--initial-branch=main"))
    project.write(__gitignore="results/\n", __gitattributes="*.py filter=evil diff=evil\n")
    process.run((*git, "add", "."))
    process.run((*git, "commit", "--quiet", "--message=first"))
    project.write(app__py=FLAW)
    process.run((*git, "commit", "--quiet", "--all", "--message=second"))
    settings = "".join(
        f"[{section}]\n{key} = {marker}\n"
        for section, key in (
            ("core", "fsmonitor"), ("core", "sshCommand"), ("core", "pager"), ("diff", "external"), ("alias", "diff"),
            ('filter "evil"', "clean"), ('filter "evil"', "smudge"), ('filter "evil"', "process"),
            ('diff "evil"', "textconv"), ('diff "evil"', "command"),
        )
    )  # fmt: skip
    (project.root / ".git/config").write_text(f"[core]\nhooksPath = /scan/.git/hooks\n{settings}")
    for name in ("post-checkout", "post-index-change", "pre-commit", "fsmonitor-watchman"):
        hook = project.root / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{marker}\n")
        hook.chmod(0o755)
    output = project.scan("--scan-type", "incremental", "--base-ref", "HEAD~1", code=1)
    assert "cannot tell what changed" not in output
    assert project.summary()["findings"][0]["path"] == "app.py"
    assert not (project.results / "ran").exists()


def test_locks_and_code_that_grow_when_they_are_read_are_told_and_stop_nothing(project: Project) -> None:
    with zipfile.ZipFile(project.root / "uv.lock", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("uv.lock", bytes(256 << 20))
    (project.root / "Pipfile.lock").write_bytes(gzip.compress(bytes(256 << 20)))
    (project.root / "pylock.toml").write_text("a." * 100_000 + "b = 1\n")
    project.write(
        nested__py="(" * 50_000 + ")" * 50_000 + "\n",
        added__py="x = " + "1 + " * 50_000 + "1\n",
        long__py=f"x = '{'a' * 4_000_000}'\n",
        indented__py="".join(f"{' ' * depth}if x:\n" for depth in range(500)),
        broken__py="def (:\n",
    )
    if os.getuid() == 0:
        os.mknod(project.root / "zero.py", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        os.mknod(project.root / "poetry.lock", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    project.scan(code=3, options=("--env", "FAIL_ON=none"))
    found = project.summary()
    errors = {manifest["path"] for manifest in found["dependencies"]["manifests"] if manifest["error"]}
    assert errors == {"uv.lock", "Pipfile.lock", "pylock.toml"}
    assert "broken.py" in found["coverage"]["gaps"]  # the others may be read or not, as engines and limits have it
    assert found["coverage"]["read_by"]["semgrep"] >= 1
    if os.getuid() == 0:
        assert found["coverage"]["left_out"].keys() >= {"zero.py", "poetry.lock"}
