"""The scanner image on a folder: its command, and what its exit codes mean here."""

from __future__ import annotations

from pathlib import Path

import pytest

from galway import catalog, process
from galway.stages import source_scan
from galway.workspace import REPOSITORY

(IMAGE,) = catalog.load(REPOSITORY).select(["security-scanner"])
REQUEST = source_scan.Request(
    path=Path("/project"), output=Path("/out"), advisories=Path("/all.zip"), fail_on="critical"
)


def ended(code: int) -> process.Completed:
    return process.Completed(argv=("docker",), code=code, stdout="", stderr="", seconds=1.0)


def test_the_source_is_read_only_without_a_network_and_results_are_the_owners() -> None:
    argv = source_scan.command("docker", IMAGE, REQUEST, root=REPOSITORY, cores=2, owner="1234:99")
    text = " ".join(argv)
    assert "--network none" in text
    assert "--read-only" in text
    assert "--cap-drop ALL" in text
    assert "--user 1234:99" in text
    assert "--volume /project:/scan:ro --volume /out:/results:rw --volume /all.zip:/advisories:ro" in text
    assert "--env FAIL_ON=critical" in text
    assert argv[-1] == str(IMAGE.reference)


@pytest.mark.parametrize(("code", "ours"), [(1, 7), (2, 2), (3, 10), (4, 10), (137, 10)])
def test_each_exit_code_of_the_image_has_ours(code: int, ours: int) -> None:
    error = source_scan.verdict(ended(code), REQUEST)
    assert error is not None
    assert error.exit_code == ours


def test_a_clean_scan_is_no_error() -> None:
    assert source_scan.verdict(ended(0), REQUEST) is None
