"""A table of units: what it would change, twice the same is nothing, and every wrong line is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anpr_edge.errors import UsageError
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.settings import value_of
from anpr_edge.fleet.unitimport import ImportPlan, plan_import
from anpr_edge.fleet.unitrecord import FleetUnit, State
from tests.fakes import FakeClock
from tests.fleet_folders import make_fleet

HEADING = "unit,site,lat_deg,lon_deg,groups,height_m,exposure.speed_limit_km_h\n"
GOOD = HEADING + 'unit-0001,"Example Road, northbound",51.5007,-0.1246,north trial,6,50\nunit-0002,,,,,,\n'


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    return make_fleet(tmp_path, FakeClock())[0]


def planned(fleet: FleetFolder, text: str | bytes) -> ImportPlan:
    table = fleet.directory.with_name("fleet.csv")
    table.write_bytes(text if isinstance(text, bytes) else text.encode())
    return plan_import(fleet, table)


def done(fleet: FleetFolder, text: str | bytes) -> ImportPlan:
    plan = planned(fleet, text)
    assert not plan.problems
    fleet.save(plan.units)
    return plan


def test_new_units_are_added_with_all_the_table_says(fleet: FleetFolder) -> None:
    plan = planned(fleet, GOOD)
    assert fleet.unit_names() == []
    fleet.save(plan.units)
    assert fleet.unit("unit-0001") == FleetUnit(
        "unit-0001",
        site="Example Road, northbound",
        lat_deg=51.5007,
        lon_deg=-0.1246,
        groups=("north", "trial"),
        mounting={"height_m": 6.0},
        settings={"exposure": {"speed_limit_km_h": 50}},
    )
    assert fleet.unit("unit-0002") == FleetUnit("unit-0002")


@pytest.mark.parametrize(
    "again",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace("north trial", "trial  north").replace("51.5007", "51.50070"),
        GOOD + "\n,,,,,,\n",
    ],
)
def test_the_same_table_again_changes_nothing(fleet: FleetFolder, again: str | bytes) -> None:
    done(fleet, GOOD)
    plan = planned(fleet, again)
    assert (plan.units, plan.same, plan.problems) == ([], ["unit-0001", "unit-0002"], [])


def test_semicolons_as_some_offices_have_them(fleet: FleetFolder) -> None:
    assert len(done(fleet, "unit;site\nunit-0001;A, B\n").added) == 1
    assert fleet.unit("unit-0001").site == "A, B"


def test_a_column_that_is_missing_changes_nothing_and_an_empty_cell_clears(fleet: FleetFolder) -> None:
    done(fleet, GOOD)
    fleet.save([replace(fleet.unit("unit-0001"), state=State.ENROLLED, serials=("1f",), note="n")])
    done(fleet, "unit,site,exposure.speed_limit_km_h\nunit-0001,,\n")
    after = fleet.unit("unit-0001")
    assert (after.site, after.settings, after.lat_deg) == ("", {}, 51.5007)
    assert (after.state, after.serials, after.note) == (State.ENROLLED, ("1f",), "n")


def test_what_is_retired_or_not_named_is_left_alone(fleet: FleetFolder) -> None:
    done(fleet, GOOD)
    fleet.save([replace(fleet.unit("unit-0001"), state=State.RETIRED), FleetUnit("unit-0003", note="n")])
    plan = planned(fleet, GOOD.replace("51.5007", "52"))
    assert (plan.units, plan.retired) == ([], ["unit-0001"])
    assert fleet.unit("unit-0003").note == "n"


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, "", "empty"),
        ("site\nx\n", 1, "", "no column unit"),
        ("unit,unit\nx,y\n", 1, "unit", "twice"),
        ("unit,lat\nx,1\n", 1, "lat", "did you mean lat_deg?"),
        ("unit,broker.host\nx,b\n", 1, "broker.host", "it is [broker] of fleet.toml"),
        ("unit,site\nx,a\nUnit 1,b\n", 3, "unit", "'Unit 1' is no name"),
        ("unit,site\n,b\n", 2, "unit", "'' is no name"),
        ("unit\nx\ny\nx\n", 4, "unit", "x stands on line 2 already"),
        ("unit\ncentre\n", 2, "unit", "a client's name in fleet.toml"),
        ("unit,site\nx,a,b\n", 2, "", "3 cells, and the table has 2 columns"),
        ("unit,lat_deg,lon_deg\nx,91,0\n", 2, "lat_deg", "from -90 to 90"),
        ("unit,lat_deg,lon_deg\nx,nan,0\n", 2, "lat_deg", "not a number from"),
        ("unit,lat_deg,lon_deg\nx,51 N,0\n", 2, "lat_deg", "'51 N' is not a number such as"),
        ("unit,lat_deg,lon_deg\nx,51,\n", 2, "", "lon_deg: missing"),
        ("unit,height_m\nx,60\n", 2, "height_m", "from 0.5 to 30"),
        ("unit,groups\nx,A\n", 2, "groups", "'A' is no name"),
        (f"unit,site\nx,{'a' * 65}\n", 2, "site", "1 to 64 bytes"),
        ("unit,note\nx,\x1b[31m\n", 2, "note", "not printable"),
        ("unit,exposure.mode\nx,slow\n", 2, "exposure.mode", '"slow" is not allowed'),
        ("unit,camera.widht\nx,1280\n", 2, "camera.widht", "did you mean width?"),
        ('unit,site\nx,"a\nb\n', 3, "", "not CSV"),
        ('unit,site\nx,"a"b\n', 2, "", "not CSV"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_column(
    fleet: FleetFolder, text: str, line: int, column: str, words: str
) -> None:
    problems = planned(fleet, text).problems
    assert [(one.line, one.column) for one in problems] == [(line, column)]
    assert words in problems[0].text


def test_every_wrong_line_is_named_in_one_go(fleet: FleetFolder) -> None:
    text = "unit,lat_deg,lon_deg,height_m\nx,91,181,6\ny,51,0,6\nz,51,0,60\n"
    problems = planned(fleet, text).problems
    assert [(one.line, one.column) for one in problems] == [(2, "lat_deg"), (2, "lon_deg"), (4, "height_m")]


def test_a_file_that_is_no_table(fleet: FleetFolder, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"fleet\.csv:2: not UTF-8 text"):
        planned(fleet, "unit,site\nx,Straße\n".encode("latin-1"))
    with pytest.raises(UsageError, match="No such file"):
        plan_import(fleet, tmp_path / "nowhere.csv")
    with pytest.raises(UsageError, match="Is a directory"):
        plan_import(fleet, tmp_path)


CELLS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["51.5", "1e9", "north", '"', "{a=1}"]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=4))
def test_whatever_is_in_a_table_is_taken_or_named(fleet: FleetFolder, rows: list[list[str]]) -> None:
    heading = "unit,site,lat_deg,groups,exposure.mode"
    plan = planned(fleet, "\n".join((heading, *(",".join(row) for row in rows))))
    for unit in plan.units:
        fleet.save([unit])
        assert fleet.unit(unit.name) == unit


def test_a_cell_says_one_value_and_no_more() -> None:
    assert [value_of(text) for text in ("50", "true", "auto", '"50"', "1.5")] == [50, True, "auto", "50", 1.5]
    assert value_of("50\nmode = 1") == "50\nmode = 1"
