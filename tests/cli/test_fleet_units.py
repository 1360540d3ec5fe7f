"""`anpr-fleet unit`, `renew`, `revoke` and `release sign`: what they print, change and refuse."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.unitrecord import FleetUnit, State
from tests.fleet_folders import made_by_command

CSV = "unit,site,lat_deg,lon_deg,groups\nunit-0001,Example Road,51.5,-0.1,north\nunit-0002,,,,\n"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> FleetFolder:
    """A fleet's folder, and the shell in it."""
    folder = made_by_command(tmp_path, monkeypatch)
    Path("../fleet.csv").write_text(CSV)
    capsys.readouterr()
    return folder


@pytest.fixture
def enrolled(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> FleetFolder:
    """With two units, the first enrolled."""
    assert main(["unit", "import", "../fleet.csv"]) == 0
    assert edge(["init", "--state", "../unit", "--fleet", "demo", "--unit", "unit-0001"]) == 0
    assert main(["enrol", "../unit/keys/tls.csr", "--unit", "unit-0001"]) == 0
    capsys.readouterr()
    return fleet


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> Any:
    assert main([*words, "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_a_unit_is_added_with_what_is_known_of_it(
    fleet: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ("--site", "Example Road", "--lat", "51.5", "--lon", "-0.1", "--height", "6", "--lens", "16")
    more = ("--group", "north", "--set", "exposure.speed_limit_km_h=50", "--set", "exposure.mode=fixed")
    assert main(["unit", "add", "unit-0001", *place, *more]) == 0
    assert capsys.readouterr().out == "units/unit-0001.toml\n"
    assert fleet.unit("unit-0001") == FleetUnit(
        "unit-0001",
        site="Example Road",
        lat_deg=51.5,
        lon_deg=-0.1,
        groups=("north",),
        mounting={"height_m": 6.0, "lens_mm": 16.0},
        settings={"exposure": {"speed_limit_km_h": 50, "mode": "fixed"}},
    )


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["unit-0001"], 2, "unit unit-0001 is there already"),
        (["Unit"], 2, "cannot be a fleet's or unit's name"),
        (["unit-9", "--lat", "51.5"], 2, "site.lon_deg: missing"),
        (["unit-9", "--lat", "nan", "--lon", "0"], 2, "site.lat_deg: nan is not a number from -90 to 90"),
        (["unit-9", "--height", "60"], 2, "mounting.height_m: 60.0 is not a number from 0.5 to 30"),
        (["unit-9", "--set", "exposure"], 2, "expected SECTION.KEY=VALUE"),
        (["unit-9", "--set", "broker.host=b"], 2, "broker.host is no setting"),
        (["unit-9", "--set", "camera.widht=9"], 78, "camera.widht: unknown key; did you mean width?"),
    ],
)
def test_a_unit_that_cannot_be_added(
    fleet: FleetFolder, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    fleet.save([FleetUnit("unit-0001", note="before")])
    assert main(["unit", "add", *words]) == code
    assert told in capsys.readouterr().err
    assert fleet.unit_names() == ["unit-0001"]
    assert fleet.unit("unit-0001").note == "before"


def test_a_dry_run_says_all_and_does_nothing(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit", "import", "../fleet.csv", "--dry-run"]) == 0
    told = capsys.readouterr()
    assert told.out == "add unit-0001\nadd unit-0002\n"
    assert "2 units would be added, 0 would be changed, 0 as before" in told.err
    assert fleet.unit_names() == []


def test_an_import_says_what_changed(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["unit", "import", "../fleet.csv"]) == 0
    Path("../fleet.csv").write_text(CSV.replace("51.5", "51.6").replace(",north", ","))
    capsys.readouterr()
    assert main(["unit", "import", "../fleet.csv"]) == 0
    assert capsys.readouterr().out == (
        "change unit-0001: groups: north → nothing\nchange unit-0001: site.lat_deg: 51.5 → 51.6\n"
    )
    again = said(capsys, "unit", "import", "../fleet.csv")
    assert again == {
        "schema": 1,
        "dry_run": False,
        "added": [],
        "changed": [],
        "same": ["unit-0001", "unit-0002"],
        "retired": [],
        "problems": [],
    }


def test_a_bad_table_changes_nothing(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    Path("../fleet.csv").write_text(CSV + "unit-0001,,,,\nunit-0003,,91,0,\n")
    assert main(["unit", "import", "../fleet.csv"]) == 1
    told = capsys.readouterr()
    assert told.out == (
        "../fleet.csv:4: unit: unit-0001 stands on line 2 already\n"
        "../fleet.csv:5: lat_deg: 91.0 is not a number from -90 to 90\n"
    )
    assert "2 problems; nothing was changed" in told.err
    assert fleet.unit_names() == []
    problems = said(capsys, "unit", "import", "../fleet.csv", code=1)["problems"]
    assert [(one["line"], one["column"]) for one in problems] == [(4, "unit"), (5, "lat_deg")]


def test_fifteen_hundred_units_are_quick(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    """A minute is the bar for a table and the files of every unit together."""
    rows = [f"unit-{number:04},Road {number},51.{number:04},-0.1,north" for number in range(1500)]
    Path("../fleet.csv").write_text("\n".join((CSV.partition("\n")[0], *rows)) + "\n")
    began = time.monotonic()
    assert main(["unit", "import", "../fleet.csv"]) == 0
    total = sum(len(fleet.unit_files(name)) for name in fleet.unit_names())
    assert time.monotonic() - began < 60
    assert total == 1500 * 3


def test_units_are_listed_by_state_and_group(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["unit", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["unit", "state"],
        ["unit-0001", "enrolled"],
        ["unit-0002", "planned"],
    ]
    assert [one["unit"] for one in said(capsys, "unit", "list", "--state", "planned")["units"]] == [
        "unit-0002"
    ]
    found = said(capsys, "unit", "list", "--group", "north")["units"]
    assert [(one["unit"], one["site"], one["groups"]) for one in found] == [
        ("unit-0001", "Example Road", ["north"])
    ]
    assert (found[0]["certificate_until"] > "2026", found[0]["revoked"]) == (True, False)
    assert main(["revoke", "unit-0001"]) == 0
    capsys.readouterr()
    assert said(capsys, "unit", "list", "--group", "north")["units"][0]["revoked"] is True
    assert main(["unit", "list"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["unit-0001", "planned", "revoked"]


@pytest.mark.parametrize("damage", [None, b"half"])
def test_units_are_listed_when_nobody_can_tell_who_is_revoked(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str], damage: bytes | None
) -> None:
    until = said(capsys, "unit", "list")["units"][0]["certificate_until"]
    crl = enrolled.authority_dir / "crl.pem"
    crl.unlink()
    if damage is not None:
        crl.write_bytes(damage)
    assert main(["unit", "list"]) == 0
    told = capsys.readouterr()
    first, second = told.out.splitlines()[1:]
    assert first.startswith(f"unit-0001  enrolled  {until[:10]}, or revoked  ")
    assert "revoked" not in second
    assert "warning: nobody can tell which certificates are revoked: " in told.err
    assert "crl.pem" in told.err
    assert "hint: restore it, from git" in told.err
    assert [one["revoked"] for one in said(capsys, "unit", "list")["units"]] == [None, False]
    assert main(["unit", "list", "--state", "planned"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert (said(capsys, "unit", "show", "unit-0001")["revoked"]) is None
    assert main(["unit", "show", "unit-0001"]) == 0
    told = capsys.readouterr()
    assert "warning" in told.err
    assert f"good until {until[:10]}, unless revoked" in told.err


def test_a_unit_is_shown_with_its_configuration(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = said(capsys, "unit", "show", "unit-0001")
    assert (shown["unit"], shown["state"], shown["revoked"]) == ("unit-0001", "enrolled", [])
    assert main(["unit", "show", "unit-0001", "--config"]) == 0
    Path("../unit.toml").write_text(capsys.readouterr().out)
    assert edge(["config", "check", "../unit.toml"]) == 0


def test_renewing_one_some_or_those_that_end(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    before = enrolled.certificate_file("unit-0001").read_bytes()
    assert main(["renew", "unit-0001"]) == 0
    assert capsys.readouterr().out == "certificates/unit-0001.crt\n"
    assert enrolled.certificate_file("unit-0001").read_bytes() != before
    assert said(capsys, "renew", "--within", "60")["renewed"] == []
    assert [one["unit"] for one in said(capsys, "renew", "--within", "800")["renewed"]] == ["unit-0001"]
    for words, told in (
        (["renew"], "which units?"),
        (["renew", "unit-0001", "--within", "9"], "which units?"),
        (["renew", "unit-0002"], "has no request yet"),
        (["renew", "unit-0001", "unit-0002", "--request", "x"], "is one unit's"),
    ):
        assert main(words) == 2
        assert told in capsys.readouterr().err


def test_revoking_says_where_the_list_has_to_go(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["revoke", "unit-0001"]) == 0
    told = capsys.readouterr()
    assert told.out == "authority/crl.pem\n"
    assert "Brokers go on as before until they have it" in told.err
    assert said(capsys, "revoke", "unit-0001")["revoked"] == 0
    assert main(["revoke", "unit-0002"]) == 2
    assert said(capsys, "unit", "show", "unit-0001")["revoked"] == list(enrolled.unit("unit-0001").serials)


def test_retiring_revokes_marks_and_says_what_is_left(
    enrolled: FleetFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    told = said(capsys, "unit", "retire", "unit-0001")
    assert (told["unit"], told["revoked"], len(told["left"])) == ("unit-0001", 1, 4)
    assert enrolled.unit("unit-0001").state is State.RETIRED
    assert said(capsys, "unit", "retire", "unit-0001")["revoked"] == 0
    assert main(["unit", "retire", "unit-0002"]) == 0
    assert capsys.readouterr().out == "unit-0002 is retired; 0 certificates revoked\n"
    assert main(["enrol", "../unit/keys/tls.csr", "--unit", "unit-0001"]) == 2
    assert main(["unit", "show", "unit-0001", "--config"]) == 2


@pytest.mark.skipif(
    not (shutil.which("rauc") and shutil.which("mksquashfs")),
    reason="rauc is missing: apt-get install rauc squashfs-tools",
)
def test_a_release_is_signed(fleet: FleetFolder, capsys: pytest.CaptureFixture[str]) -> None:
    Path("../rootfs.img").write_bytes(bytes(range(256)) * 400)
    words = ["release", "sign", "--image", "../rootfs.img", "--out", "../one.raucb", "--format", "plain"]
    told = said(capsys, *words, "--version", "1.4.2")
    assert (told["version"], told["format"], told["signed_by"]) == ("1.4.2", "plain", "demo releases")
    assert told["bytes"] == Path("../one.raucb").stat().st_size
    for more, code, text in (
        (["--version", "1.4.3"], 2, "one.raucb exists"),
        (["--version", "latest"], 2, "is no version"),
        (["--version", "1.4.3", "--image", "x.img"], 2, "--image rootfs is given twice"),
    ):
        assert main([*words, *more]) == code
        assert text in capsys.readouterr().err
