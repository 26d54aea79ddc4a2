"""The embedded engine's configuration, places and refusals; nothing is started."""

from __future__ import annotations

import json
import os
import time
import tomllib
from pathlib import Path

import msgspec
import pytest

from galway.engine import Engine, client, daemons, embedded, emulation, exports, hoststate, netlink, packages
from galway.engine.places import Places
from galway.errors import MissingToolError
from galway.reference import Platform
from galway.workspace import Workspace

ODD = 'dépôt of "Ann"'


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places.of(Workspace(root=tmp_path, cache=tmp_path / ODD))


def programs(places: Places) -> packages.Programs:
    return packages.Programs(root=places.home / "programs-1", architecture="arm64")


def test_the_socket_fits_whatever_the_cache_is_called(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["very-long-folder-name"] * 10)
    socket = Places.of(Workspace(root=tmp_path, cache=deep)).containerd
    assert len(str(socket)) < 100, "unix(7): 107 bytes"


def test_two_caches_do_not_meet(tmp_path: Path) -> None:
    one, two = (Places.of(Workspace(root=tmp_path, cache=tmp_path / name)) for name in "ab")
    assert one.run != two.run


def test_dockerd_keeps_to_its_folders(places: Places) -> None:
    settings = json.loads(json.dumps(daemons.docker_configuration(places, snapshotter="overlayfs")))
    assert settings["features"] == {"containerd-snapshotter": True}
    assert settings["hosts"] == [f"unix://{places.run}/docker.sock"]
    assert settings["data-root"] == str(places.home / "data")
    assert settings["cgroup-parent"] == f"/{places.name}"


def test_a_disk_that_cannot_carry_overlayfs_is_recognised() -> None:
    mounts = (
        "23 1 0:20 / / rw,relatime shared:1 - overlay overlay rw,lowerdir=/a:/b\n"
        "24 23 8:1 / /home rw,relatime - ext4 /dev/sda1 rw\n"
        "25 24 0:30 / /home/my\\040cache rw master:2 - nfs4 server:/x rw\n"
    )
    assert daemons.filesystem(mounts, Path("/var/cache")) == "overlay"
    assert daemons.filesystem(mounts, Path("/home/ann")) == "ext4"
    assert daemons.filesystem(mounts, Path("/home/my cache/engine")) == "nfs4"
    assert daemons.filesystem(mounts + mounts[-200:], Path("/homeless")) == "overlay"


def test_containerds_configuration_is_toml_for_any_path(places: Places) -> None:
    settings = tomllib.loads(daemons.containerd_configuration(places))
    assert settings["root"] == str(places.data / "containerd/daemon")
    assert settings["grpc"]["address"] == str(places.containerd)


def test_the_daemons_share_a_mount_namespace(places: Places) -> None:
    started = daemons.containerd_command(programs(places), places)
    assert started[:5] == ("unshare", "--mount", "--propagation", "slave", "--")
    joined = daemons.docker_command(programs(places), places, 42)
    assert joined[:6] == ("nsenter", "--mount", "--wd", "--target", "42", "--")


def test_an_installation_replaces_the_one_before(places: Places) -> None:
    for name in ("programs-0", "programs-1", "data"):
        (places.home / name / "usr").mkdir(parents=True)
    packages.remove_others(places.home, programs(places))
    assert sorted(path.name for path in places.home.iterdir()) == ["data", "programs-1"]


def test_the_programs_libraries_come_from_their_own_tree(places: Places) -> None:
    env = programs(places).env
    assert env["XTABLES_LIBDIR"] == f"{places.home}/programs-1/usr/lib/aarch64-linux-gnu/xtables"
    assert env["PATH"].startswith(f"{places.home}/programs-1/usr/sbin:")


@pytest.mark.parametrize(
    ("system", "root", "apt", "words"),
    [("darwin", True, True, "Linux"), ("linux", True, False, "Debian or Ubuntu"), ("linux", False, True, "root")],
)
def test_a_machine_that_cannot_run_it_is_told_why(system: str, root: bool, apt: bool, words: str) -> None:
    error = embedded.refusal(system=system, root=root, apt=apt)
    assert error is not None
    assert words in error.message
    assert "DOCKER_HOST" in error.hint


def test_root_on_debian_can_run_it() -> None:
    assert embedded.refusal(system="linux", root=True, apt=True) is None


@pytest.mark.parametrize("cache", ["/a:b", "/a,b", "/a\\b", '/a"b', "/a\nb", "/" + "é" * 80])
def test_a_path_that_other_programs_cannot_take_is_refused(cache: str) -> None:
    assert embedded.unusable(cache)


def test_spaces_and_letters_of_any_language_are_fine() -> None:
    assert embedded.unusable("/home/ann/my cache/dépôt/%n $o 'p'") is None


def test_a_full_disk_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(MissingToolError, match="no room") as caught, packages.room_in(tmp_path, needed=1 << 60):
        pass
    assert "GALWAY_CACHE" in caught.value.hint


