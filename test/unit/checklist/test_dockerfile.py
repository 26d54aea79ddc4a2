"""A Dockerfile is read into stages and instructions with the lines that they stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shop import ROOT

from galway import catalog
from galway.checklist.dockerfile import parse

if TYPE_CHECKING:
    from galway.catalog import Image


def test_a_base_is_the_arguments_default_and_stands_on_its_line() -> None:
    file = parse("# syntax\nARG BASE=python:3.11@sha256:1\n\nFROM --platform=$BUILDPLATFORM ${BASE} AS Builder\n", "F")
    (stage,) = file.stages
    assert (stage.base, stage.name, stage.line, stage.source) == ("python:3.11@sha256:1", "builder", 4, 2)
    assert file.at(stage.source) == "F:2"


def test_continued_lines_and_here_documents_belong_to_their_instruction() -> None:
    text = (
        "FROM a\nRUN one && \\\n    # a comment between\n    two\nRUN <<'SH'\napt-get install x\nFROM no\nSH\nUSER 1\n"
    )
    one, two, three = parse(text, "F").stages[0].instructions
    assert (one.line, one.text) == (2, "one && two")
    assert (two.line, two.text) == (5, "<<'SH'\napt-get install x\nFROM no")
    assert (three.line, three.word) == (9, "USER")


def test_flags_are_told_from_arguments() -> None:
    (copy, run) = (
        parse(
            "FROM a\nCOPY --from=b --link /x y/ /z/\nRUN --mount=type=cache,id=i,target=/root/.cache/pip pip -h\n",
            "F",
        )
        .stages[0]
        .instructions
    )
    assert copy.origin == "b"
    assert copy.arguments == ["/x", "y/", "/z/"]
    assert run.mounts("cache") == ["/root/.cache/pip"]
    assert run.mounts("secret") == []


def test_stages_and_scratch_are_no_bases_from_outside() -> None:
    text = (
        "FROM python:3 AS one\nFROM one AS two-amd64\nFROM two-${TARGETARCH} AS three\nFROM scratch\nFROM debian:12\n"
    )
    assert [stage.base for stage in parse(text, "F").bases] == ["python:3", "debian:12"]


@pytest.mark.parametrize("image", catalog.load(ROOT).images, ids=lambda image: image.name)
def test_the_projects_own_files_are_read_to_their_last_line(image: Image) -> None:
    text = (ROOT / image.dockerfile).read_text()
    file = parse(text, image.dockerfile)
    assert {stage.base for stage in file.bases} == {reference for _, reference in image.bases}
    lines = text.splitlines()
    for stage in file.stages:
        assert lines[stage.line - 1].startswith("FROM ")
        for step in stage.instructions:
            assert lines[step.line - 1].split()[0] == step.word
    assert file.stages[-1].all("USER")[0].text == image.run.user
