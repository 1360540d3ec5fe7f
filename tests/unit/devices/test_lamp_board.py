"""The unit's end of the lamp board's line, with the firmware itself at the other end of a pseudo-terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.lamp_board import LampBoard, clear_tamper
from anpr_edge.devices.lamp_line import LineBuffer, line_of, parse_report
from anpr_edge.errors import DeviceError
from hw.lamp_board.simulator import SimulatedBoard
from tests.fakes import FakeClock


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedBoard]:
    board = SimulatedBoard(tmp_path / "ttyLAMPS")
    yield board
    board.unplug()


@pytest.fixture
def lamps(simulated: SimulatedBoard) -> Iterator[LampBoard]:
    with closing(LampBoard(simulated.link, SystemClock(), retry_s=0.05)) as lamps:
        yield lamps


def until(wanted: Callable[[], bool]) -> None:
    """Wait for it; pytest's timeout is the limit."""
    while not wanted():
        time.sleep(0.01)


def test_the_level_arrives_and_comes_back(simulated: SimulatedBoard, lamps: LampBoard) -> None:
    lamps.set_level(0.7)
    until(lambda: simulated.level == 700)
    until(lambda: lamps.state().level == 0.7)
    state = lamps.state()
    assert (state.current_ma, state.lamp_temperature_c, state.supply_v) == (1050, 41.2, 12.04)
    assert state.flags == ()


def test_closing_it_leaves_the_lamps_dark(simulated: SimulatedBoard, lamps: LampBoard) -> None:
    lamps.set_level(1)
    until(lambda: simulated.level == 1000)
    lamps.close()
    until(lambda: simulated.level == 0)


@pytest.mark.parametrize(
    ("happens", "flags"),
    [
        ("door", {"door", "door-opened"}),
        ("head", {"moved", "was-moved"}),
        ("broken", {"lamp-fault"}),
        ("hot", {"hot"}),
    ],
)
def test_what_happens_to_the_board_is_said(
    simulated: SimulatedBoard, lamps: LampBoard, happens: str, flags: set[str]
) -> None:
    lamps.set_level(1)
    until(lambda: lamps.state().level == 1)
    setattr(simulated, happens, True)
    until(lambda: set(lamps.state().flags) == flags)


def test_a_board_pulled_out_and_put_back_goes_on(
    simulated: SimulatedBoard, lamps: LampBoard, tmp_path: Path
) -> None:
    lamps.set_level(0.5)
    until(lambda: simulated.level == 500)
    simulated.unplug()
    back = SimulatedBoard(simulated.link)
    until(lambda: back.level == 500)
    back.unplug()


def test_noise_on_the_line_is_counted_and_passed_over(simulated: SimulatedBoard, lamps: LampBoard) -> None:
    lamps.set_level(0.5)
    until(lambda: lamps.state().level == 0.5)
    simulated.say(b"\x00\xff R 1 2 3*0000\n" + line_of("R not a report"))
    until(lambda: lamps.state().bad_lines == 2)
    lamps.set_level(0.25)
    until(lambda: lamps.state().level == 0.25)


def test_a_silent_board_is_named_with_what_to_do(tmp_path: Path) -> None:
    clock = FakeClock()
    with closing(LampBoard(tmp_path / "nothing", clock)) as lamps:
        lamps.set_level(1)
        clock.advance(3.5)
        with pytest.raises(DeviceError, match="said nothing for 4 s") as silent:
            lamps.set_level(1)
        assert "wires" in silent.value.hint
        assert lamps.state().level is None


@pytest.mark.parametrize("level", [-0.01, 1.01, float("nan")])
def test_a_level_outside_is_refused(lamps: LampBoard, level: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        lamps.set_level(level)


def test_tamper_is_forgotten_when_told(simulated: SimulatedBoard) -> None:
    simulated.door = True
    until(lambda: simulated.kept != 0)
    with pytest.raises(DeviceError, match="housing is open"):
        clear_tamper(simulated.link)
    simulated.door = False
    clear_tamper(simulated.link)
    assert simulated.kept == 0


def test_a_board_that_says_nothing_cannot_be_cleared(simulated: SimulatedBoard) -> None:
    simulated.mute = True
    with pytest.raises(DeviceError, match="says nothing"):
        clear_tamper(simulated.link, timeout_s=0.2)


def test_no_board_cannot_be_cleared_either(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="nothing-there"):
        clear_tamper(tmp_path / "nothing-there")


@pytest.mark.parametrize(
    "body",
    [
        "R 1 1001 0 - 0 00 0",
        "R 1 0 0 - 0 0 0",
        "R 1 0 0 - 0 0G 0",
        "R -1 0 0 - 0 00 0",
        "R 1 0 0 0 00 0",
        "",
        "I 1 A 1",
    ],
)
def test_what_is_no_report_is_none(body: str) -> None:
    assert parse_report(body) is None


def test_fields_that_a_later_protocol_adds_are_passed_over() -> None:
    report = parse_report("R 12 500 750 -51 12000 A1 3 42 43")
    assert report is not None
    assert (report.lamp_dc, report.errors) == (-51, 3)
    assert report.state(silent_s=0, bad_lines=1).flags == ("door", "lamp-fault", "by-watchdog")


def test_an_endless_line_is_thrown_away() -> None:
    lines = LineBuffer()
    assert lines.take(b"x" * 5000) == []
    assert lines.take(b"\n" + line_of("Q")) == ["Q"]
    assert lines.pop_bad() == 2