def test_a_disk_that_fills_up_on_the_way_is_the_same_error(tmp_path: Path) -> None:
    error = MissingToolError("dpkg-deb ended", detail="tar: write error: No space left on device")
    with pytest.raises(MissingToolError, match="filled up"), packages.room_in(tmp_path, needed=0):
        raise error


def test_the_users_logins_are_shared_and_the_plugins_are_ours(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client.prepare(places, programs(places))
    assert not (places.client / "config.json").is_symlink()
    (tmp_path / "config.json").write_text("{}")
    client.prepare(places, programs(places))
    client.prepare(places, programs(places))
    assert (places.client / "config.json").read_text() == "{}"
    assert (places.client / "cli-plugins/docker-buildx").readlink() == programs(places).plugin("docker-buildx")


def test_exports_are_quoted_for_a_shell() -> None:
    engine = Engine(
        kind="embedded",
        reason="",
        version="1",
        docker="docker",
        env={"PATH": "/my tools:/bin", "DOCKER_HOST": "unix:///run/x"},
        containerd_store=True,
        builder=None,
        platforms=(),
    )
    lines = exports(engine).splitlines()
    assert lines[0] == "export DOCKER_HOST=unix:///run/x"
    assert lines[-1] == "export PATH='/my tools:/bin'"
    assert f"export GALWAY_UID={os.getuid()}" in lines


def test_only_dockers_links_count_as_made_since() -> None:
    now = ["lo", "eth0", "docker0", "br-0123456789ab", "virbr0", "br-lan"]
    assert hoststate.made(["lo", "eth0"], now) == ["br-0123456789ab", "docker0"]
    assert hoststate.made(["lo", "docker0"], now[:3]) == []


def test_a_note_of_another_boot_is_ignored(tmp_path: Path) -> None:
    note = hoststate.Note(boot="before", links=[], folders=[], sysctl={}, tables={})
    hoststate.save(note, tmp_path / "before.json")
    assert hoststate.load(tmp_path / "before.json") is None
    hoststate.save(msgspec.structs.replace(note, boot=hoststate.boot_id()), tmp_path / "before.json")
    assert hoststate.load(tmp_path / "before.json") is not None


def test_control_groups_are_removed_innermost_first(tmp_path: Path) -> None:
    (tmp_path / "memory/galway-1/container/child").mkdir(parents=True)
    (tmp_path / "memory/other").mkdir()
    (tmp_path / "galway-1").mkdir()
    hoststate.remove_cgroups("galway-1", root=tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["memory", "other"]


def test_a_builders_container_leaves_no_control_group(tmp_path: Path) -> None:
    (tmp_path / "memory/docker/buildx/0123/buildkit/step").mkdir(parents=True)
    (tmp_path / "docker/buildx/0123").mkdir(parents=True)
    (tmp_path / "docker/buildx/somebody").mkdir()
    hoststate.remove_cgroups("galway-1", ["0123", "4567"], tmp_path)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert left == ["docker", "docker/buildx", "docker/buildx/somebody", "memory"]


def test_the_request_to_delete_a_link_is_a_netlink_message() -> None:
    data = netlink.message(7)
    assert len(data) == 32
    assert data[:8] == (32).to_bytes(4, "little") + (17).to_bytes(2, "little") + (5).to_bytes(2, "little")
    assert data[20:24] == (7).to_bytes(4, "little")


def test_qemus_rule_matches_executables_of_its_machine_only() -> None:
    line = emulation.rule("qemu-aarch64", "arm64", "/run/x/qemu-aarch64")
    name, kind, offset, magic, mask, interpreter, flags = line[1:].split(":")
    assert (name, kind, offset, interpreter, flags) == ("qemu-aarch64", "M", "", "/run/x/qemu-aarch64", "OCF")
    assert magic.startswith(r"\x7f\x45\x4c\x46\x02\x01\x01\x00")
    assert magic.endswith(r"\x02\x00\xb7\x00")
    assert len(magic) == len(mask) == 4 * 20
    assert mask.endswith(r"\xfe\xff\xff\xff")


def test_a_registration_without_an_opened_emulator_is_not_usable() -> None:
    assert emulation.is_usable("enabled\ninterpreter /run/q\nflags: OCF\noffset 0\n")
    assert not emulation.is_usable("enabled\ninterpreter /run/q\nflags: OC\noffset 0\n")
    assert not emulation.is_usable("disabled\ninterpreter /run/q\nflags: OCF\noffset 0\n")


def test_a_users_docker_is_told_how_to_emulate() -> None:
    assert "--install arm64" in emulation.refusal(Platform("linux", "arm64")).hint


def test_the_newest_installation_counts_whatever_times_its_files_have(places: Places) -> None:
    for name, modified in (("programs-old", 2), ("programs-new", 1)):
        folder = places.home / name / "usr"
        folder.mkdir(parents=True)
        time.sleep(0.02)  # the kernel's clock for files ticks every few milliseconds
        os.utime(folder, (modified, modified))
    found = packages.installed(places.home)
    assert found is not None
    assert found.root.name == "programs-new"
