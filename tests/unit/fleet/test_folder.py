"""The fleet folder: what it says is taken strictly, what is written is whole, units get what they check."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.config import load_config
from anpr_edge.errors import ConfigError, KeyFileError, UsageError
from anpr_edge.fleet.folder import FLEET_FILE, POLICY_PUBLIC, FleetFolder
from anpr_edge.fleet.keysfolder import POLICY_KEY
from anpr_edge.fleet.unitrecord import FleetUnit, State
from anpr_edge.seal.policy.signed import sign_policy
from tests.fakes import FakeClock
from tests.fleet_folders import make_fleet
from tests.unit.seal.policies import POLICY

UNIT = FleetUnit(
    "unit-0001",
    site="Example Road",
    lat_deg=51.5007,
    lon_deg=-0.1246,
    groups=("north", "trial"),
    mounting={"height_m": 6.0, "lens_mm": 16.0},
    settings={"exposure": {"speed_limit_km_h": 50}},
    note="behind the tree",
    serials=("1f", "2a"),
)


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    return make_fleet(tmp_path, FakeClock())[0]


def changed(fleet: FleetFolder, change: Callable[[str], str]) -> FleetFolder:
    """The folder with another fleet.toml."""
    file = fleet.directory / FLEET_FILE
    file.write_text(change(file.read_text()))
    return FleetFolder(fleet.directory)


def test_a_unit_comes_back_as_it_was_saved(fleet: FleetFolder) -> None:
    fleet.save([UNIT, FleetUnit("unit-0002")])
    assert fleet.unit("unit-0001") == UNIT
    assert [unit.name for unit in fleet.units()] == ["unit-0001", "unit-0002"]


def test_the_same_unit_is_the_same_bytes(fleet: FleetFolder) -> None:
    fleet.save([UNIT])
    before = fleet.unit_file("unit-0001").read_bytes()
    again = replace(UNIT, mounting={"lens_mm": 16.0, "height_m": 6.0})
    fleet.save([again])
    assert fleet.unit_file("unit-0001").read_bytes() == before


def test_a_unit_takes_the_configuration_it_is_given(fleet: FleetFolder, tmp_path: Path) -> None:
    fleet = changed(fleet, lambda text: text + "[settings.exposure]\nspeed_limit_km_h = 80\nmax_gain = 4.0\n")
    fleet.save([UNIT])
    files = fleet.unit_files("unit-0001")
    assert sorted(files) == ["ca.crt", "command.pub", "unit.toml"]
    (tmp_path / "unit.toml").write_bytes(files["unit.toml"])
    config = load_config(tmp_path / "unit.toml")
    assert (config.unit.fleet, config.unit.id, config.site.lat_deg) == ("demo", "unit-0001", 51.5007)
    assert (config.exposure.speed_limit_km_h, config.exposure.max_gain) == (50, 4.0)
    assert config.commands.groups == ("north", "trial")
    assert config.broker.host == "broker.example"
    assert list(config.feeds) == ["charging"]


def test_with_a_policy_the_units_get_it_and_its_key(tmp_path: Path) -> None:
    fleet, keys = make_fleet(tmp_path, FakeClock(), feeds='[policy]\nfile = "policy.cose"\n')
    fleet.save([UNIT])
    with pytest.raises(ConfigError, match=r"policy\.cose: No such file"):
        fleet.unit_files("unit-0001")
    policy = replace(POLICY, fleet="demo")
    key = keys.signing_key(POLICY_KEY)
    (fleet.directory / "policy.cose").write_bytes(sign_policy(policy, key))
    files = fleet.unit_files("unit-0001")
    document = tomllib.loads(files["unit.toml"].decode())
    assert document["policy"] == {"key": fleet.public_key(POLICY_PUBLIC).text, "groups": ["north", "trial"]}
    assert files["policy.cose"] == (fleet.directory / "policy.cose").read_bytes()
    (fleet.directory / "policy.cose").write_bytes(sign_policy(replace(policy, fleet="other"), key))
    with pytest.raises(ConfigError, match="of fleet other, not demo"):
        FleetFolder(fleet.directory).unit_files("unit-0001")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[brokr]\nhost = 'b'\n", r"fleet\.toml:\d+: brokr: unknown; did you mean broker\?"),
        (
            "[broker.standby.second]\nhost = 'http://b'\n",
            r"fleet\.toml:\d+: broker\.standby\.second\.host: .*without scheme",
        ),
        ("[broker.standby.second]\nhost = 'b'\nport = 0\n", r"port: 0 is not a port from 1 to 65535"),
        ("[consumers.police]\n", r"consumers\.police\.feeds: missing; who reads no feed"),
        ("[consumers.'a/b']\nfeeds = ['c']\n", r"'a/b' is no client's name"),
        ("[consumers.a]\nfeeds = ['c/d']\n", r"'c/d' is no name"),
        ("[consumers.'enrol.unit-0001']\nfeeds = ['c']\n", r"'enrol\.unit-0001' is no client's name"),
        ("[access]\nenrollers = ['enrol.unit-0001']\n", r"'enrol\.unit-0001' is no client's name"),
        ("[access]\ncommanders = ['enrol.x']\n", r"'enrol\.x' is no client's name"),
        ("[access]\nwatchers = ['enrol.']\n", r"'enrol\.' is no client's name"),
        ("[policy]\nfile = 'p'\n", r"\[feeds\] is given too"),
        ("[settings.broker]\nhost = 'b'\n", r"broker\.host is no setting; it is \[broker\] of fleet\.toml"),
        ("[settings.site]\nname = 'b'\n", r"site is no setting"),
        (
            "[settings.view]\nregions = []\n",
            r"fleet\.toml:\d+: settings\.view: areas belong to one pole: write them into units/UNIT\.toml",
        ),
        ("[settings.view]\n", r"settings\.view: areas belong to one pole"),
        ("[settings.view.lanes.near]\npolygon = [[0, 0], [1, 0], [1, 1]]\n", r"settings\.view: areas belong"),
        ("[access\n", r"fleet\.toml: not TOML: .*line"),
    ],
)
def test_what_fleet_toml_cannot_say_is_named_with_its_line(fleet: FleetFolder, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        changed(fleet, lambda before: before + text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("state = 'lost'\n", r"unit-0001\.toml:1: state: 'lost' is none of planned, bundled"),
        ("stat = 'planned'\n", r"unit-0001\.toml:1: stat: unknown; did you mean state\?"),
        (
            "[site]\nlat_deg = 91.0\nlon_deg = 0.0\n",
            r":2: site\.lat_deg: 91\.0 is not a number from -90 to 90",
        ),
        ("[site]\nlat_deg = nan\nlon_deg = 0.0\n", r":2: site\.lat_deg: nan is not a number"),
        ("[site]\nlat_deg = 51.0\n", r"site\.lon_deg: missing; a position needs both"),
        ("[mounting]\nheight_m = 'six'\n", r":2: mounting\.height_m: 'six' is not a number from 0\.5 to 30"),
        ("groups = ['A']\n", r":1: groups: 'A' is no name"),
        ("[certificates]\nserials = ['x']\n", r":2: certificates\.serials: 'x' is no serial number"),
        ("note = ''\n", r":1: note: not printable text"),
    ],
)
def test_what_a_units_file_cannot_say_is_named_with_its_line(
    fleet: FleetFolder, text: str, words: str
) -> None:
    fleet.unit_file("unit-0001").write_text(text)
    with pytest.raises(ConfigError, match=words):
        fleet.unit("unit-0001")


def test_what_the_unit_would_refuse_is_never_given_to_it(fleet: FleetFolder) -> None:
    fleet.save([replace(UNIT, settings={"camera": {"width": 99999}, "expsure": {"mode": "auto"}})])
    with pytest.raises(ConfigError, match=r"unit unit-0001: camera\.width: 99999 is not allowed") as refused:
        fleet.unit_files("unit-0001")
    assert "expsure: unknown section; did you mean exposure?" in str(refused.value)


def test_a_unit_that_is_not_there_or_retired(fleet: FleetFolder) -> None:
    fleet.save([replace(UNIT, state=State.RETIRED)])
    with pytest.raises(UsageError, match="unit-0001 is retired"):
        fleet.unit_files("unit-0001")
    with pytest.raises(UsageError, match="no unit unit-0002"):
        fleet.unit("unit-0002")
    with pytest.raises(UsageError, match="cannot be a fleet's or unit's name"):
        fleet.unit("../../etc/passwd")


def test_without_a_fleet_file_it_is_no_fleet_folder(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no fleet folder: no fleet\.toml in it"):
        FleetFolder(tmp_path)


@pytest.mark.parametrize("count", [2, 40])
def test_when_one_file_cannot_be_written_none_is(fleet: FleetFolder, count: int) -> None:
    names = [f"unit-{number:04}" for number in range(count)]
    fleet.save([FleetUnit(names[0], note="before")])
    blocked = fleet.unit_file(names[-1])
    blocked.with_name(f".{blocked.name}.new").mkdir()
    with pytest.raises(KeyFileError, match=rf"\.{blocked.name}\.new"):
        fleet.save([FleetUnit(name, note="after") for name in names])
    assert fleet.unit_names() == names[:1]
    assert not [path for path in blocked.parent.glob(".unit-*") if path.is_file()]
    assert fleet.unit(names[0]).note == "before"


def test_two_do_not_change_a_fleet_at_once(fleet: FleetFolder) -> None:
    with (
        fleet.changing(),
        pytest.raises(UsageError, match="another anpr-fleet is changing"),
        fleet.changing(),
    ):
        pass
    with fleet.changing():
        pass
