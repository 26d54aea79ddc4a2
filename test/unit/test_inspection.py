"""What a person is told of an image, and of how two differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import layouts
import pytest
from rich.console import Console

from galway import bom, inspection
from galway.bom import Bom, Package
from galway.report import inspect as report
from galway.report.inspect import size

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from galway.inspection import Comparison, Inspection

CONFIG = {
    "User": "1000:1000",
    "ExposedPorts": {"9090/tcp": {}, "8080/tcp": {}},
    "Entrypoint": ["/bin/app", "two words"],
    "Cmd": ["serve"],
    "Env": ["PATH=/bin", "A=b=c"],
    "Labels": {"org.opencontainers.image.title": "Demo"},
    "Healthcheck": {"Test": ["CMD", "/bin/app", "health"], "Interval": 30_000_000_000},
}
LOWER: dict[str, layouts.Node | bytes] = {"big": b"b" * 5000, "gone": b"g" * 300, "old": b"o" * 200}
UPPER: dict[str, layouts.Node | bytes] = {".wh.gone": b"", "old": b"new", "new": layouts.file(b"n" * 50, 0o755)}


def examine(
    folder: Path, *layers: Mapping[str, layouts.Node | bytes], states: bool = False, top: int = 10, **options: Any
) -> Inspection:
    layout = layouts.build(folder, *layers, **{"config": CONFIG, **options})
    return inspection.examine("demo", layout, layout.manifests()[0], states=states, top=top)


def test_layers_come_with_their_sizes_and_the_instruction_that_made_them(tmp_path: Path) -> None:
    seen = examine(tmp_path, LOWER, UPPER, history=["base", "COPY root/ / # buildkit"])
    assert [(layer.files, layer.unpacked, layer.wasted) for layer in seen.layers] == [(3, 5500, 500), (2, 53, 0)]
    assert [layer.instruction for layer in seen.layers] == ["base", "COPY root/ /"]
    assert seen.compressed == sum(layer.compressed for layer in seen.layers) > 0


def test_the_largest_files_are_those_that_a_container_sees(tmp_path: Path) -> None:
    seen = examine(tmp_path, LOWER, UPPER, top=2)
    assert [(file.path, file.size, file.layer) for file in seen.largest] == [("/big", 5000, 0), ("/new", 50, 1)]
    assert seen.files == 3


def test_waste_names_what_hid_each_file_and_how_the_worst_first(tmp_path: Path) -> None:
    seen = examine(tmp_path, LOWER, UPPER)
    assert seen.wasted == 500
    assert [(w.path, w.size, w.layer, w.by, w.deleted) for w in seen.waste] == [
        *(("/gone", 300, 0, 1, True), ("/old", 200, 0, 1, False))
    ]


def test_settings_are_text_and_what_is_not_set_is_left_out(tmp_path: Path) -> None:
    found = examine(tmp_path, LOWER).settings
    assert found["ports"] == "8080/tcp, 9090/tcp"
    assert found["entrypoint"] == "/bin/app 'two words'"
    assert found["healthcheck"] == "CMD /bin/app health"
    assert found["health times"] == "interval 30 s"
    assert found["env A"] == "b=c"
    assert "volumes" not in found


def test_an_image_that_sets_nothing_can_be_looked_at(tmp_path: Path) -> None:
    seen = examine(tmp_path, {}, config={})
    assert (seen.settings, seen.labels, seen.files) == ({}, {}, 0)
    assert text(report.inspection(seen, None, "no Trivy", every=True))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("RUN |1 TARGETARCH=amd64 /bin/sh -c set -eu\nrm x\n # buildkit", "RUN set -eu rm x"),
        ('/bin/sh -c #(nop)  CMD ["bash"]', 'RUN CMD ["bash"]'),
        ("RUN /bin/sh -c apt-get update # buildkit", "RUN apt-get update"),
        ("COPY a b # buildkit", "COPY a b"),
        ("", ""),
    ],
)
def test_an_instruction_reads_as_in_its_dockerfile(written: str, meant: str) -> None:
    assert inspection.plain(written) == meant


def differ(folder: Path, new: Mapping[str, layouts.Node | bytes], **options: Any) -> Comparison:
    old = examine(folder / "old", LOWER, states=True)
    return inspection.compare(old, examine(folder / "new", LOWER, new, states=True, **options), None)


def test_the_same_image_has_no_difference(tmp_path: Path) -> None:
    one = examine(tmp_path, LOWER, UPPER, states=True)
    found = inspection.compare(one, one, bom.compare([], []))
    assert (found.files, found.settings, bool(found.packages), found.shared) == ((), (), False, 2)


def test_files_are_told_apart_by_content_mode_owner_kind_and_target(tmp_path: Path) -> None:
    lower: dict[str, layouts.Node | bytes] = {
        "content": b"1234",
        "mode": b"x",
        "owner": b"x",
        "kind": b"x",
        "same": b"x",
        "link": layouts.symlink("a"),
    }
    upper = {
        "content": b"4321",
        "mode": layouts.file(b"x", 0o600),
        "owner": layouts.file(b"x", uid=5),
        "kind": layouts.symlink("x"),
        "link": layouts.symlink("b"),
        "same": b"x",
    }
    old, new = examine(tmp_path / "a", lower, states=True), examine(tmp_path / "b", lower, upper, states=True)
    found = {file.path: file.detail for file in inspection.compare(old, new, None).files}
    assert found["/content"] == "content"
    assert found["/mode"] == "mode 644 → 600"
    assert found["/owner"] == "owner 0:0 → 5:0"
    assert found["/kind"].startswith("file → symlink")
    assert found["/link"] == "target a → b"
    assert "/same" not in found


def test_the_largest_change_comes_first_and_sides_are_not_mixed_up(tmp_path: Path) -> None:
    found = differ(tmp_path, {".wh.big": b"", "added": b"a" * 700, "old": b"o" * 200})
    assert [(file.change, file.path, file.old, file.new) for file in found.files] == [
        *(("removed", "/big", 5000, 0), ("added", "/added", 0, 700))
    ]
    assert found.shared == 1


def test_a_changed_setting_and_label_are_named_with_both_values(tmp_path: Path) -> None:
    config = {**CONFIG, "User": "0", "Labels": {}}
    found = {setting.name: (setting.old, setting.new) for setting in differ(tmp_path, {}, config=config).settings}
    assert found == {"user": ("1000:1000", "0"), "label org.opencontainers.image.title": ("Demo", "")}


def test_another_platform_is_a_difference(tmp_path: Path) -> None:
    found = {setting.name for setting in differ(tmp_path, {}, architecture="arm64").settings}
    assert found == {"platform", "platforms"}


def text(parts: object, width: int = 80) -> str:
    console = Console(width=width, record=True, force_terminal=False, color_system=None)
    with console.capture() as caught:
        console.print(*parts, sep="\n")  # type: ignore[misc]
    return caught.get()


def test_a_terminal_of_80_columns_shows_every_figure_whole(tmp_path: Path) -> None:
    seen = examine(tmp_path, LOWER, UPPER, history=["RUN " + "x" * 300, "COPY a b"])
    packages = Bom(subject="", system="debian 12", packages=(Package("dpkg", "bash[1]", "5"),))
    shown = text(report.inspection(seen, packages, "", every=True))
    assert max(map(len, shown.splitlines())) <= 80
    assert seen.digest in shown
    for figure in ("5.5 kB", "500 B", "1 dpkg (debian 12)", "bash[1]", "deleted", "/gone"):
        assert figure in shown
    (line,) = [line for line in shown.splitlines() if "RUN" in line]
    assert line.split()[:7] == ["0", *(size(seen.layers[0].compressed)).split(), "3", "5.5", "kB", "500"]
    assert line.rstrip().endswith("x…")


def test_a_hostile_file_name_prints_no_control_character(tmp_path: Path) -> None:
    seen = examine(tmp_path, {"a\x1b[31mb\n": b"1", "[red]": b"2"})
    shown = text(report.inspection(seen, None, "why", every=False))
    assert "\x1b" not in shown
    assert "/[red]" in shown
    assert "not known: why" in shown


def test_a_comparison_names_what_it_leaves_out(tmp_path: Path) -> None:
    found = differ(tmp_path, {f"f{number}": b"x" * number for number in range(1, 8)})
    shown = text(report.comparison(found, "old", "new", top=3))
    assert "7 added, 0 removed, 0 changed" in shown
    assert "and 4 more" in shown
    assert "/f7" in shown
    assert "/f1" not in shown
