"""The overlays: compiled, merged into a board's tree, and asked what they switch on."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.unit.hw.trees import BOARDS, OVERLAYS, Tree, compiled, merged, needs_dtc

pytestmark = needs_dtc

ON = {
    "anpr-edge": ["/soc/pwm", "/soc/serial", "/soc/i2c", "/anpr-pps"],
    "anpr-edge-pi5": [
        "/rp1/pwm",
        "/rp1/serial0",
        "/rp1/serial2",
        "/rp1/i2c",
        "/anpr-pps",
    ],
}


def in_board(name: str, into: Path) -> Tree:
    board, overlay = compiled(BOARDS[name], into), compiled(OVERLAYS / f"{name}.dts", into)
    return merged(board, overlay, into)


def test_there_is_an_overlay_for_each_board() -> None:
    assert {file.stem for file in OVERLAYS.glob("*.dts")} == set(BOARDS)


@pytest.mark.parametrize("name", BOARDS)
def test_all_its_targets_are_there_and_switched_on(name: str, tmp_path: Path) -> None:
    tree = in_board(name, tmp_path)
    assert [node for node in ON[name] if tree.text(node, "status") != ["okay"]] == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_target_that_the_board_lacks_is_found_out(name: str, tmp_path: Path) -> None:
    source = (OVERLAYS / f"{name}.dts").read_text()
    broken = tmp_path / "broken.dts"
    broken.write_text(source.replace("&pwm", "&pulse"))
    with pytest.raises(subprocess.CalledProcessError):
        merged(compiled(BOARDS[name], tmp_path), compiled(broken, tmp_path), tmp_path)


@pytest.mark.parametrize("name", BOARDS)
def test_it_says_which_chip_it_is_for(name: str, tmp_path: Path) -> None:
    overlay = compiled(OVERLAYS / f"{name}.dts", tmp_path)
    assert set(overlay.text("/", "compatible")) <= set(
        compiled(BOARDS[name], tmp_path).text("/", "compatible")
    )


@pytest.mark.parametrize("name", BOARDS)
def test_the_current_sensor_is_off_unless_asked_for(name: str, tmp_path: Path) -> None:
    tree = in_board(name, tmp_path)
    sensor = ON[name][-2] + "/current@40"
    assert tree.text(sensor, "status") == ["disabled"]
    assert tree.text(sensor, "label") == ["lamps"]  # what `anpr-edge doctor housing` looks for


def test_only_the_board_without_a_clock_gets_one(tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    (tmp_path / "5").mkdir()
    assert in_board("anpr-edge", tmp_path / "4").text("/soc/i2c/rtc@68", "compatible") == ["maxim,ds3231"]
    assert not in_board("anpr-edge-pi5", tmp_path / "5").has("/rp1/i2c/rtc@68")


def test_parameters_are_those_that_the_pages_name(tmp_path: Path) -> None:
    named = {}
    for name in BOARDS:
        named[name] = set(compiled(OVERLAYS / f"{name}.dts", tmp_path).names("/__overrides__"))
    assert named["anpr-edge"] - named["anpr-edge-pi5"] == {"rtc"}
    assert named["anpr-edge-pi5"] == {"lamp_current", "lamp_shunt_uohm", "pps_falling"}
