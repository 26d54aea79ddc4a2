"""Looks for what is a secret by its form: private keys, tokens with known prefixes, credentials in settings."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from galway.checks import Check
from galway.checks.secrets.nested import Budget, explore
from galway.filesystem import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from galway.checks import Subject
    from galway.checks.rules import Rules
    from galway.filesystem import Entry
    from galway.layout import Manifest

_NAMED = 5
_OVERLAP = 2048  # bytes of a chunk that are searched again with the next; no pattern needs more to match
_SETTINGS_LIMIT = 1 << 20

# What a secret begins with, and how it goes on. The beginnings are plain letters: of those alone the engine makes a
# search that skips from candidate to candidate (2.3 s for 390 MB here); classes in them cost four times that, and the
# whole patterns as groups over a hundred seconds.
_ANYWHERE: dict[str, tuple[tuple[bytes, ...], bytes]] = {
    "a private key": (
        (b"-----BEGIN ",),
        (
            rb"(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nrt]|[\"'+]){1,64}"
            rb"(?:[A-Za-z-]{1,40}: [^\n]{0,200}\s+){0,4}[A-Za-z0-9+/]{40}"
        ),
    ),
    "a GitHub token": ((b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), rb"[A-Za-z0-9]{36}(?![A-Za-z0-9])"),
    "a GitHub fine-grained token": ((b"github_pat_",), rb"[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"),
    "a GitLab token": ((b"glpat-",), rb"[A-Za-z0-9_-]{20}"),
    "an AWS access key": ((b"AKIA", b"ASIA"), rb"(?<![A-Za-z0-9/+]....)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    "a Slack token": ((b"xox",), rb"[abeoprs]-[0-9A-Za-z]{1,14}-[0-9A-Za-z-]{10,}"),
    "a Slack webhook": ((b"hooks.slack.com",), rb"/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/[A-Za-z0-9]{24}"),
    "a PyPI token": ((b"pypi-Ag",), rb"(?:EIcHlwaS5vcmc|ENdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,}"),
    "an npm token": ((b"npm_",), rb"(?<![A-Za-z0-9_]....)[A-Za-z0-9]{36}(?![A-Za-z0-9_])"),
    "a Docker Hub token": ((b"dckr_pat_",), rb"[A-Za-z0-9_-]{27}"),
    "a Google API key": ((b"AIza",), rb"(?<![A-Za-z0-9_-]....)[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "a Stripe key": ((b"sk_live_", b"rk_live_"), rb"[A-Za-z0-9]{24,}"),
    "an Anthropic or OpenAI key": ((b"sk-ant-", b"sk-proj-"), rb"[A-Za-z0-9_-]{40,}"),
    "a Hugging Face token": ((b"hf_",), rb"(?<![A-Za-z0-9_]...)[A-Za-z]{34}(?![A-Za-z0-9_])"),
    "a JSON web token": (
        (b"eyJ",),
        rb"(?<![A-Za-z0-9_-]...)[A-Za-z0-9_-]{10,400}\.eyJ[A-Za-z0-9_-]{10,1400}\.[A-Za-z0-9_-]{20,}",
    ),
    "a crates.io token": ((b"CARGO_REGISTR",), rb"[A-Z_]{1,40}TOKEN[\"']?\s{0,3}[=:]\s{0,3}[\"']?[A-Za-z0-9_-]{16,}"),
    "an AWS secret key": (
        (b"AWS_SECRET_ACCESS_KEY", b"aws_secret_access_key"),
        rb"[\"']?\s{0,3}[=:]\s{0,3}[\"']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    ),
}
# In files that are made to hold settings and credentials; elsewhere these forms are documentation.
_IN_SETTINGS = {
    "credentials in a URL": rb"[a-z]://[^\s/@:\"'<>{}$]*:(?![$<{\[*])[^\s/@\"'<>{}]+@[A-Za-z0-9\[]",
    "a registry login": rb"\"(?:auth|identitytoken|registrytoken)\"\s*:\s*\"[A-Za-z0-9+/=._-]{8,}\"",
    "an npm login": rb"_(?:authToken|auth|password)\s*=\s*[\"']?(?![$<{])[A-Za-z0-9+/=_-]{8,}",
    "a password or token": rb"(?im)^[^#;\n]*(?<![a-z])(?:password|passwd|token|secret_access_key)(?:\s*[=:]\s*|[ \t]+)"
    rb"[\"']?(?![$<{%])[^\s\"'#<>{}$]{6,}",
}
_SETTINGS_FILE = re.compile(
    r"(?:.*/)?(?:pip\.(?:conf|ini)|uv\.toml|\.npmrc|\.yarnrc(?:\.yml)?|\.curlrc|\.wgetrc|\.?gitconfig|\.git-credentials|"
    r"\.netrc|_netrc|\.pypirc|\.pgpass|\.my\.cnf|\.env(?:\.[a-z]+)?|auth\.conf|sources\.list|[^/]+\.sources|"
    r"\.docker/config\.json|\.dockercfg|containers/auth\.json|\.?cargo/(?:config|credentials)(?:\.toml)?|"
    r"\.aws/credentials|\.git/config|apt/(?:auth|sources)\.(?:conf|list)\.d/[^/]+|\.m2/settings\.xml|\.ssh/config|"
    r"run/secrets/[^/]+)"
)
_BEGINNING = re.compile(b"|".join(re.escape(head) for heads, _ in _ANYWHERE.values() for head in heads))
_WHOLE = {
    name: re.compile(b"(?:%s)" % b"|".join(map(re.escape, heads)) + rest) for name, (heads, rest) in _ANYWHERE.items()
}
_SETTINGS = {name: re.compile(pattern) for name, pattern in _IN_SETTINGS.items()}


@dataclass(frozen=True, kw_only=True)
class Hit:
    """Something that looks like a secret; its value is never kept."""

    what: str
    path: str
    layer: int


class Scan:
    """Takes the files of all layers, deleted ones among them, and remembers what looks like a secret."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.budget = Budget()
        self.hits: dict[Hit, None] = {}

    def file(self, entry: Entry, data: Iterator[bytes]) -> None:
        """Read a file to its end, and what is packed in it."""
        if entry.kind == "file":
            explore(shown(entry.path), data, lambda where: _Sink(self, where, entry.layer), self.budget)

    def note(self, what: str, path: str, layer: int) -> None:
        """Remember a hit."""
        self.hits[Hit(what=what, path=path, layer=layer)] = None


