"""A unit's areas: from its pole into the fleet folder, and onto the machine that takes its place."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main
from anpr_edge.config import load_config
from anpr_edge.config.areas import plan_in
from anpr_edge.fleet.folder import FleetFolder
from tests.bundles import UNIT, Machine
from tests.fleet_folders import made_by_command

DRIVE = [[0.0, 0.5], [0.25, 0.5], [0.125, 1.0]]
ROAD = [[0.1, 0.2], [0.9, 0.2], [0.9, 0.95], [0.1234, 0.95]]
VIEW = {"regions": [ROAD], "exclusions": [DRIVE], "lanes": {"near": ROAD, "far": DRIVE}}
AREAS = {"schema": 1, "fleet": "demo", "unit": UNIT, "view": VIEW}
NONE: Mapping[str, Any] = {"regions": [], "exclusions": [], "lanes": {}}
DRAWN = f"""
[view]
regions = [{ROAD}]
exclusions = [{DRIVE}]
lanes = {{ near = {{ polygon = {ROAD} }}, far = {{ polygon = {DRIVE} }} }}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> FleetFolder:
    """A fleet with two units, and the shell in its folder."""
    folder = made_by_command(tmp_path, monkeypatch)
    assert (
        main(
            ["unit", "add", UNIT, "--set", "exposure.speed_limit_km_h=50", "--set", "camera.source=synthetic"]
        )
        == 0
    )
    assert main(["unit", "add", "unit-0002"]) == 0
    capsys.readouterr()
    return folder


def saved(content: object = AREAS, name: str = f"{UNIT}.areas.json") -> str:
    """A file that was saved on a unit."""
    path = Path("..") / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def provisioned(folder: Path, fleet: FleetFolder, *more: str) -> Machine:
    """A machine that takes the unit's bundle as it is now; it may be one already."""
    machine = Machine(folder)
    (machine.etc / "provision.pub").write_bytes((fleet.authority_dir / "provision.pub").read_bytes())
    assert main(["unit", "bundle", UNIT, "--out", str(machine.card)]) == 0
    assert edge(["provision", "--root", str(machine.root), *more]) == 0
    return machine


def view_of(machine: Machine) -> Mapping[str, Any]:
    return plan_in(load_config(machine.etc / "unit.toml").view).values()


def draw(machine: Machine, text: str = DRAWN) -> None:
    """As the aim page leaves the configuration."""
    with (machine.etc / "unit.toml").open("a") as file:
        file.write(text)


