"""The lamp board's lines, to and from text. Pure. Source: hw/lamp_board/README.md, "The line"."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass

LONGEST_LINE = 96

_LINE = re.compile(rb"([\x20-\x7e]*)\*([0-9A-F]{4})\r?")
_REPORT = re.compile(
    r"R (\d{1,12}) (\d{1,4}) (\d{1,6}) (-|-?\d{1,5}) (\d{1,6}) ([0-9A-F]{2}) (\d{1,9})(?: .*)?", re.ASCII
)
_FLAGS = ("door", "door_opened", "moved", "was_moved", "hot", "lamp_fault", "dark", "by_watchdog")
"""By their bits, lowest first."""


@dataclass(frozen=True, slots=True)
class LampBoardState:
    """What the unit knows of its board; None is what a silent board does not say.

    `silent_s` counts from its last sound report, `level` is 0 to 1 as the board has set it, `flags` are
    hw/lamp_board/README.md's by name, `bad_lines` were damaged on either side of the line.
    """

    silent_s: float
    bad_lines: int
    level: float | None = None
    current_ma: int | None = None
    lamp_temperature_c: float | None = None
    supply_v: float | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One report of the board, in its own units."""

    uptime_ms: int
    level: int
    current_ma: int
    lamp_dc: int | None
    supply_mv: int
    door: bool
    door_opened: bool
    moved: bool
    was_moved: bool
    hot: bool
    lamp_fault: bool
    dark: bool
    by_watchdog: bool
    errors: int

    def state(self, *, silent_s: float, bad_lines: int) -> LampBoardState:
        """What the unit says of its board."""
        return LampBoardState(
            silent_s=silent_s,
            bad_lines=bad_lines + self.errors,
            level=self.level / 1000,
            current_ma=self.current_ma,
            lamp_temperature_c=None if self.lamp_dc is None else self.lamp_dc / 10,
            supply_v=self.supply_mv / 1000,
            flags=tuple(name.replace("_", "-") for name in _FLAGS if getattr(self, name)),
        )


class LineBuffer:
    """Cuts a byte stream into the bodies of sound lines; the others are counted."""

    def __init__(self) -> None:
        self._rest = b""
        self._bad = 0

    def take(self, data: bytes) -> list[str]:
        """The bodies that `data` completes."""
        *whole, rest = (self._rest + data).split(b"\n")
        if len(rest) > LONGEST_LINE:
            rest = b""
            self._bad += 1
        self._rest = rest
        bodies = [body_of(line) for line in whole]
        self._bad += bodies.count(None)
        return [body for body in bodies if body is not None]

    def pop_bad(self) -> int:
        """How many lines were no good since this was last asked."""
        bad, self._bad = self._bad, 0
        return bad


def line_of(body: str) -> bytes:
    """`body` as a line."""
    return b"%s*%04X\n" % (body.encode("ascii"), crc16(body.encode("ascii")))


def body_of(line: bytes) -> str | None:
    """The body of a line without its line feed; None when it is damaged."""
    if len(line) >= LONGEST_LINE or not (found := _LINE.fullmatch(line)):
        return None
    body, given = found.groups()
    return body.decode("ascii") if int(given, 16) == crc16(body) else None


def parse_report(body: str) -> Report | None:
    """A report, or None when the body is none."""
    if not (found := _REPORT.fullmatch(body)):
        return None
    uptime, level, current, lamp, supply, flags, errors = found.groups()
    if int(level) > 1000:
        return None
    bits = int(flags, 16)
    set_flags = {name: bool(bits >> bit & 1) for bit, name in enumerate(_FLAGS)}
    return Report(
        uptime_ms=int(uptime),
        level=int(level),
        current_ma=int(current),
        lamp_dc=None if lamp == "-" else int(lamp),
        supply_mv=int(supply),
        errors=int(errors),
        **set_flags,
    )


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740. Source: the CRC catalogue; `123456789` gives 0x29B1."""
    return binascii.crc_hqx(data, 0xFFFF)
