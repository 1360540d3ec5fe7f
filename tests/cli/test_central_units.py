"""`anpr-central units`: a list that a centre can use, whatever is done to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anpr_edge.central.units import Units
from anpr_edge.cli.central import main
from anpr_edge.seal.keys import SigningKey

KEY, OTHER = (SigningKey.generate().public for _ in range(2))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "centre"


def units(home: Path, command: str, *arguments: str) -> int:
    return main(["units", command, *arguments, "--home", str(home)])


def test_the_first_unit_begins_the_list(home: Path) -> None:
    assert units(home, "add", "unit-0001", KEY.text) == 0
    assert units(home, "add", "unit-0002", OTHER.text) == 0
    assert Units.load(home / "units.toml").keys == {"unit-0001": KEY, "unit-0002": OTHER}


def test_a_unit_that_is_listed_is_left_as_it_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units(home, "add", "unit-0001", KEY.text)
    before = (home / "units.toml").read_text()
    assert units(home, "add", "unit-0001", KEY.text) == 0
    assert "is listed already" in capsys.readouterr().err
    assert units(home, "add", "unit-0001", OTHER.text) == 2
    assert "listed with another key" in capsys.readouterr().err
    assert (home / "units.toml").read_text() == before


@pytest.mark.parametrize("name", ['"unit-0001"', "'unit-0001'", "unit-0001", '  "unit-0001"'])
def test_replacing_keeps_what_people_wrote(home: Path, name: str) -> None:
    home.mkdir()
    text = f'# north\n[units]\n{name} = "{KEY.text}"  # the old one\n# south\nunit-00012 = "{KEY.text}"'
    (home / "units.toml").write_text(text)
    assert units(home, "add", "unit-0001", OTHER.text, "--replace") == 0
    assert Units.load(home / "units.toml").keys == {"unit-0001": OTHER, "unit-00012": KEY}
    assert {"# north", "# south"} < set((home / "units.toml").read_text().splitlines())


def test_a_removed_unit_is_gone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units(home, "add", "unit-0001", KEY.text)
    assert units(home, "remove", "unit-0001") == 0
    assert Units.load(home / "units.toml").keys == {}
    assert units(home, "remove", "unit-0001") == 2
    assert "is not in" in capsys.readouterr().err


def test_the_list_is_shown(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    units(home, "add", "unit-0001", KEY.text)
    assert units(home, "list") == 0
    assert capsys.readouterr().out == f"unit-0001  {KEY.text}\n"
    assert units(home, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"schema": 1, "units": {"unit-0001": KEY.text}}


@pytest.mark.parametrize(("unit", "key"), [("unit-0001", "ed25519:short"), ("unit/1", KEY.text)])
def test_nonsense_is_refused_and_nothing_written(home: Path, unit: str, key: str) -> None:
    assert units(home, "add", unit, key) == 2
    assert not home.exists()


def test_a_list_that_cannot_be_used_is_not_changed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "units.toml").write_text("[unit]\n")
    assert units(home, "add", "unit-0001", KEY.text) == 78
    assert "[units]" in capsys.readouterr().err
    assert (home / "units.toml").read_text() == "[unit]\n"
