"""Each property of an image's content passes when it holds, and fails with its cause when it is broken on purpose."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import layouts
import pytest

from galway import catalog, versioning
from galway.checks import Check, Subject, content, rules
from galway.errors import BuildError, ConfigurationError
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from galway.catalog import Image

SOURCE = versioning.Source(revision="a" * 40, branch="main", epoch=1_700_000_000, tree="", dirty=False)
CATALOG = catalog.load(REPOSITORY)
IMAGES = {image.name: image for image in CATALOG.images}
COLLECTOR = IMAGES["agent-updates-collector"]

GOOD: dict[str, layouts.Node | bytes] = {
    "tmp": layouts.directory(0o1777),
    "usr": layouts.directory(),
    "usr/bin": layouts.directory(),
    "usr/bin/su": layouts.file(b"program", 0o755),
    "var/lib/apt/lists": layouts.directory(),
    "app": layouts.directory(0o555),
    "app/config": layouts.directory(0o555),
    "app/config/collector.toml": layouts.file(b"[server]\n", 0o444),
    "app/start": layouts.file(b"#!", 0o555),
    "app/link": layouts.symlink("start"),
    "app/data": layouts.directory(0o750, uid=1000, gid=1000),
}
LABELS = versioning.labels(CATALOG, COLLECTOR, SOURCE)
CONFIG = {
    "User": "1000:1000",
    "Env": ["PATH=/usr/bin", "GPG_KEY=A035", "TOKEN_FILE="],
    "Labels": LABELS,
    "Healthcheck": {"Test": ["CMD", "/app/start", "health"]},
}


def judge(
    folder: Path,
    *layers: Mapping[str, layouts.Node | bytes],
    image: Image = COLLECTOR,
    config: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] = LABELS,
    history: list[str] | None = None,
) -> dict[str, Check]:
    layout = layouts.build(
        folder,
        *(GOOD, *layers),
        config=CONFIG | dict(config or {}),
        annotations=annotations,
        history=history,
    )
    (manifest,) = layout.manifests()
    subject = Subject(
        image=image,
        layout=layout,
        manifest=manifest,
        root=REPOSITORY,
        scratch=folder,
        engine=None,
        reference="",
        runs="no",
    )
    return {check.name: check for check in content.check(subject)}


def test_a_good_image_passes_every_check(tmp_path: Path) -> None:
    checks = judge(tmp_path)
    assert {name for name, check in checks.items() if check.status != "passed"} == set()
    assert set(checks) == {
        *("app-read-only", "setuid", "world-writable", "devices", "package-caches", "build-tools", "user", "labels"),
        *("annotations", "healthcheck", "environment", "size-budget", "secrets"),
    }
    assert {check.kind for check in checks.values()} == {"content"}


BROKEN_FILES: dict[str, tuple[str, Mapping[str, layouts.Node | bytes], str]] = {
    "writable folder": ("app-read-only", {"app": layouts.directory(0o755)}, "/app has mode 755"),
    "closed folder": ("app-read-only", {"app/config": layouts.directory(0o550)}, "/app/config has mode 550"),
    "writable file": ("app-read-only", {"app/start": layouts.file(b"", 0o744)}, "/app/start has mode 744"),
    "user's file": (
        "app-read-only",
        {"app/x": layouts.file(b"", 0o555, uid=1000)},
        "/app/x belongs to the run user 1000",
    ),
    "filled data": ("app-read-only", {"app/data/x": layouts.file(b"", 0o444)}, "/app/data/x lies in a folder for data"),
    "setuid": ("setuid", {"usr/bin/su": layouts.file(b"", 0o4755)}, "/usr/bin/su (4755, layer 1)"),
    "setgid": ("setuid", {"usr/bin/x": layouts.file(b"", 0o2755)}, "/usr/bin/x (2755, layer 1)"),
    "writable by all": ("world-writable", {"etc/x": layouts.file(b"", 0o646)}, "/etc/x (646, layer 1)"),
    "folder of all": ("world-writable", {"srv": layouts.directory(0o777)}, "/srv (777, layer 1)"),
    "tmp not sticky": ("world-writable", {"tmp": layouts.directory(0o777)}, "tmp (777, layer 1)"),
    "device": ("devices", {"dev/mem": layouts.device()}, "/dev/mem"),
    "apt's lists": (
        "package-caches",
        {"var/lib/apt/lists/x_Packages": b""},
        "/var/lib/apt/lists/x_Packages (apt's lists",
    ),
    "apt's packages": ("package-caches", {"var/cache/apt/archives/x.deb": b""}, "x.deb (apt's lists, packages"),
    "pip's cache": ("package-caches", {"root/.cache/pip/http/x": b""}, "/root/.cache/pip/http/x (a user's caches"),
    "uv's cache": ("package-caches", {"home/a/.cache/uv/x": b""}, "/home/a/.cache/uv/x (a user's caches"),
    "cargo's registry": ("package-caches", {"root/.cargo/registry/x": b""}, "(downloads of cargo"),
    "logs": ("package-caches", {"var/log/dpkg.log": b"x"}, "/var/log/dpkg.log (logs of an installation)"),
    "left in tmp": ("package-caches", {"tmp/get.sh": b""}, "get.sh (temporary files)"),
    "compiler": ("build-tools", {"usr/bin/x86_64-linux-gnu-gcc-12": b""}, "(a compiler, linker or build system)"),
    "linked compiler": ("build-tools", {"usr/bin/cc": layouts.symlink("tcc")}, "/usr/bin/cc (a compiler"),
    "cargo": ("build-tools", {"opt/cargo/bin/cargo": b""}, "/opt/cargo/bin/cargo (a compiler"),
    "pip": ("build-tools", {"usr/local/bin/pip3.11": b""}, "/usr/local/bin/pip3.11 (a package installer)"),
    "headers": ("build-tools", {"var/lib/dpkg/info/libc6-dev:amd64.list": b""}, "(a development package of Debian)"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_one_broken_file_fails_its_check_alone_and_is_named(tmp_path: Path, case: str) -> None:
    name, layer, words = BROKEN_FILES[case]
    checks = judge(tmp_path, layer)
    assert [check.name for check in checks.values() if check.status != "passed"] == [name]
    assert words in checks[name].detail
    assert checks[name].hint


def test_what_a_later_layer_mends_is_fine(tmp_path: Path) -> None:
    broken = {"usr/bin/su": layouts.file(b"", 0o4755), "var/cache/apt/pkgcache.bin": b"x", "usr/bin/gcc": b""}
    mended = {"usr/bin/su": layouts.file(b"", 0o755), "var/cache/apt/.wh.pkgcache.bin": b"", "usr/bin/.wh.gcc": b""}
    assert {check.status for check in judge(tmp_path, broken, mended).values()} == {"passed"}


@pytest.mark.parametrize("path", ["usr/bin/git", "usr/bin/asd", "usr/share/doc/make", "usr/lib/go", "usr/bin/ld.so"])
def test_other_programs_are_no_build_tools(tmp_path: Path, path: str) -> None:
    assert judge(tmp_path, {path: b""})["build-tools"].status == "passed"


def test_a_runner_may_hold_installers_but_no_compiler(tmp_path: Path) -> None:
    installers = {"usr/bin/pip3": b"", "opt/ci/bin/uv": b""}
    assert judge(tmp_path / "1", installers, image=IMAGES["ci"])["build-tools"].status == "passed"
    assert (
        judge(tmp_path / "2", installers | {"usr/bin/gcc": b""}, image=IMAGES["ci"])["build-tools"].status == "failed"
    )


def test_many_causes_are_counted(tmp_path: Path) -> None:
    detail = judge(tmp_path, {f"usr/bin/x{n}": layouts.file(b"", 0o4755) for n in range(8)})["setuid"].detail
    assert "/usr/bin/x4" in detail
    assert detail.endswith("and 3 more")


BROKEN_SETTINGS: dict[str, tuple[str, dict[str, Any], str]] = {
    "no user": ("user", {"User": ""}, "no USER is set"),
    "root": ("user", {"User": "0"}, "USER 0 is root"),
    "root's group": ("user", {"User": "1000:0"}, "USER 1000:0 is root"),
    "named user": ("user", {"User": "app"}, "USER app is no number"),
    "another user": ("user", {"User": "65532:65532"}, "the catalog's run profile says 1000:1000"),
    "no health check": ("healthcheck", {"Healthcheck": None}, "no HEALTHCHECK"),
    "health check off": ("healthcheck", {"Healthcheck": {"Test": ["NONE"]}}, "no HEALTHCHECK"),
    "secret variable": ("environment", {"Env": ["DB_PASSWORD=hunter2"]}, "looks like a secret: DB_PASSWORD"),
    "key variable": ("environment", {"Env": ["A=b", "API_KEY=x"]}, "looks like a secret: API_KEY"),
    "credentials in a URL": ("environment", {"Env": ["INDEX=https://me:pw@pypi.example/"]}, "a secret: INDEX"),
    "no labels": ("labels", {"Labels": None}, "title is missing"),
    "missing label": (
        "labels",
        {"Labels": {k: v for k, v in LABELS.items() if "licenses" not in k}},
        "licenses is missing",
    ),
    "wrong label": ("labels", {"Labels": LABELS | {"org.opencontainers.image.title": "X"}}, "title is 'X', not 'Agent"),
    "wrong time": ("labels", {"Labels": LABELS | {"org.opencontainers.image.created": "today"}}, "created is 'today'"),
    "wrong commit": (
        "labels",
        {"Labels": LABELS | {"org.opencontainers.image.revision": "main"}},
        "revision is 'main'",
    ),
}


@pytest.mark.parametrize("case", BROKEN_SETTINGS)
def test_one_broken_setting_fails_its_check_and_says_how(tmp_path: Path, case: str) -> None:
    name, config, words = BROKEN_SETTINGS[case]
    checks = judge(tmp_path, config=config)
    failed = {check.name for check in checks.values() if check.status != "passed"}
    assert name in failed
    assert failed <= {name, "secrets"}
    assert words in checks[name].detail
    assert "hunter2" not in checks[name].detail


def test_the_index_needs_the_labels_as_annotations(tmp_path: Path) -> None:
    check = judge(tmp_path, annotations={})["annotations"]
    assert check.status == "failed"
    assert "title is missing" in check.detail


def test_a_build_of_a_changed_checkout_has_right_labels_too(tmp_path: Path) -> None:
    labels = LABELS | {"org.opencontainers.image.revision": "b" * 40 + "-dirty"}
    assert judge(tmp_path, config={"Labels": labels})["labels"].status == "passed"


def test_an_image_over_budget_names_its_layers_and_its_largest_files(tmp_path: Path) -> None:
    large = {f"opt/{n}": os.urandom(n * 100_000) for n in range(1, 8)}
    image = catalog.Image(
        **{f: getattr(COLLECTOR, f) for f in COLLECTOR.__dataclass_fields__} | {"size_budget": 2_000_000}
    )
    check = judge(tmp_path, large, image=image, history=["base", "COPY /out/ /opt/ # buildkit"])["size-budget"]
    assert check.status == "failed"
    assert "2.8 of 2 MB compressed" in check.detail
    assert "2.8 MB COPY /out/ /opt/" in check.detail
    assert "/opt/7 0.7 MB, /opt/6 0.6 MB, /opt/5 0.5 MB, /opt/4 0.4 MB, /opt/3 0.3 MB" in check.detail
    assert "docker/images.toml" in check.hint


def test_a_damaged_layout_has_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="leads out of the image"):
        judge(tmp_path, {"../x": b""})


def test_the_table_of_rules_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    with pytest.raises(ConfigurationError, match="cannot read"):
        rules.load(tmp_path)
    (tmp_path / rules.FILE).write_text('[[allowed]]\ncheck = "setuid"\npaths = ["x"]\n')
    with pytest.raises(ConfigurationError, match="reason"):
        rules.load(tmp_path)


def test_the_table_names_checks_and_images_that_are_there(tmp_path: Path) -> None:
    table = rules.load(REPOSITORY)
    checks = set(judge(tmp_path))
    assert {rule.check for rule in (*table.forbidden, *table.allowed)} <= checks
    assert {name for rule in table.allowed for name in rule.images} <= set(IMAGES)
    assert json.dumps([rule.reason for rule in table.allowed]).count('""') == 0
