"""Items that a Dockerfile decides: bases, stages, the order of layers, what package managers leave behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from galway.checklist.model import Answer, failed, passed, unknown, unneeded, worst

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from galway.checklist.dockerfile import Dockerfile, Instruction, Stage
    from galway.facts import Facts

OFFICIAL = ("docker.io/library/", "docker.io/", "library/")
"""How Docker's official images may be written in full; in short they have no namespace at all."""

_PINNED = re.compile(r"(?P<name>[^@:]+(?::\d+/[^@:]+)?):(?P<tag>[^@]+)@sha256:[0-9a-f]{64}")
_VERSION = re.compile(r"\d")

INSTALLERS: Mapping[str, re.Pattern[str]] = {
    "apt": re.compile(r"\bapt(?:-get)?\b[^\n;&|]*\binstall\b"),
    "yum": re.compile(r"\b(?:yum|dnf|microdnf)\b[^\n;&|]*\binstall\b"),
    "apk": re.compile(r"\bapk\b[^\n;&|]*\badd\b"),
    "pip": re.compile(r"\bpip3?\b[^\n;&|]*\b(?:install|download|wheel)\b"),
    "uv": re.compile(r"\buv\b[^\n;&|]*\b(?:sync|pip install)\b"),
    "cargo": re.compile(r"\bcargo\b[^\n;&|]*\b(?:build|install|fetch|chef)\b"),
    "npm": re.compile(r"\b(?:npm (?:ci|install)|yarn install|pnpm install)\b"),
}
"""Commands that bring dependencies, by package manager."""

_MANIFEST = re.compile(
    r"requirements|constraints|pyproject\.toml|uv\.lock|poetry\.lock|setup\.(?:py|cfg)|cargo\.(?:toml|lock)|package"
    r"(?:-lock)?\.json|yarn\.lock|pnpm-lock|go\.(?:mod|sum)|gemfile|rust-toolchain",
    re.IGNORECASE,
)
"""Files that say what the dependencies are."""

CACHES: Mapping[str, tuple[tuple[str, ...], re.Pattern[str]]] = {
    "apt": (
        ("/var/cache/apt", "/var/lib/apt"),
        re.compile(r"rm\s+-[rf]+\s[^\n;&|]*/var/lib/apt/lists"),
    ),
    "yum": (
        ("/var/cache/yum", "/var/cache/dnf"),
        re.compile(r"\b(?:yum|dnf|microdnf)\s+clean\s+all|/var/cache/(?:yum|dnf)"),
    ),
    "apk": (("/var/cache/apk", "/etc/apk/cache"), re.compile(r"--no-cache|rm\s+-[rf]+\s[^\n;&|]*/var/cache/apk")),
}
"""For each system package manager where its downloads lie (a cache mount there keeps them out of the layer), and what
deletes them in the same step."""


def official(file: Dockerfile, one: Facts) -> Answer:
    """Every base is one of Docker's official images, or an image of this catalog; and the build used it."""
    answers = []
    for stage in file.bases:
        name = stage.base.partition("@")[0]
        where = file.at(stage.source)
        short = next((name[len(p) :] for p in OFFICIAL if name.startswith(p)), name)
        if name in one.image.needs or "/" not in short:
            answers.append(passed(name, where))
        else:
            answers.append(failed(f"{name} is no official image", where, hint="use python, rust, debian or ubuntu"))
    for manifest in one.manifests:
        record = one.record("build", manifest.platform)
        bases = record.measures.get("bases", {}) if record is not None else {}
        answers += [
            unknown(
                f"this build stands on a {base.get('what') or base.get('kind')}",
                f"record build {manifest.platform}",
                hint="build where the official image can be pulled: BASES=registry inv build",
            )
            for base in bases.values()
            if base.get("kind") != "registry"
        ]
    return worst(answers) if answers else failed("no FROM", file.path, hint="begin with a FROM")


def pinned(file: Dockerfile, one: Facts) -> Answer:
    """Every base names a version, and the digest that it had."""
    answers = []
    for stage in file.bases:
        where = file.at(stage.source)
        match = _PINNED.fullmatch(stage.base)
        if stage.base in one.image.needs:
            answers.append(passed(f"{stage.base} is built from this checkout", where))
        elif match is None:
            hint = "write NAME:VERSION@sha256:… (docker buildx imagetools inspect NAME:VERSION shows it)"
            answers.append(failed(f"{stage.base or 'the base'} names no digest or no version", where, hint=hint))
        elif not _VERSION.search(match["tag"]) and "-" not in match["tag"]:
            answers.append(failed(f"{match['tag']} is no version", where, hint="name a version in front of the digest"))
        else:
            answers.append(passed(f"{match['name']}:{match['tag']} by digest", where))
    return worst(answers) if answers else failed("no FROM", file.path, hint="begin with a FROM")


