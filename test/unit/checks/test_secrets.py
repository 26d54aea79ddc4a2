"""A planted secret is found wherever and however it lies in a layout; what only resembles one is not reported."""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import json
import lzma
import urllib.parse
import zipfile
from typing import TYPE_CHECKING

import layouts
import pytest
import zstandard
from hypothesis import given, strategies as st

from galway import catalog
from galway.checks import Check, Subject, rules as tables, secrets
from galway.checks.rules import Rules
from galway.checks.secrets import Scan, canaries, nested
from galway.checks.secrets.canaries import Needles
from galway.filesystem import walk
from galway.workspace import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from galway.checks.secrets import Search
    from galway.layout import Layout

CANARY = 'canary/+&<"w0rth> finding\\ñ'.encode()
IMAGE = catalog.load(REPOSITORY).select(["agent-updates-collector"])[0]


def zipped(content: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("empty.txt", b"")
        archive.writestr("pkg/data.txt", content)
    return stream.getvalue()


def targz(content: bytes) -> bytes:
    return gzip.compress(layouts.tar({"x/y": content}))


def search(layout: Layout, value: bytes = CANARY) -> Search:
    return canaries(layout, layout.manifests()[0], {"token": value})


def planted(folder: Path, content: bytes, *, path: str = "opt/x") -> Search:
    return search(layouts.build(folder, {path: content}))


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "base64": base64.b64encode,
    "base64 after one byte": lambda value: base64.b64encode(b"u:" + value + b"x"),
    "base64 after two bytes": lambda value: base64.b64encode(b":" + value + b"xy"),
    "base64url": base64.urlsafe_b64encode,
    "base64 in lines": lambda value: base64.encodebytes(b"p" * 40 + value + b"p" * 40),
    "hexadecimal": lambda value: value.hex().encode(),
    "hexadecimal in capitals": lambda value: value.hex().upper().encode(),
    "percent": lambda value: urllib.parse.quote(value, safe="").encode(),
    "percent as in forms": lambda value: urllib.parse.quote_plus(value).encode(),
    "JSON": lambda value: json.dumps(value.decode(), ensure_ascii=False).encode(),
    "JSON by Go": lambda value: (
        json.dumps(value.decode(), ensure_ascii=False)
        .replace("&", "\\u0026")
        .replace("<", "\\u003c")
        .replace(">", "\\u003e")
        .encode()
    ),
}
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
    "zip": zipped,
    "wheel with bzip2": lambda content: zipped(content, method=zipfile.ZIP_BZIP2),
    "tar.gz": targz,
    "zip in tar.gz in xz": lambda content: lzma.compress(targz(zipped(content))),
    "gzip in tar": lambda content: layouts.tar({"inner.gz": gzip.compress(content)}),
}


def around(content: bytes) -> bytes:
    return bytes(range(256)) * 9000 + content + bytes(range(256)) * 4


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_secret_is_found_and_its_place_named(tmp_path: Path, form: str) -> None:
    seen = planted(tmp_path, around(FORMS[form](CANARY)))
    assert any(hit.startswith("layer 0, /opt/x: token") for hit in seen.found)
    assert CANARY.decode() not in str(seen.found)


@pytest.mark.parametrize("packing", PACKED)
def test_a_secret_is_found_inside_packed_files(tmp_path: Path, packing: str) -> None:
    seen = planted(tmp_path, PACKED[packing](around(CANARY)))
    assert any(hit.startswith("layer 0, /opt/x!") for hit in seen.found)
    assert seen.unread == ()


@given(value=st.binary(min_size=8, max_size=40), before=st.binary(max_size=8), after=st.binary(max_size=8))
def test_any_value_is_found_in_any_base64_around_it(value: bytes, before: bytes, after: bytes) -> None:
    needles = Needles({"v": value})
    needles.look("here", [base64.b64encode(before + value + after)])
    assert needles.found


