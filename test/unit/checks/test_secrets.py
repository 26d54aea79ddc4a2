"""A secret is known by its form wherever it lies in an image; what only resembles one is not reported."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import layouts
import pytest

from galway import catalog
from galway.checks import Check, Subject, rules as tables, secrets
from galway.checks.rules import Rules
from galway.checks.secrets import Scan
from galway.filesystem import walk
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

IMAGE = catalog.load(REPOSITORY).select(["agent-updates-collector"])[0]
B64 = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
ALNUM = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
TOKENS = {
    "a private key": f"-----BEGIN RSA PRIVATE KEY-----\n{B64}\n",
    "a private key in a string": f"key = '-----BEGIN PRIVATE KEY-----\\n{B64}",
    "a private key with headers": f"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: X,1\n\n{B64}",
    "a private key of OpenSSH": f"-----BEGIN OPENSSH PRIVATE KEY-----\r\n{B64}",
    "a private key of PGP": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{B64}",
    "a GitHub token": "ghp_" + ALNUM,
    "a GitHub fine-grained token": "github_pat_" + ALNUM[:22] + "_" + (ALNUM * 2)[:59],
    "a GitLab token": "glpat-" + ALNUM[:20],
    "an AWS access key": "AKIA" + "Z2Y3X4W5V6U7T2SQ",
    "an AWS secret key": "aws_secret_access_key = " + (ALNUM + "/+xy"),
    "a Slack token": "xoxb-" + "123456789012-abcdefghijkl",
    "a PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + ALNUM * 2,
    "an npm token": "npm_" + ALNUM,
    "a Docker Hub token": "dckr_pat_" + ALNUM[:27],
    "a Google API key": "AIza" + ALNUM[:35],
    "a JSON web token": f"eyJ{ALNUM}.eyJ{ALNUM}.{ALNUM}",
    "a crates.io token": "CARGO_REGISTRY_TOKEN=" + ALNUM,
}
SETTINGS = {
    "etc/pip.conf": "[global]\nindex-url = https://me:secret1@pypi.example/simple\n",
    "root/.pypirc": "[pypi]\nusername = __token__\npassword = hunter22\n",
    "root/.netrc": "machine example.org login me password hunter22\n",
    "root/.docker/config.json": '{"auths": {"ghcr.io": {"auth": "bWU6c2VjcmV0MQ=="}}}',
    "root/.npmrc": "//registry.example/:_authToken=abcdefgh12345678\n",
    "root/.cargo/credentials.toml": '[registry]\ntoken = "abcdefgh12345678"\n',
    "root/.aws/credentials": "[default]\naws_session_token = abcdefgh12345678\n",
    "etc/apt/sources.list.d/site.sources": "URIs: https://me:secret1@deb.example/debian\n",
    "root/.git-credentials": "https://me:secret1@github.example\n",
    "srv/.env": "DATABASE_PASSWORD=hunter22\n",
}
HARMLESS = {
    "usr/lib/libssl.so": "-----BEGIN PRIVATE KEY-----\0-----BEGIN RSA PRIVATE KEY-----\0",
    "usr/lib/x.py": 'if "-----BEGIN PRIVATE KEY-----" in line:\n    raise ValueError("a private key, sorry")',
    "usr/share/doc/x.md": "see https://user:password@host/ and ghp_xxxx; set password = something-long-here",
    "usr/lib/y.bin": "XAKIAZ2Y3X4W5V6U7T2SQ eyJhbGciOiJIUzI1NiJ9 AKIA npm_install_everything_that_there_is_by_name",
    "etc/pip.conf": "[global]\nindex-url = https://pypi.example/simple\n# password = commented\n",
    "root/.npmrc": "//registry.example/:_authToken=${NPM_TOKEN}\n",
    "root/.netrc": "# machine login password\n",
    "etc/gitconfig": "[user]\n\tname = CI Bot\n\temail = ci@peregrinesummit.com\n",
}


def scan(
    folder: Path,
    *layers: Mapping[str, bytes],
    history: list[str] | None = None,
    config: dict[str, object] | None = None,
    rules: Rules | None = None,
) -> Check:
    layout = layouts.build(folder, *layers, history=history, config=config)
    (manifest,) = layout.manifests()
    seen = Scan(manifest)
    for entry, data in walk(layout, manifest):
        seen.file(entry, data)
    subject = Subject(
        image=IMAGE,
        layout=layout,
        manifest=manifest,
        root=REPOSITORY,
        scratch=folder,
        engine=None,
        reference="",
        runs="no",
    )
    return secrets.check(subject, seen, rules or Rules())


@pytest.mark.parametrize("kind", TOKENS)
def test_a_secret_is_known_by_its_form_wherever_it_stands_and_its_value_is_not_told(tmp_path: Path, kind: str) -> None:
    check = scan(tmp_path, {"usr/lib/x.bin": b"x" * 1_048_560 + b" " + TOKENS[kind].encode() + b" y"})
    assert check.status == "failed"
    name = "a private key" if kind.startswith("a private key") else kind
    assert check.detail == f"{name} in /usr/lib/x.bin (layer 0)"
    assert "replace it" in check.hint


@pytest.mark.parametrize("kind", TOKENS)
def test_a_secret_across_two_chunks_of_a_file_is_known_too(tmp_path: Path, kind: str) -> None:
    layout = layouts.build(tmp_path, {"x": b""})
    (manifest,) = layout.manifests()
    ((entry, _),) = walk(layout, manifest)
    data = b" " * 600 + TOKENS[kind].encode() + b" " * 600
    for cut in range(590, len(data) - 590, 7):
        seen = Scan(manifest)
        seen.file(entry, iter([data[:cut], data[cut:]]))
        assert len(seen.hits) == 1


@pytest.mark.parametrize("path", SETTINGS)
def test_credentials_in_a_file_of_settings_are_found(tmp_path: Path, path: str) -> None:
    check = scan(tmp_path, {path: SETTINGS[path].encode()})
    assert check.status == "failed"
    assert f"in /{path} (layer 0)" in check.detail


def test_what_only_resembles_a_secret_is_none(tmp_path: Path) -> None:
    check = scan(tmp_path, {path: text.encode() for path, text in HARMLESS.items()})
    assert (check.status, check.detail) == ("passed", "")


def test_deleted_and_packed_files_count(tmp_path: Path) -> None:
    token = TOKENS["a GitHub token"].encode()
    check = scan(tmp_path, {"a": token, "b.whl": layouts.zipped(token)}, {".wh.a": b"", ".wh.b.whl": b""})
    assert "a GitHub token in /a (layer 0)" in check.detail
    assert "/b.whl!pkg/data.txt (layer 0)" in check.detail


def test_the_configuration_and_its_history_count(tmp_path: Path) -> None:
    history = ["RUN |1 NPM_TOKEN=abcdef /bin/sh -c make", "ENV DB_PASSWORD=hunter22", "RUN echo ok"]
    token = TOKENS["a GitHub token"]
    detail = scan(tmp_path, {"x": b""}, history=history, config={"Env": [f"X={token}"]}).detail
    for words in ("a GitHub token in the image configuration", "history: NPM_TOKEN", "history: DB_PASSWORD"):
        assert words in detail
    assert token not in detail
    assert "hunter22" not in detail


def test_build_secrets_and_empty_settings_in_the_history_are_fine(tmp_path: Path) -> None:
    history = [
        'RUN --mount=type=secret,id=pip,target=/run/secrets/pip TOKEN="$(cat /run/secrets/pip)" make',
        "ARG NPM_TOKEN=",
    ]
    assert scan(tmp_path, {"x": b""}, history=history).status == "passed"


def test_known_test_keys_are_excused_by_their_place_alone(tmp_path: Path) -> None:
    key = TOKENS["a private key"].encode()
    files = {"usr/lib/x86_64-linux-gnu/libgnutls.so.30": key}
    assert scan(tmp_path / "1", files, rules=tables.load(REPOSITORY)).status == "passed"
    check = scan(tmp_path / "2", {**files, "usr/lib/libother.so": key}, rules=tables.load(REPOSITORY))
    assert check.detail == "a private key in /usr/lib/libother.so (layer 0)"


def test_what_could_not_be_read_is_not_passed(tmp_path: Path) -> None:
    deep = b"nothing"
    for _ in range(7):
        deep = gzip.compress(deep)
    assert scan(tmp_path, {"x": deep}).status == "not_evaluated"
