"""`anpr-edge config`: check, show, example."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.config import example_text, load_config
from tests.unit.config.samples import MINIMAL


@pytest.fixture
def unit_toml(tmp_path: Path) -> Path:
    file = tmp_path / "unit.toml"
    file.write_text(MINIMAL, encoding="utf-8")
    return file


@pytest.fixture
def bad_toml(tmp_path: Path) -> Path:
    file = tmp_path / "bad.toml"
    file.write_text(f"{MINIMAL}[log]\nlevel = 1\ncolour = 2\n", encoding="utf-8")
    return file


def test_check_of_a_good_file(unit_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(unit_toml)]) == 0
    expected = f"ok   {unit_toml}  unit london/unit-7, camera picamera, feeds charging\n"
    assert capsys.readouterr() == (expected, "")


def test_check_of_a_bad_file_shows_every_problem(bad_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(bad_toml)]) == 78
    assert capsys.readouterr().out.splitlines() == [
        f'{bad_toml}:13: log.level: 1 is not allowed; must be one of "debug", "info", "warning", "error"',
        f"{bad_toml}:14: log.colour: unknown key; [log] may have level",
    ]


def test_check_as_json(bad_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(bad_toml), "--json"]) == 78
    told = json.loads(capsys.readouterr().out)
    assert (told["schema"], told["file"], told["ok"]) == (1, str(bad_toml), False)
    assert told["problems"][1] == {
        "line": 14,
        "key": "log.colour",
        "text": "unknown key; [log] may have level",
    }


def test_check_of_a_good_file_as_json(unit_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(unit_toml), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "file": str(unit_toml),
        "ok": True,
        "problems": [],
    }


def test_check_of_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "check", str(tmp_path / "none.toml")]) == 78
    assert "no such configuration file" in capsys.readouterr().err


def test_show_says_where_each_value_comes_from(unit_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", str(unit_toml)]) == 0
    lines = {" ".join(line.split()) for line in capsys.readouterr().out.splitlines()}
    assert 'unit.id = "unit-7" # unit.toml:3' in lines
    assert "broker.port = 8883 # default" in lines
    assert "#gps = # default" in lines


def test_what_show_prints_is_the_same_configuration(
    unit_toml: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["config", "show", str(unit_toml)])
    shown = tmp_path / "shown.toml"
    shown.write_text(capsys.readouterr().out, encoding="utf-8")
    assert load_config(shown) == load_config(unit_toml)


def test_show_as_json(unit_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", str(unit_toml), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    assert values["unit.fleet"] == {"value": "london", "line": 2}
    assert values["broker.port"] == {"value": 8883, "line": None}
    assert values["camera.location"] == {"value": None, "line": None}


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_show_hides_the_password_of_an_address(
    tmp_path: Path, form: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "unit.toml"
    camera = '[camera]\nsource = "video"\nlocation = "rtsp://admin:hunter2@192.0.2.1/road"\n'
    file.write_text(MINIMAL + camera, encoding="utf-8")
    assert main(["config", "show", str(file), *form]) == 0
    shown = capsys.readouterr().out
    assert "rtsp://192.0.2.1/road" in shown
    assert "hunter2" not in shown


def test_show_of_a_bad_file_is_refused(bad_toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "show", str(bad_toml)]) == 78
    assert "log.colour" in capsys.readouterr().err


def test_example_is_the_one_that_ships(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "example"]) == 0
    printed = capsys.readouterr().out
    assert printed == example_text()
    assert "unit" in tomllib.loads(printed)


@pytest.mark.parametrize("command", ["check", "show"])
def test_the_file_may_follow_config_as_in_other_commands(
    unit_toml: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", command, str(unit_toml)]) == 0
    by_itself = capsys.readouterr()
    assert main(["config", command, "--config", str(unit_toml)]) == 0
    assert capsys.readouterr() == by_itself


def test_two_files_are_one_too_many(unit_toml: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["config", "check", str(unit_toml), "--config", str(unit_toml)])
    assert ended.value.code == 2
