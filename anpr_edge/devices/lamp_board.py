"""The board that drives the lamps and watches the housing, on a serial line: see hw/lamp_board/README.md."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import serial

from anpr_edge.devices.lamp_line import LampBoardState, LineBuffer, Report, line_of, parse_report
from anpr_edge.errors import DeviceError, reason
from anpr_edge.seams import Clock

BAUD = 115_200
RETRY_S = 2.0
CLOSE_WITHIN_S = 2.0
REPEAT_S = 0.5
"""How often the level is said again: after 2 s without, the board goes dark."""
SILENT_AFTER_S = 3.0
"""Six reports missed."""
FULL = 1000

_POLL_S = 0.05
_log = logging.getLogger(__name__)


class LampBoard:
    """An Illuminator on a lamp board. A thread of its own keeps saying the level and hears the reports.

    While the board is unplugged its line is opened again every `retry_s`.
    """

    def __init__(self, device: Path, clock: Clock, *, retry_s: float = RETRY_S) -> None:
        self._device = device
        self._clock = clock
        self._retry_s = retry_s
        self._level = 0
        self._report: Report | None = None
        self._heard_ns = self._began_ns = clock.now().mono_ns
        self._bad_lines = 0
        self.on_turn: Callable[[], None] = lambda: None
        """Called each time the thread has gone round: at least every `retry_s`, while nothing hangs."""

        self._changed = Event()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="lamp-board", daemon=True)
        self._thread.start()

    def set_level(self, level: float) -> None:
        """Brightness from 0 (dark) to 1 (full); the board has it within 50 ms.

        Raises: ValueError outside that range, DeviceError when the board has been silent for 3 s.
        """
        if not 0 <= level <= 1:
            raise ValueError(f"level {level} is outside 0 to 1")
        self._level = round(level * FULL)
        self._changed.set()
        silent_s = self._silent_s()
        if silent_s > SILENT_AFTER_S:
            raise DeviceError(
                f"{self._device}: the lamp board has said nothing for {silent_s:.0f} s",
                hint="check illuminator.board, the board's supply and the two wires crossed",
            )

    def state(self) -> LampBoardState:
        """What the board last said, and how long ago."""
        silent_s = self._silent_s()
        if self._report is None or silent_s > SILENT_AFTER_S:
            return LampBoardState(silent_s=silent_s, bad_lines=self._bad_lines)
        return self._report.state(silent_s=silent_s, bad_lines=self._bad_lines)

    def close(self) -> None:
        """Lamps off, and no more is said; harmless when called twice. A line that hangs is left behind."""
        self._level = 0
        self._stop.set()
        self._changed.set()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():
            _log.error("lamp board %s: the line hangs and is left as it is", self._device)

    def _silent_s(self) -> float:
        return (self._clock.now().mono_ns - self._heard_ns) / 1e9

    def _run(self) -> None:
        complained = False
        while not self._stop.is_set():
            self.on_turn()
            try:
                with serial.Serial(str(self._device), BAUD, timeout=_POLL_S, write_timeout=1.0) as line:
                    complained = False
                    self._talk(line)
            except (OSError, ValueError) as error:  # SerialException is an OSError
                if not complained:
                    again_s = self._retry_s
                    _log.warning(
                        "lamp board %s: %s; trying again every %g s", self._device, reason(error), again_s
                    )
                complained = True
                self._stop.wait(self._retry_s)

    def _talk(self, line: serial.Serial) -> None:
        lines, said_ns = LineBuffer(), 0
        while True:
            self.on_turn()
            stopping, now_ns = self._stop.is_set(), self._clock.now().mono_ns
            if self._changed.is_set() or now_ns - said_ns >= REPEAT_S * 1e9:
                self._changed.clear()
                line.write(line_of(f"S {self._level}"))
                said_ns = now_ns
            if stopping:
                line.flush()
                return
            for body in lines.take(line.read(max(1, line.in_waiting))):
                self._hear(body)
            self._bad_lines += lines.pop_bad()

    def _hear(self, body: str) -> None:
        report = parse_report(body)
        if report is not None:
            self._report, self._heard_ns = report, self._clock.now().mono_ns
        elif not body.startswith(("I ", "E ")):
            self._bad_lines += 1


def clear_tamper(device: Path, *, timeout_s: float = 3.0) -> None:
    """Tell the board at `device` to forget what was opened and moved; nobody else may have its line open.

    Raises: DeviceError when the line cannot be opened, or the board does not report it forgotten in time.
    """
    try:
        with serial.Serial(str(device), BAUD, timeout=timeout_s, exclusive=True) as line:
            line.write(line_of("C"))
            _await_cleared(line, device)
    except (OSError, ValueError) as error:
        raise DeviceError(
            f"{device}: {reason(error)}", hint="stop anpr-edge-reader first: it has the board's line open"
        ) from error


def _await_cleared(line: serial.Serial, device: Path) -> None:
    lines = LineBuffer()
    reports = 0
    while data := line.read(max(1, line.in_waiting)):
        for body in lines.take(data):
            report = parse_report(body)
            if report is None:
                continue
            reports += 1
            if not report.door_opened and not report.was_moved:
                return
            if reports > 3:
                now = "the housing is open" if report.door else "the head is tilted"
                raise DeviceError(f"{device}: not forgotten, {now}", hint="close the housing, then try again")
    raise DeviceError(f"{device}: the lamp board says nothing", hint="check its supply and its wires")
