"""A lamp board to try a unit with: the firmware's own `board.py`, behind a pseudo-terminal.

    python -m hw.lamp_board.simulator --link /tmp/ttyLAMPS

Then `illuminator.board = "/tmp/ttyLAMPS"` in the unit's configuration. Type `door`, `head`, `break`, `heat`
or `mute` and Enter to do that to it, and once more to undo it; Ctrl-C unplugs it.
"""

from __future__ import annotations

import argparse
import os
import pty
import sys
import time
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

from hw.lamp_board.board import FULL, FULL_CURRENT_MA, Board, Seen

STEP_S = 0.02
WARM_DC, TOO_HOT_DC = 412, 910
SUPPLY_MV = 12_040


class SimulatedBoard:
    """The board with its lamps; attributes are what happens to it. A thread of its own runs the firmware."""

    def __init__(self, link: Path, serial: str = "LB-SIMULATED", kept: int = 0) -> None:
        self.link = link
        self.kept = kept
        self.door = self.head = self.broken = self.hot = self.mute = False
        self.level = 0
        self._stop = Event()
        self._board = Board(serial, kept, self._keep)
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        self._thread = Thread(target=self._run, name="simulated-board", daemon=True)
        self._thread.start()

    def unplug(self) -> None:
        """Pull the plug; harmless when called twice."""
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join()
            os.close(self._master)
            self.link.unlink(missing_ok=True)

    def say(self, raw: bytes) -> None:
        """Put bytes on the line that no board would."""
        os.write(self._master, raw)

    def _keep(self, flags: int) -> None:
        self.kept = flags

    def _run(self) -> None:
        started = time.monotonic()
        while not self._stop.wait(STEP_S):
            now_ms = round((time.monotonic() - started) * 1000)
            self._board.hear(self._heard(), now_ms)
            said = self._board.step(self._seen(), now_ms)
            self.level = self._board.level
            if said and not self.mute:
                self._send(said)

    def _seen(self) -> Seen:
        current_ma = 0 if self.broken else self._board.level * FULL_CURRENT_MA // FULL
        return Seen(current_ma, TOO_HOT_DC if self.hot else WARM_DC, SUPPLY_MV, self.door, self.head)

    def _heard(self) -> bytes:
        try:
            return os.read(self._master, 4096)
        except OSError:  # nothing there, or nobody has the other end open
            return b""

    def _send(self, said: bytes) -> None:
        with suppress(OSError):
            os.write(self._master, said)


def main() -> int:
    """Run one until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--link", type=Path, required=True, metavar="NAME", help="the serial line's name")
    board = SimulatedBoard(parser.parse_args().link)
    doings: dict[str, Callable[[], None]] = {
        "door": lambda: setattr(board, "door", not board.door),
        "head": lambda: setattr(board, "head", not board.head),
        "break": lambda: setattr(board, "broken", not board.broken),
        "heat": lambda: setattr(board, "hot", not board.hot),
        "mute": lambda: setattr(board, "mute", not board.mute),
    }
    try:
        for line in sys.stdin:
            doings.get(line.strip(), lambda: print("type", ", ".join(doings), file=sys.stderr))()
            print(f"level {board.level}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    board.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
