"""What an image holds: permissions, left-overs, tools, secrets, settings and size, read from its bytes in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from galway import filesystem
from galway.checks import Check, rules as tables, secrets, settings
from galway.filesystem import Tree, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from galway.checks import Subject
    from galway.checks.rules import Rules
    from galway.filesystem import Entry, Filesystem

APP = "app"
NAMED = 5
"""So many files are named in a line; the others are counted."""

_WRITE, _WORLD_WRITE, _STICKY, _SETID = 0o222, 0o002, 0o1000, 0o6000


def check(subject: Subject) -> list[Check]:
    """Judge one platform of one image; every check has a verdict, whatever the others found.

    Raises
    ------
    BuildError
        The layout is damaged, or holds what no honest layer holds.
    ConfigurationError
        `docker/content.toml` or the catalog is broken.
    """
    rules = tables.load(subject.root)
    tree = Tree(subject.layout, subject.manifest)
    scan = secrets.Scan(subject.manifest)
    for entry, data in filesystem.walk(subject.layout, subject.manifest):
        tree.add(entry)
        scan.file(entry, data)
    files = tree.finish()
    return [
        app(subject, files, rules),
        setuid(subject, files, rules),
        world_writable(subject, files, rules),
        devices(subject, files, rules),
        left_overs(subject, files, rules, "package-caches", "delete it in the same RUN that makes it"),
        left_overs(
            subject, files, rules, "build-tools", "leave it in a builder stage, or allow it in docker/content.toml"
        ),
        settings.user(subject),
        settings.labels(subject),
        settings.index_annotations(subject),
        settings.healthcheck(subject),
        settings.environment(subject),
        settings.budget(subject, files),
        secrets.check(subject, scan, rules),
    ]


def app(subject: Subject, files: Filesystem, rules: Rules) -> Check:
    """`/app` is read and execute only, and nothing in it is the run user's (specification, read-only filesystem).

    Folders are 555, which is what the specification's `chmod -R 555` is about: nobody may add, replace or delete. Files
    may be 444 too, since only programs have to be executable. Exceptions are folders for data, which must be empty.
    """
    uid = int(subject.image.run.user.partition(":")[0])
    excuse = rules.excuse("app-read-only", subject.image.name)
    wrong = []
    inside = [entry for path, entry in files.entries.items() if path == APP or path.startswith(f"{APP}/")]
    for entry in inside:
        if entry.kind == "symlink" or excuse.match(entry.path):
            continue
        if entry.uid == uid:
            wrong.append(f"{_name(entry)} belongs to the run user {uid}")
        elif entry.mode & _WRITE or (entry.kind == "directory" and entry.mode & 0o777 != 0o555):
            wrong.append(f"{_name(entry)} has mode {entry.mode:o}")
        elif any(excuse.match(parent) for parent in _parents(entry.path)):
            wrong.append(f"{_name(entry)} lies in a folder for data")
    return _judge(
        "app-read-only", wrong, "chmod -R a=rX,a-w /app and chown root in the Dockerfile", f"{len(inside)} entries"
    )


def setuid(subject: Subject, files: Filesystem, rules: Rules) -> Check:
    """No file lends its owner's or group's rights; whoever starts it would have them."""
    found = (e for e in files.entries.values() if e.kind in ("file", "hardlink") and e.mode & _SETID)
    hint = "chmod a-s it in the last stage; bases bring su, mount and the like with it"
    return _paths("setuid", found, subject, rules, hint)


def world_writable(subject: Subject, files: Filesystem, rules: Rules) -> Check:
    """Nobody may write what is not theirs; a folder with the sticky bit, as `/tmp`, is for everyone's own files."""
    found = (
        entry
        for entry in files.entries.values()
        if entry.kind != "symlink"
        and entry.mode & _WORLD_WRITE
        and not (entry.kind == "directory" and entry.mode & _STICKY)
    )
    return _paths("world-writable", found, subject, rules, "chmod o-w it in the Dockerfile")


def devices(subject: Subject, files: Filesystem, rules: Rules) -> Check:
    """No device file; the runtime gives those that a container may have."""
    found = (entry for entry in files.entries.values() if entry.kind == "device")
    return _paths("devices", found, subject, rules, "delete it, or build on another base")


def left_overs(subject: Subject, files: Filesystem, rules: Rules, check_name: str, hint: str) -> Check:
    """Nothing that `docker/content.toml` forbids under this check's name."""
    excuse = rules.excuse(check_name, subject.image.name)
    forbidden = rules.of(check_name)
    wrong = []
    for path, entry in files.entries.items():
        if entry.kind == "directory" or excuse.match(path):
            continue
        what = next((what for what, pattern in forbidden if pattern.match(path)), None)
        if what is not None:
            wrong.append(f"{_name(entry)} ({what})")
    return _judge(check_name, wrong, hint)


def _paths(name: str, found: Iterable[Entry], subject: Subject, rules: Rules, hint: str) -> Check:
    excuse = rules.excuse(name, subject.image.name)
    wrong = [f"{_name(entry)} ({entry.mode:o}, layer {entry.layer})" for entry in found if not excuse.match(entry.path)]
    return _judge(name, wrong, hint)


def _judge(name: str, wrong: Sequence[str], hint: str, fine: str = "") -> Check:
    if not wrong:
        return Check(kind="content", name=name, status="passed", detail=fine)
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    return Check(kind="content", name=name, status="failed", detail=", ".join(wrong[:NAMED]) + more, hint=hint)


def _name(entry: Entry) -> str:
    return f"/{shown(entry.path)}"


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
