"""What holds for every unit test: no process starts unplanned, and no setting of the caller's shell leaks in.

Property tests try few cases, so that all tests take seconds; CI tries many each week (`--hypothesis-profile thorough`).
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import registries
from hypothesis import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

# Without a deadline: a busy machine is no fault of what is tested.
settings.register_profile("quick", max_examples=30, deadline=None)
settings.register_profile("thorough", max_examples=1000, deadline=None)
settings.load_profile("quick")

SETTINGS = (
    "REGISTRY", "VERSION", "CACHE", "COMPRESSION", "BASES", "PYTHON_BASE", "SOURCE_DATE_EPOCH", "BUILDX_BUILDER",
)  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_starts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a process fails a test that does not carry the marker `starts_processes`."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    if request.node.get_closest_marker("starts_processes"):
        return

    def refuse(argv: Any, *_: Any, **__: Any) -> None:
        pytest.fail(f"a unit test started {argv}")

    monkeypatch.setattr(subprocess, "Popen", refuse)


@pytest.fixture
def registry() -> Iterator[registries.Registry]:
    """An empty registry, which a test may make misbehave."""
    with registries.serve() as serving:
        yield serving
