"""docker-compose.yml runs the catalog's images, by their versions."""

import re
from pathlib import Path

from galway import catalog

ROOT = Path(__file__).parents[2]


def test_compose_names_the_catalogs_references() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    named = {
        match.replace("${REGISTRY:-ghcr.io/jpoley}", "ghcr.io/jpoley") for match in re.findall(r"image: (\S+)", text)
    }
    references = {str(image.reference) for image in catalog.load(ROOT).images if image.name != "ci"}
    assert named == references


def test_the_specifications_services_are_there() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert re.findall(r"^  (\S+):$", text, re.MULTILINE)[:2] == ["security-scanner", "agent-collector"]
