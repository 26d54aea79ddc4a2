"""What docker and buildx print, read."""

from __future__ import annotations

from pathlib import Path

import pytest

from galway.engine import docker
from galway.reference import Platform

DATA = Path(__file__).parent / "data"


def test_the_containerd_store_is_recognised() -> None:
    daemon = docker.parse_info((DATA / "info-containerd.json").read_text())
    assert daemon is not None
    assert (daemon.version, daemon.containerd_store) == ("26.1.5+dfsg1", True)


def test_a_classic_store_is_recognised() -> None:
    daemon = docker.parse_info(
        '{"ServerVersion":"28.2.2","Driver":"overlay2","DriverStatus":[["Backing Filesystem","extfs"]]}'
    )
    assert daemon is not None
    assert not daemon.containerd_store


@pytest.mark.parametrize("text", ["", "null", "[]", "not json", '{"ServerVersion":""}', '{"host":{}}'])
def test_what_is_no_docker_daemon_is_none(text: str) -> None:
    assert docker.parse_info(text) is None


def test_the_answer_of_a_client_without_a_daemon_is_none() -> None:
    assert docker.parse_info((DATA / "info-no-daemon.json").read_text()) is None


def test_platforms_are_read_without_variants_and_doubles() -> None:
    text = (DATA / "inspect-default.txt").read_text()
    assert docker.parse_platforms(text + text) == (Platform("linux", "amd64"), Platform("linux", "arm64"))


def test_preferred_platforms_and_foreign_ones_are_read() -> None:
    assert docker.parse_platforms("Platforms: linux/arm64*, windows/amd64, linux/riscv64") == (
        Platform("linux", "arm64"),
    )


def test_a_node_that_does_not_run_has_no_platforms() -> None:
    assert docker.parse_platforms((DATA / "inspect-inactive.txt").read_text()) == ()


def test_a_container_builder_tells_its_image_and_platforms() -> None:
    text = (DATA / "inspect-container.txt").read_text()
    assert docker.parse_image(text) == "site/buildkit:v0.33.1"
    assert docker.parse_platforms(text) == (Platform("linux", "amd64"), Platform("linux", "arm64"))


def test_other_builders_tell_no_image() -> None:
    assert docker.parse_image((DATA / "inspect-default.txt").read_text()) == ""
