"""Docker compose gets these arguments."""

from pathlib import Path

import pytest
import yaml

from galway import catalog
from galway.compose import SERVICES, argv
from galway.errors import ConfigurationError

ROOT = Path(__file__).parents[3]
PLACE = ("docker", "compose", "--project-directory", "/c", "--file", "/c/docker-compose.yml")
COMPOSE = argv.Compose(docker="docker", root=Path("/c"))


def test_up_builds_and_pulls_nothing() -> None:
    assert COMPOSE.up() == (*PLACE, "up", "--detach", "--no-build", "--pull", "never")


def test_an_override_comes_after_the_file_that_it_overrides() -> None:
    pinned = argv.Compose(docker="docker", root=Path("/c"), override=Path("/c/pinned.yml"))
    assert pinned.down() == (*PLACE, "--file", "/c/pinned.yml", "down")


def test_down_keeps_the_data_unless_it_is_told() -> None:
    assert COMPOSE.down() == (*PLACE, "down")
    assert COMPOSE.down(volumes=True) == (*PLACE, "down", "--volumes")


def test_logs_follow_one_service_or_show_the_end_of_all() -> None:
    assert COMPOSE.logs(["agent-collector"], follow=True) == (*PLACE, "logs", "--follow", "agent-collector")
    assert COMPOSE.logs(tail=0) == (*PLACE, "logs", "--tail", "0")


def test_a_mistyped_service_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigurationError) as caught:
        argv.services(["agent-colector"])
    assert "'agent-collector'" in caught.value.hint


def test_the_services_run_the_images_that_the_compose_file_names() -> None:
    written = yaml.safe_load((ROOT / argv.FILE).read_text())["services"]
    images = {image.name: str(image.reference) for image in catalog.load(ROOT).images}
    named = {
        name: row["image"].replace("${REGISTRY:-ghcr.io/jpoley}", "ghcr.io/jpoley") for name, row in written.items()
    }
    assert named == {service: images[image] for service, image in SERVICES.items()}


def test_a_timeout_is_a_number_of_seconds() -> None:
    assert argv.seconds("90") == 90
    with pytest.raises(ConfigurationError, match="no number of seconds"):
        argv.seconds("soon")


def test_places_and_results_follow_the_variables_of_the_compose_file() -> None:
    written = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert written["agent-collector"]["ports"] == [
        f"127.0.0.1:${{{variable}:-{port}}}:{port}" for variable, port in argv.PORTS.items()
    ]
    assert "${GALWAY_SCAN:-.}/results:/scan/results:rw" in written["security-scanner"]["volumes"]
    chosen = {"GALWAY_API_PORT": "1", "GALWAY_METRICS_PORT": "2", "GALWAY_SCAN": "there"}
    settings: tuple[dict[str, str], ...] = ({}, chosen)
    assert [argv.places(argv.ports(each))["agent-collector"] for each in settings] == [
        ("http://127.0.0.1:8080 (API)", "http://127.0.0.1:9090/metrics"),
        ("http://127.0.0.1:1 (API)", "http://127.0.0.1:2/metrics"),
    ]
    assert (argv.results(Path("/c"), {}), argv.results(Path("/c"), chosen)) == (
        Path("/c/results"),
        Path("/c/there/results"),
    )


@pytest.mark.parametrize("port", ["soon", "0", "65536", "-1"])
def test_what_is_no_port_is_told_with_its_variable(port: str) -> None:
    with pytest.raises(ConfigurationError, match=f"GALWAY_METRICS_PORT={port}: no port"):
        argv.ports({"GALWAY_METRICS_PORT": port})