def multi_stage(file: Dockerfile, one: Facts) -> Answer:
    """The last stage takes files from another one."""
    hint = f"build in a stage of its own, and COPY --from=… only what runs into the last one of {one.image.dockerfile}"
    if len(file.stages) < 2:
        lines = [file.at(stage.line) for stage in file.stages] or [file.path]
        return failed(f"{len(file.stages)} stage", *lines, hint=hint)
    last = file.stages[-1]
    taken = [copy for copy in last.all("COPY") if copy.origin]
    if not taken:
        return failed("the last stage copies from no other one", file.at(last.line), hint=hint)
    named = [file.at(stage.line) for stage in file.stages]
    return passed(f"{len(file.stages)} stages", *named, *(file.at(copy.line) for copy in taken))


def dependencies_first(file: Dockerfile, one: Facts) -> Answer:
    """In no stage does a package manager first run after code was copied: each change of code would repeat it."""
    answers = [answer for stage in file.stages for answer in _order(file, stage, one)]
    return worst(answers) if answers else unneeded("no step installs anything", file.path)


def _order(file: Dockerfile, stage: Stage, one: Facts) -> list[Answer]:
    code: Instruction | None = None
    seen: set[str] = set()
    answers = []
    for step in stage.instructions:
        if step.word in ("COPY", "ADD") and not step.origin and code is None and _is_code(step):
            code = step
        if step.word != "RUN":
            continue
        for manager in (name for name, pattern in INSTALLERS.items() if pattern.search(step.text)):
            if code is not None and manager not in seen:
                hint = f"copy what names the dependencies first, install, and only then copy the code: {one.image.name}"
                detail = f"{manager} first runs at line {step.line}, after code was copied at line {code.line}"
                answers.append(failed(detail, file.at(code.line), file.at(step.line), hint=hint))
            else:
                answers.append(passed(f"{manager} before code", file.at(step.line)))
            seen.add(manager)
    return answers


def _is_code(copy: Instruction) -> bool:
    sources = copy.arguments[:-1]
    return any(_MANIFEST.search(source) is None for source in sources)


def caches(file: Dockerfile, one: Facts) -> Answer:
    """No step leaves a system package manager's downloads, and none are in the image that was built."""
    answers = []
    for step in file.runs:
        for manager, (folders, cleaning) in CACHES.items():
            if not INSTALLERS[manager].search(step.text):
                continue
            mounts = [target.rstrip("/") for target in step.mounts("cache")]
            kept_out = all(folder in mounts for folder in folders) if manager == "apt" else set(folders) & set(mounts)
            where = file.at(step.line)
            if kept_out or cleaning.search(step.text):
                how = "cache mounts" if kept_out else "deleted in the same step"
                answers.append(passed(f"{manager}: {how}", where))
            else:
                hint = "mount a cache over its folders, or delete them in the same RUN: rm -rf /var/lib/apt/lists/*"
                answers.append(failed(f"{manager} leaves its lists and downloads in the layer", where, hint=hint))
    if not answers:
        return unneeded("no step runs apt, yum or apk", file.path)
    return worst([*answers, *_left_over(one, "/var/lib/apt/", "/var/cache/")])


def pip_cache(file: Dockerfile, one: Facts) -> Answer:
    """pip's downloads stay out of every layer: `--no-cache-dir`, its variable, or a cache mount over them."""
    answers = []
    for stage in file.stages:
        variable = any("PIP_NO_CACHE_DIR" in env.text for env in stage.all("ENV") + stage.all("ARG"))
        for step in stage.all("RUN"):
            if not INSTALLERS["pip"].search(step.text):
                continue
            where = file.at(step.line)
            if "--no-cache-dir" in step.text or "PIP_NO_CACHE_DIR=" in step.text or variable:
                answers.append(passed("no cache is written", where))
            elif any(target.rstrip("/").endswith("/.cache/pip") for target in step.mounts("cache")):
                answers.append(passed("a cache mount, which no layer holds", where))
            else:
                hint = "pip install --no-cache-dir …, or RUN --mount=type=cache,target=/root/.cache/pip"
                answers.append(failed("pip leaves its cache in the layer", where, hint=hint))
    if not answers:
        return unneeded("no step runs pip", file.path)
    return worst([*answers, *_left_over(one, "/.cache/")])


def _left_over(one: Facts, *folders: str) -> Sequence[Answer]:
    """What the tests found of a cache in the built image: only failures add anything to what the Dockerfile says."""
    found: list[Answer] = []
    for manifest in one.manifests:
        record = one.record("test", manifest.platform)
        where = f"record test {manifest.platform}: package-caches"
        found += [
            failed(check["detail"], where, hint=check["hint"])
            for check in (record.measures.get("checks", ()) if record is not None else ())
            if (check["kind"], check["name"], check["status"]) == ("content", "package-caches", "failed")
            and any(folder in check["detail"] for folder in folders)
        ]
    return found
