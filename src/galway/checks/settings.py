"""What an image's configuration, index and size must be; the half of the content checks that needs no file."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from galway import catalog, versioning
from galway.checks import Check

if TYPE_CHECKING:
    from collections.abc import Mapping

    from galway.checks import Subject
    from galway.filesystem import Filesystem

MB = 1_000_000
_PREFIX = "org.opencontainers.image."
_USER = re.compile(r"(\d+)(?::(\d+))?")
_SECRET_NAME = re.compile(
    r"PASSW(?:OR)?D|PASSPHRASE|SECRET|TOKEN|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|(?:^|_)AUTH(?:$|_)",
    re.IGNORECASE,
)
_CREDENTIALS_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@:]*:[^\s/@]+@", re.IGNORECASE)
_REVISION = re.compile(r"([0-9a-f]{40})(-dirty)?")


def user(subject: Subject) -> Check:
    """The user is numeric, not root, and the one that the catalog's run profile names."""
    name, said = "user", str(_config(subject).get("User") or "")
    hint = f"end {subject.image.dockerfile} with USER {subject.image.run.user}"
    match = _USER.fullmatch(said)
    if not said:
        return _failed(name, "no USER is set, so it runs as root", hint)
    if match is None:
        return _failed(name, f"USER {said} is no number, so Kubernetes cannot tell that it is not root", hint)
    if int(match[1]) == 0 or (match[2] and int(match[2]) == 0):
        return _failed(name, f"USER {said} is root", hint)
    if said != subject.image.run.user:
        return _failed(name, f"USER is {said}, the catalog's run profile says {subject.image.run.user}", hint)
    return _passed(name, f"USER {said}")


def healthcheck(subject: Subject) -> Check:
    """A health check is set and not switched off."""
    test = (_config(subject).get("Healthcheck") or {}).get("Test") or []
    if not test or test[0] == "NONE":
        return _failed("healthcheck", "no HEALTHCHECK is set", f"add one to {subject.image.dockerfile}")
    return _passed("healthcheck", " ".join(map(str, test[1:]))[:80])


def labels(subject: Subject) -> Check:
    """The OCI labels are there and are those that `versioning.labels` gives for the revision that they name.

    Raises
    ------
    ConfigurationError
        The catalog is broken.
    """
    return _labels(subject, "labels", _config(subject).get("Labels") or {})


def index_annotations(subject: Subject) -> Check:
    """The index carries the same as annotations, which is what registries show.

    Raises
    ------
    BuildError
        The index is damaged.
    ConfigurationError
        The catalog is broken.
    """
    return _labels(subject, "annotations", subject.layout.document(subject.layout.digest).get("annotations") or {})


def environment(subject: Subject) -> Check:
    """No variable looks like a secret, by its name or by credentials in a URL; names are told, never values."""
    found = []
    for setting in _config(subject).get("Env") or []:
        name, _, value = str(setting).partition("=")
        if value and (_SECRET_NAME.search(name) or _CREDENTIALS_IN_URL.search(value)):
            found.append(name)
    if found:
        return _failed(
            "environment",
            f"ENV holds what looks like a secret: {', '.join(found)}",
            "give it at run time, or as a build secret (RUN --mount=type=secret), and replace it: it is known now",
        )
    return _passed("environment")


def budget(subject: Subject, files: Filesystem) -> Check:
    """The compressed layers are within the catalog's budget; says what is large either way."""
    manifest, allowed = subject.manifest, subject.image.size_budget
    layers = sorted(manifest.layers, key=lambda layer: -layer.size)[:3]
    large = sorted(files.entries.values(), key=lambda entry: -entry.size)[:5]
    parts = ", ".join(
        f"{layer.size / MB:.1f} MB {_step(layer.instruction)}" for layer in layers if layer.size >= MB / 20
    )
    names = ", ".join(f"/{entry.path} {entry.size / MB:.1f} MB" for entry in large)
    seen = (
        f"{manifest.size / MB:.1f} of {allowed / MB:.0f} MB compressed; layers: {parts or 'small'}; "
        f"largest files unpacked: {names or 'none'}"
    )
    if manifest.size > allowed:
        hint = "leave out what is not needed at run time, or change size_budget_mb in docker/images.toml"
        return _failed("size-budget", f"over budget: {seen}", hint)
    return _passed("size-budget", seen)


def _labels(subject: Subject, name: str, said: Mapping[str, str]) -> Check:
    hint = f"build it with `inv build -i {subject.image.name}`, which sets them from docker/images.toml and git"
    match = _REVISION.fullmatch(said.get(f"{_PREFIX}revision", ""))
    created = said.get(f"{_PREFIX}created", "")
    try:
        # What the label says of time and commit is taken over: it is the build's, which may be older than the checkout.
        epoch = int(datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        epoch = 0
    source = versioning.Source(
        revision=match[1] if match else "", branch="", epoch=epoch, tree="", dirty=bool(match and match[2])
    )
    wanted = versioning.labels(catalog.load(subject.root), subject.image, source)
    wrong = []
    for key, value in wanted.items():
        short = key.removeprefix(_PREFIX)
        if key not in said:
            wrong.append(f"{short} is missing")
        elif said[key] != value or not said[key]:
            wrong.append(f"{short} is {said[key]!r}" + (f", not {value!r}" if value and epoch and match else ""))
    if wrong:
        return _failed(name, "; ".join(wrong), hint)
    return _passed(name, f"{len(wanted)} as docker/images.toml and git say")


def _config(subject: Subject) -> dict[str, Any]:
    found = subject.manifest.config.get("config")
    return found if isinstance(found, dict) else {}


def _step(instruction: str) -> str:
    words = instruction.replace("# buildkit", "").split()
    return " ".join(words)[:48] or "(unnamed)"


def _passed(name: str, detail: str = "") -> Check:
    return Check(kind="content", name=name, status="passed", detail=detail)


def _failed(name: str, detail: str, hint: str) -> Check:
    return Check(kind="content", name=name, status="failed", detail=detail, hint=hint)
