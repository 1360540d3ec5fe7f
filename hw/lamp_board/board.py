"""What the lamp board does, on MicroPython and on Python alike: see README.md for the protocol.

Nothing in here touches a pin or a clock: `Board` is told what was measured and when, and tells how bright
the lamps shall be and what to send.
"""

try:
    from collections.abc import Callable
except ImportError:  # MicroPython, which passes annotations over
    pass

PROTOCOL = 1
FIRMWARE = "1.0.0"
LONGEST_LINE = 96

REPORT_MS = 500
SILENT_MS = 2000
FAULT_MS = 200
SCOLD_MS = 1000
FULL = 1000

HOT_DC, COOL_DC = 850, 750
HOT_SHARE = 4
"""Lamps above 85 degrees get a quarter of what is asked, until they are below 75."""
FULL_CURRENT_MA = 1500
CURRENT_OFF_PERCENT = 30
LEAST_CURRENT_MA = 60
"""What the measurement of the current is off by at most, even of dark lamps."""

DOOR, DOOR_OPENED, MOVED, WAS_MOVED, HOT, LAMP_FAULT, DARK, WATCHDOG = (1 << bit for bit in range(8))
KEPT = DOOR_OPENED | WAS_MOVED


def crc16(data: bytes) -> int:
    """CRC-16/IBM-3740 of some bytes: `123456789` gives 0x29B1."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1
        crc &= 0xFFFF
    return crc


def line_of(body: str) -> bytes:
    """A body as a line."""
    return b"%s*%04X\n" % (body.encode(), crc16(body.encode()))


def body_of(line: bytes) -> str | None:
    """A line's body, or None when its checksum is wrong."""
    line = line.rstrip(b"\r\n")
    body, star, given = line[:-5], line[-5:-4], line[-4:]
    if star != b"*" or given != b"%04X" % crc16(body):
        return None
    try:
        return body.decode("ascii")
    except (UnicodeError, ValueError):
        return None


class Seen:
    """What was measured: mA, tenths of a degree or None, mV, an open door, a head that moved."""

    def __init__(
        self,
        current_ma: int = 0,
        lamp_dc: int | None = None,
        supply_mv: int = 0,
        door: bool = False,
        moved: bool = False,
    ) -> None:
        self.current_ma = current_ma
        self.lamp_dc = lamp_dc
        self.supply_mv = supply_mv
        self.door = door
        self.moved = moved


class Board:
    """One board. `kept` is what its memory without power holds; `keep(flags)` writes it there."""

    def __init__(
        self, serial: str, kept: int, keep: "Callable[[int], None]", by_watchdog: bool = False
    ) -> None:
        self.serial = serial
        self.flags = (kept & KEPT) | DARK | (WATCHDOG if by_watchdog else 0)
        self.wanted = 0
        self.errors = 0
        self.moved_is_new_place = False
        self._keep = keep
        self._rest = b""
        self._heard_ms: int | None = None
        self._reported_ms: int | None = None
        self._scolded_ms: int | None = None
        self._off_since_ms: int | None = None
        self._now_ms = 0
        self._out: list[bytes] = []

    @property
    def level(self) -> int:
        """How bright the lamps shall be now, in thousandths."""
        if self.flags & DARK:
            return 0
        return self.wanted // HOT_SHARE if self.flags & HOT else self.wanted

    def hear(self, data: bytes, now_ms: int) -> None:
        """Take bytes off the line, in whatever pieces."""
        self._now_ms = now_ms
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LONGEST_LINE:
            self._rest = b""
            self.errors += 1
        for line in lines:
            self._obey(line)

    def step(self, seen: Seen, now_ms: int) -> bytes:
        """Take what was measured into account; the lines to send, as bytes. Call it every 20 ms or so."""
        before, self._now_ms = self.flags, now_ms
        self._watch(seen)
        self._cool(seen.lamp_dc)
        if self._heard_ms is None or now_ms - self._heard_ms > SILENT_MS:
            self.flags |= DARK
        self._compare(seen.current_ma)
        if (self.flags ^ before) & KEPT:
            self._keep(self.flags & KEPT)
        due = self._reported_ms is None or now_ms - self._reported_ms >= REPORT_MS
        if due or self.flags != before:
            self._report(seen)
        said = b"".join(self._out)
        self._out = []
        return said

    def _obey(self, line: bytes) -> None:
        body = body_of(line) if len(line) < LONGEST_LINE else None
        if body is None:
            self.errors += 1
            return
        words = body.split(" ")
        if words[0] == "S" and len(words) == 2:
            self._shine(words[1])
        elif words == ["Q"]:
            self._say("I %d %s %s" % (PROTOCOL, self.serial, FIRMWARE))
        elif words == ["C"]:
            self.flags &= ~KEPT
            self.moved_is_new_place = True
            self._keep(0)
        else:
            self._scold("verb")

    def _shine(self, level: str) -> None:
        if not level.isdigit() or int(level) > FULL:
            self._scold("value")
            return
        self.wanted, self._heard_ms = int(level), self._now_ms
        self.flags &= ~DARK

    def _scold(self, what: str) -> None:
        self.errors += 1
        if self._scolded_ms is None or self._now_ms - self._scolded_ms >= SCOLD_MS:
            self._scolded_ms = self._now_ms
            self._say("E " + what)

    def _watch(self, seen: Seen) -> None:
        """Door and head: what is now, and what was."""
        self.flags &= ~(DOOR | MOVED)
        if seen.door:
            self.flags |= DOOR | DOOR_OPENED
        if seen.moved:
            self.flags |= MOVED | WAS_MOVED

    def _cool(self, lamp_dc: int | None) -> None:
        if lamp_dc is None or lamp_dc < COOL_DC:
            self.flags &= ~HOT
        elif lamp_dc > HOT_DC:
            self.flags |= HOT

    def _compare(self, current_ma: int) -> None:
        """Lamps that take another current than they should for long are broken, or their wire is."""
        due_ma = self.level * FULL_CURRENT_MA // FULL
        room_ma = max(LEAST_CURRENT_MA, due_ma * CURRENT_OFF_PERCENT // 100)
        if abs(current_ma - due_ma) <= room_ma:
            self._off_since_ms = None
            self.flags &= ~LAMP_FAULT
        elif self._off_since_ms is None:
            self._off_since_ms = self._now_ms
        elif self._now_ms - self._off_since_ms >= FAULT_MS:
            self.flags |= LAMP_FAULT

    def _report(self, seen: Seen) -> None:
        self._reported_ms = self._now_ms
        lamp = "-" if seen.lamp_dc is None else str(seen.lamp_dc)
        self._say(
            "R %d %d %d %s %d %02X %d"
            % (self._now_ms, self.level, seen.current_ma, lamp, seen.supply_mv, self.flags, self.errors)
        )

    def _say(self, body: str) -> None:
        self._out.append(line_of(body))