def test_a_machine_that_takes_a_poles_place_begins_with_its_areas(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    first = provisioned(tmp_path / "first", fleet)
    draw(first)
    assert edge(["config", "areas", str(first.etc / "unit.toml"), "--out", str(tmp_path)]) == 0
    capsys.readouterr()
    assert main(["unit", "areas", f"../{UNIT}.areas.json"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        f"change {UNIT}: regions: 0 before, 1 now",
        f"change {UNIT}: exclusions: 0 before, 1 now",
        f"change {UNIT}: lane far: new",
        f"change {UNIT}: lane near: new",
    ]
    assert said.err == "1 unit changed, 0 as before\n"
    assert fleet.unit(UNIT).settings["exposure"] == {"speed_limit_km_h": 50}
    second = provisioned(tmp_path / "second", fleet)
    assert view_of(second) == view_of(first) == VIEW
    assert list(view_of(second)["lanes"]) == ["near", "far"]


def test_a_corner_has_a_line_of_its_own(fleet: FleetFolder) -> None:
    assert main(["unit", "areas", saved()]) == 0
    text = fleet.unit_file(UNIT).read_text()
    assert "        [0.1234, 0.95],\n" in text
    assert main(["unit", "show", UNIT, "--config"]) == 0


def test_the_same_file_again_changes_nothing(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit", "areas", saved()]) == 0
    before = fleet.unit_file(UNIT).stat().st_ino
    capsys.readouterr()
    assert main(["unit", "areas", saved()]) == 0
    assert capsys.readouterr() == ("", "0 units changed, 1 as before\n")
    assert fleet.unit_file(UNIT).stat().st_ino == before


def test_a_dry_run_says_it_and_does_nothing(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    before = fleet.unit_file(UNIT).read_bytes()
    assert main(["unit", "areas", saved(), "--dry-run", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["dry_run"], said["problems"]) == (True, [])
    assert said["units"] == [
        {
            "unit": UNIT,
            "changes": [
                "regions: 0 before, 1 now",
                "exclusions: 0 before, 1 now",
                "lane far: new",
                "lane near: new",
            ],
        }
    ]
    assert fleet.unit_file(UNIT).read_bytes() == before


def test_what_somebody_wrote_by_hand_and_nobody_can_use_gives_way(
    fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    with fleet.unit_file(UNIT).open("a") as file:
        file.write("[settings.view]\nregions = 7\n")
    assert main(["unit", "areas", saved(AREAS | {"view": NONE})]) == 0
    assert "could not be used, and gives way" in capsys.readouterr().out
    assert "view" not in fleet.unit(UNIT).settings


def test_a_section_by_hand_that_says_there_are_none_is_taken_away_too(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    with fleet.unit_file(UNIT).open("a") as file:
        file.write("[settings.view]\nregions = []\n")
    capsys.readouterr()
    assert main(["unit", "areas", saved(AREAS | {"view": NONE})]) == 0
    assert capsys.readouterr() == (
        f"change {UNIT}: [settings.view], which said that there are none, is gone\n",
        "1 unit changed, 0 as before\n",
    )
    assert "view" not in fleet.unit(UNIT).settings
    assert main(["unit", "areas", saved(AREAS | {"view": NONE})]) == 0
    assert capsys.readouterr() == ("", "0 units changed, 1 as before\n")
    provisioned(machine.root, fleet)
    assert view_of(machine) == VIEW


def test_lanes_in_another_order_are_a_change(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    assert main(["unit", "areas", saved()]) == 0
    turned = {**VIEW, "lanes": {"far": DRIVE, "near": ROAD}}
    capsys.readouterr()
    assert main(["unit", "areas", saved(AREAS | {"view": turned})]) == 0
    assert capsys.readouterr().out == f"change {UNIT}: lanes: now in the order far, near\n"
    provisioned(machine.root, fleet)
    assert "areas: lanes: now in the order far, near" in capsys.readouterr().err
    assert list(view_of(machine)["lanes"]) == ["far", "near"]


def test_what_else_is_wrong_with_a_unit_is_not_the_files_fault(
    fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    text = fleet.unit_file(UNIT).read_text()
    fleet.unit_file(UNIT).write_text(text.replace("speed_limit_km_h = 50", "speed_limit_km_h = -5"))
    with Path("fleet.toml").open("a") as file:
        file.write("[settings.exposure]\nmax_gain = -1.0\n")
    assert main(["unit", "areas", saved(AREAS | {"view": OUTSIDE})]) == 1
    said = capsys.readouterr()
    places = {" ".join(line.split(": ")[:2]) for line in said.out.splitlines()}
    assert places == {
        f"../{UNIT}.areas.json view.regions[0][1][0]",
        f"units/{UNIT}.toml settings.exposure.speed_limit_km_h",
        "fleet.toml settings.exposure.max_gain",
    }
    assert said.err.endswith("nothing was changed\n")


CUT = json.dumps(AREAS)[:-30]
OUTSIDE = {**VIEW, "regions": [[[0.1, 0.2], [1.2, 0.2], [0.9, 0.95]]]}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (AREAS | {"fleet": "other"}, "of fleet other, and this is demo"),
        (AREAS | {"unit": "unit-0009"}, "of unit unit-0009, which . does not have"),
        (AREAS | {"unit": "../unit-0001"}, "of unit ../unit-0001, which . does not have"),
        (AREAS | {"unit": 1}, "does not name its fleet and unit"),
        (AREAS | {"schema": 0}, "areas of schema 0, and this software knows 1"),
        (AREAS | {"schema": 2}, "areas of schema 2, and this software knows 1"),
        (AREAS | {"view": OUTSIDE}, "view.regions[0][1][0]: 1.2 is not allowed"),
        (AREAS | {"view": {**VIEW, "exclusions": [DRIVE[:2]]}}, "view.exclusions"),
        (AREAS | {"view": {**VIEW, "lanes": {"Near Side": ROAD}}}, "view.lanes"),
        (AREAS | {"view": {**VIEW, "regions": [[["0.1", 0], [1, 0], [1, 1]]]}}, "no view"),
        (AREAS | {"view": {"regions": []}}, "no view"),
        (AREAS | {"view": None}, "no view"),
        ({"fleet": "demo"}, "not a file of areas, or cut short"),
        (CUT, "not a file of areas, or cut short"),
        ("", "not a file of areas, or cut short"),
        ("[" * 100_000, "not a file of areas, or cut short"),
        ("\0" * 400, "not a file of areas, or cut short"),
        (" " * 300_000, "more than 262144 bytes, no file of areas"),
    ],
)
def test_a_wrong_file_is_named_and_nothing_is_changed(
    fleet: FleetFolder, capsys: pytest.CaptureFixture[str], content: object, told: str
) -> None:
    good = saved(AREAS | {"unit": "unit-0002"}, "good.json")
    before = [fleet.unit_file(name).read_bytes() for name in fleet.unit_names()]
    assert main(["unit", "areas", good, saved(content)]) == 1
    said = capsys.readouterr()
    assert told in said.out
    assert said.out.startswith(f"../{UNIT}.areas.json: ")
    assert said.err == "1 problem; nothing was changed\n"
    assert [fleet.unit_file(name).read_bytes() for name in fleet.unit_names()] == before


def test_no_file_two_files_and_a_retired_unit(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit", "retire", "unit-0002"]) == 0
    capsys.readouterr()
    files = [saved(), saved(name="again.json"), "../none.json"]
    retired = saved(AREAS | {"unit": "unit-0002"}, "retired.json")
    assert main(["unit", "areas", *files, retired]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "../again.json: a second file of unit-0001; give the newer one alone",
        "../none.json: No such file or directory",
        "../retired.json: of unit unit-0002, which is retired",
    ]


def test_a_bundle_without_areas_leaves_those_of_the_unit(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    for limit in (80, 60):
        Path("../fleet.csv").write_text(f"unit,exposure.speed_limit_km_h\n{UNIT},{limit}\n")
        assert main(["unit", "import", "../fleet.csv"]) == 0
        capsys.readouterr()
        provisioned(machine.root, fleet)
        assert "areas: kept, 1 region, 1 exclusion, 2 lanes" in capsys.readouterr().err
        assert view_of(machine) == VIEW
        assert load_config(machine.etc / "unit.toml").exposure.speed_limit_km_h == limit
    *_, last = read_audit(machine.state / "audit.log").entries
    assert "areas: kept, 1 region, 1 exclusion, 2 lanes" in last["changes"]
    assert not (machine.etc / "unit.toml.before").exists()


def test_a_bundle_with_areas_replaces_them_says_so_and_keeps_the_old(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    before = (machine.etc / "unit.toml").read_bytes()
    assert main(["unit", "areas", saved(AREAS | {"view": {**NONE, "regions": [ROAD]}})]) == 0
    capsys.readouterr()
    provisioned(machine.root, fleet, "--json")
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["areas"] == [
        "areas: exclusions: 1 before, 0 now",
        "areas: lane far: removed",
        "areas: lane near: removed",
    ]
    assert view_of(machine) == {**NONE, "regions": [ROAD]}
    assert (machine.etc / "unit.toml.before").read_bytes() == before


def test_the_old_configuration_is_readable_by_no_more_than_before(tmp_path: Path, fleet: FleetFolder) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    own, kept = machine.etc / "unit.toml", machine.etc / "unit.toml.before"
    own.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(own, 0, 12)
    before = own.stat()
    assert main(["unit", "areas", saved(AREAS | {"view": {**NONE, "regions": [ROAD]}})]) == 0
    provisioned(machine.root, fleet)
    after = kept.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)


def test_a_folder_that_states_no_areas_takes_them_away(tmp_path: Path, fleet: FleetFolder) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine)
    with fleet.unit_file(UNIT).open("a") as file:
        file.write("[settings.view]\nregions = []\n")
    provisioned(machine.root, fleet)
    assert view_of(machine) == NONE


@pytest.mark.parametrize("damage", ["[view]\nregions = 7\n", "[view\n", "\0"])
def test_areas_that_cannot_be_read_are_not_lost_in_silence(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    draw(machine, damage)
    before = (machine.etc / "unit.toml").read_bytes()
    capsys.readouterr()
    provisioned(machine.root, fleet)
    assert "areas: those of the configuration before, if there were any, could not be read" in (
        capsys.readouterr().err
    )
    assert view_of(machine) == NONE
    assert (machine.etc / "unit.toml.before").read_bytes() == before


def test_who_makes_a_new_bundle_for_an_old_pole_is_told_what_is_not_known(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    assert "no areas are known here" not in capsys.readouterr().err
    assert main(["enrol", str(machine.card / f"{UNIT}.csr"), "--unit", UNIT]) == 0
    assert main(["unit", "bundle", UNIT, "--out", "../out"]) == 0
    assert f"no areas are known here of {UNIT}: a machine that has some" in capsys.readouterr().err
    assert main(["unit", "areas", saved()]) == 0
    assert main(["unit", "bundle", UNIT, "--out", "../out"]) == 0
    assert "no areas are known here" not in capsys.readouterr().err
    with fleet.unit_file("unit-0002").open("a") as file:
        file.write("[settings.view]\n[certificates]\nserials = ['01']\n")
    assert main(["unit", "bundle", "unit-0002", "--out", "../out"]) == 0
    assert "no areas are known here of unit-0002" in capsys.readouterr().err


def test_the_unit_says_where_it_wrote_them_and_what_comes_next(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    capsys.readouterr()
    config = str(machine.etc / "unit.toml")
    assert edge(["config", "areas", config]) == 0
    assert json.loads(capsys.readouterr().out) == AREAS | {"view": NONE}
    out = tmp_path / f"{UNIT}.areas.json"
    assert edge(["config", "areas", "--config", config, "--out", str(tmp_path)]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out}\n"
    assert "no areas: the whole picture is read" in said.err
    assert f"anpr-fleet unit areas {out.name}" in said.err
    (tmp_path / "file").touch()
    assert edge(["config", "areas", config, "--out", str(tmp_path / "file" / "below.json")]) == 1
    assert "hint: is it there, and writable?" in capsys.readouterr().err
    assert edge(["config", "areas", config, "--out", str(tmp_path / "mine.json")]) == 0
    assert json.loads((tmp_path / "mine.json").read_text()) == AREAS | {"view": NONE}


@pytest.mark.parametrize("place", ["usb", "usb/", "usb.json/", "usb/unit"])
def test_a_folder_that_is_not_there_becomes_no_file(
    tmp_path: Path, fleet: FleetFolder, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    machine = provisioned(tmp_path / "machine", fleet)
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    assert edge(["config", "areas", str(machine.etc / "unit.toml"), "--out", f"{tmp_path}/{place}"]) == 2
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        f"error: {tmp_path}/{place}: no such folder",
        "hint: make it, or mount the stick that it is on; the name of a file has to end in .json",
    ]
    assert sorted(tmp_path.iterdir()) == before