class _Sink:
    def __init__(self, scan: Scan, where: str, layer: int) -> None:
        self.scan, self.where, self.layer = scan, where, layer
        self.tail = b""
        self.settings = _SETTINGS_FILE.fullmatch(where.rpartition("!")[2]) is not None

    def feed(self, chunk: bytes) -> None:
        window = self.tail + chunk
        for what in tokens(window):
            self.scan.note(what, self.where, self.layer)
        if self.settings:
            for what in credentials(window):
                self.scan.note(what, self.where, self.layer)
        self.tail = window[-(_SETTINGS_LIMIT if self.settings else _OVERLAP) :]


def tokens(data: bytes) -> Iterator[str]:
    """What some bytes hold that is a secret wherever it stands."""
    for match in _BEGINNING.finditer(data):
        yield from (what for what, pattern in _WHOLE.items() if pattern.match(data, match.start()))


def credentials(data: bytes) -> Iterator[str]:
    """What some bytes hold that is a secret in a file of settings."""
    return (what for what, pattern in _SETTINGS.items() if pattern.search(data))


def check(subject: Subject, scan: Scan, rules: Rules) -> Check:
    """Nothing that looks like a secret in any file of any layer, nor in the configuration and its history.

    Raises
    ------
    BuildError
        The layout is damaged.
    """
    excuse = rules.excuse("secrets", subject.image.name)
    found = [hit for hit in scan.hits if not excuse.match(hit.path)]
    wrong = [f"{hit.what} in /{hit.path} (layer {hit.layer})" for hit in found]
    document = json.dumps(subject.manifest.config, ensure_ascii=False).encode()
    wrong += [
        f"{what} in the image configuration" for what in dict.fromkeys((*tokens(document), *credentials(document)))
    ]
    wrong += [f"a build argument that looks like a secret in the history: {name}" for name in _arguments(subject)]
    if wrong:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        hint = "keep it out of every layer (RUN --mount=type=secret) and replace it: it is known now"
        return Check(
            kind="content", name="secrets", status="failed", detail=", ".join(wrong[:_NAMED]) + more, hint=hint
        )
    if scan.budget.unread:
        detail = "; ".join(scan.budget.unread[:_NAMED])
        hint = "leave such files out of the image"
        return Check(kind="content", name="secrets", status="not_evaluated", detail=detail, hint=hint)
    return Check(kind="content", name="secrets", status="passed")


_ARGUMENT = re.compile(
    r"(?:^|[\s|])([A-Za-z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|CREDENTIAL)[A-Za-z0-9_]*)=(?![\s$\"']|$)",
    re.IGNORECASE,
)


def _arguments(subject: Subject) -> list[str]:
    """Names of build arguments and settings in the history that look like secrets."""
    steps = subject.manifest.config.get("history") or []
    lines = [str(step.get("created_by", "")) for step in steps]
    return list(dict.fromkeys(match[1] for line in lines for match in _ARGUMENT.finditer(line)))
