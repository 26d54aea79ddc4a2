"""Which builder is made for a Docker, and from which image."""

from __future__ import annotations

import pytest

from galway.engine import builders

PIN = builders.BUILDKIT_IMAGE


def test_the_builder_is_pinned_and_on_the_hosts_network() -> None:
    assert builders.create_argv("docker", "galway", PIN) == (
        *("docker", "buildx", "create", "--name", "galway", "--driver", "docker-container"),
        *("--driver-opt", f"image={PIN}", "--driver-opt", "network=host"),
    )
    assert "@sha256:" in PIN


def test_the_machines_own_docker_has_the_plain_name() -> None:
    assert builders.name_for(None, "default") == "galway"


def test_each_docker_has_a_builder_of_its_own() -> None:
    places = [("tcp://far:2376", "default"), ("ssh://far", "default"), (None, "default"), (None, "desktop-linux")]
    assert len({builders.name_for(host, context) for host, context in places}) == 4
    assert builders.name_for("ssh://far", "default") == builders.name_for("ssh://far", "desktop-linux")


@pytest.mark.parametrize(
    ("named", "current", "image"),
    [
        (None, None, PIN),
        (None, "moby/buildkit:v0.30.0@sha256:12", PIN),
        (None, "site/buildkit:1", "site/buildkit:1"),
        ("site/buildkit:2", "site/buildkit:1", "site/buildkit:2"),
        ("site/buildkit:2", "moby/buildkit:v0.30.0", "site/buildkit:2"),
        (None, "", ""),
        ("site/buildkit:2", "", ""),
    ],
)
def test_an_image_that_somebody_named_stays_and_an_old_pin_goes(
    named: str | None, current: str | None, image: str
) -> None:
    assert builders.wanted_image(named, current) == image