@given(cut=st.integers(1, 200))
def test_a_secret_across_two_chunks_is_found(cut: int) -> None:
    needles = Needles({"v": CANARY})
    data = b"x" * 100 + CANARY + b"x" * 100
    needles.look("here", [data[:cut], data[cut:]])
    assert needles.found
    needles = Needles({"v": CANARY})
    data = b"x" * 70 + b"\n" + base64.encodebytes(CANARY * 3)
    needles.look("here", [data[: cut % len(data)], data[cut % len(data) :]])
    assert needles.found


def test_a_file_that_a_later_layer_deletes_still_tells_its_secret(tmp_path: Path) -> None:
    seen = search(layouts.build(tmp_path, {"etc/pip.conf": CANARY}, {"etc/.wh.pip.conf": b""}))
    assert "layer 0, /etc/pip.conf (hidden by layer 1): token" in seen.found


def put_in_blob(folder: Path) -> Layout:
    layout = layouts.build(folder, {"x": b""})
    layouts.put(folder, b"leftover " + CANARY)
    return layout


PLACES: dict[str, Callable[[Path], Layout]] = {
    "environment": lambda folder: layouts.build(folder, {"x": b""}, config={"Env": [f"A={CANARY.decode()}"]}),
    "label": lambda folder: layouts.build(folder, {"x": b""}, config={"Labels": {"a": CANARY.decode()}}),
    "build argument in the history": lambda folder: layouts.build(
        folder, {"x": b""}, history=[f"RUN |1 TOKEN={CANARY.decode()} /bin/sh -c make"]
    ),
    "annotation": lambda folder: layouts.build(folder, {"x": b""}, annotations={"a": CANARY.decode()}),
    "blob that nothing names": put_in_blob,
    "file's name": lambda folder: layouts.build(folder, {f"opt/{CANARY.hex()}": b""}),
    "link's target": lambda folder: layouts.build(folder, {"x": layouts.symlink(CANARY.hex())}),
    "extended attribute": lambda folder: layouts.build(
        folder, {"x": layouts.Node(pax=(("SCHILY.xattr.user.x", CANARY.hex()),))}
    ),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_is_found_in_any_part_of_a_layout(tmp_path: Path, place: str) -> None:
    assert search(PLACES[place](tmp_path)).found


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    seen = planted(tmp_path, around(b"".join(pack(b"harmless") for pack in PACKED.values())))
    assert seen.found == seen.unread == ()


def test_what_only_looks_packed_is_searched_as_it_is(tmp_path: Path) -> None:
    for number, start in enumerate((b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh9", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0")):
        assert planted(tmp_path / str(number), start + bytes(2 << 20) + CANARY).found
    assert planted(tmp_path / "cut", gzip.compress(around(b""))[:-9] + CANARY).found


def test_what_cannot_be_looked_into_is_said(tmp_path: Path) -> None:
    encrypted = bytearray(zipped(b"x"))
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = encrypted.rindex(signature)
        encrypted[place + flags] |= 1
    seen = planted(tmp_path / "1", bytes(encrypted))
    assert seen.found == ()
    assert "/opt/x!pkg/data.txt" in seen.unread[0]
    deep = CANARY
    for _ in range(7):
        deep = gzip.compress(deep)
    assert "packed too deep" in planted(tmp_path / "2", deep).unread[0]


def test_a_bomb_ends_at_the_budget() -> None:
    class Count:
        total = 0

        def feed(self, chunk: bytes) -> None:
            self.total += len(chunk)

    count, budget = Count(), nested.Budget(left=5 << 20)
    bomb = gzip.compress(gzip.compress(bytes(60 << 20)))
    nested.explore("bomb", iter([bomb]), lambda _: count, budget)
    assert count.total < 8 << 20
    assert any("more packed content" in note for note in budget.unread)


def test_a_value_too_short_to_mean_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 8"):
        search(layouts.build(tmp_path, {"x": b""}), b"short")


# --- what is a secret by its form -----------------------------------------------------------------------------------

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
    check = scan(tmp_path, {"a": token, "b.whl": zipped(token)}, {".wh.a": b"", ".wh.b.whl": b""})
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
