"""`anpr-edge lamps`, and a real reader whose lamps hang on the simulated board."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.cli.status import lamp_board_rows
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import build_rig
from hw.lamp_board.simulator import SimulatedBoard
from tests.unit.diag.bench import Bench, make_bench

CLOCK = SystemClock()
WITHIN_S = 60.0
BOARD = {
    "silent_s": 0.2,
    "bad_lines": 0,
    "level": 0.7,
    "current_ma": 1050,
    "lamp_temperature_c": 41.2,
    "supply_v": 12.0,
    "flags": ["door-opened"],
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def with_board(bench: Bench, link: Path) -> None:
    bench.more = f'\n[illuminator]\nboard = "{link}"\n'
    bench.write_config()


def test_a_unit_without_a_board_says_so(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.write_config()
    assert main(["lamps", "clear-tamper", "--config", str(bench.config)]) == 2
    assert "has no lamp board" in capsys.readouterr().err


def test_tamper_is_cleared(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = SimulatedBoard(tmp_path / "ttyLAMPS", kept=2)
    with_board(bench, board.link)
    assert main(["lamps", "clear-tamper", "--config", str(bench.config)]) == 0
    board.unplug()
    assert board.kept == 0
    said = capsys.readouterr()
    assert "ok   tamper" in said.out
    assert "no audit log" in said.err


def test_an_unplugged_board_is_named(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with_board(bench, tmp_path / "nothing-there")
    assert main(["lamps", "clear-tamper", "--config", str(bench.config)]) == 1
    said = capsys.readouterr().err
    assert "nothing-there" in said
    assert "hint:" in said


def test_the_screen_shows_what_the_board_measures() -> None:
    assert list(lamp_board_rows(None)) == []
    assert list(lamp_board_rows(BOARD)) == [("lamps", "level 0.70, 1050 mA, 41 °C; DOOR-OPENED")]
    silent = {**BOARD, "level": None, "silent_s": 75.0}
    assert list(lamp_board_rows(silent)) == [("lamps", "their board has been SILENT for 1 min")]


@pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)
def test_a_reader_drives_its_board_and_leaves_it_dark(tmp_path: Path) -> None:
    board = SimulatedBoard(tmp_path / "ttyLAMPS")
    rig = build_rig(tmp_path, {"source": "synthetic", "synthetic": {"vehicles": 200}}, CLOCK)
    with rig.config.open("a", encoding="utf-8") as file:
        file.write(f'\n[illuminator]\nboard = "{board.link}"\nlevel = 0.6\n')
    reader = rig.start_reader()
    try:
        deadline_ns = CLOCK.now().mono_ns + WITHIN_S * 1e9
        while (rig.state("reader").get("lamp_board") or {}).get("level") != 0.6:
            assert CLOCK.now().mono_ns < deadline_ns
            CLOCK.sleep(0.05)
        assert rig.state("reader")["lamp_board"]["current_ma"] == 900
    finally:
        reader.terminate()
        reader.wait(WITHIN_S)
    deadline_ns = CLOCK.now().mono_ns + WITHIN_S * 1e9
    while board.level != 0 and CLOCK.now().mono_ns < deadline_ns:
        CLOCK.sleep(0.05)
    board.unplug()
    assert board.level == 0
