"""The slots' state on disk: `autoboot.txt` for the firmware, `marks.json` for what it need not know.

What commits is one file's replacement, and it comes first: whatever is cut off after it is put right by the
next `load`, and nothing before it has changed what the firmware boots.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import UpdateError
from anpr_edge.update.autoboot import AUTOBOOT_FILE, parse, render
from anpr_edge.update.layout import Layout
from anpr_edge.update.replacefile import replace_file
from anpr_edge.update.slots import SLOTS, Slots, other

MARKS_FILE: Final = "marks.json"
MARKS_SCHEMA: Final = 1


class BootStore:
    """Reads and writes the slots' state where `layout` says."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._autoboot = layout.boot_dir / AUTOBOOT_FILE
        self._marks = layout.state_dir / MARKS_FILE

    def load(self) -> Slots:
        """Where the unit stands. Raises: UpdateError when `autoboot.txt` does not say."""
        committed = self._committed()
        trial, bad = self._read_marks()
        return Slots(committed, self.running(), None if trial == committed else trial, bad)

    def save(self, old: Slots | None, new: Slots) -> None:
        """Make `new` of `old`; without `old` everything is written. Raises: UpdateError."""
        if old is None or new.committed != old.committed:
            boots = self._layout.partitions[new.committed]
            tries = self._layout.partitions[other(new.committed)]
            replace_file(self._autoboot, render(boots, tries))
        if old is None or (new.trial, new.bad) != (old.trial, old.bad):
            marks = {"schema": MARKS_SCHEMA, "trial": new.trial, "bad": sorted(new.bad)}
            self._layout.state_dir.mkdir(parents=True, exist_ok=True)
            replace_file(self._marks, json.dumps(marks).encode())

    def change(self, step: Callable[[Slots], Slots]) -> Slots:
        """Let the state machine take one step, and save what comes of it. Raises: UpdateError."""
        old = self.load()
        new = step(old)
        self.save(old, new)
        return new

    def commit_running(self) -> Slots:
        """Commit what runs, also when `autoboot.txt` is lost. Raises: UpdateError."""
        running = self.running()
        if running is None:
            raise UpdateError(
                f"{self._layout.bootloader_dir}: the firmware does not say which slot was booted",
                hint="this takes a Raspberry Pi that was booted from the image's slots",
            )
        try:
            old: Slots | None = self.load()
        except UpdateError:
            old = None
        new = (old or Slots(running, running)).committed_to(running)
        self.save(old, new)
        return new

    def running(self) -> str | None:
        """The slot that was booted, by the firmware's own word; None where there is no such firmware."""
        number = _cell(self._layout.bootloader_dir / "partition")
        return None if number is None else self._layout.slot_of(number)

    def _committed(self) -> str:
        try:
            boots, _ = parse(self._autoboot.read_bytes())
        except PermissionError:
            raise UpdateError(f"{self._autoboot}: this user may not look", hint="run it as root") from None
        except OSError as error:
            raise UpdateError(
                f"{self._autoboot}: {error.strerror}",
                hint="a system that was not made by scripts/build-image has no slots to update",
            ) from None
        except UpdateError as error:
            raise UpdateError(f"{self._layout.boot_dir}: {error}", hint=error.hint) from None
        slot = self._layout.slot_of(boots)
        if slot is None:
            raise UpdateError(
                f"{self._autoboot}: partition {boots} is no slot's",
                hint="anpr-edge update commit --without-gate writes it anew, for the system that runs",
            )
        return slot

    def _read_marks(self) -> tuple[str | None, frozenset[str]]:
        """Marks that cannot be read are none: nothing is tried, and the next update writes them anew."""
        try:
            found: Any = json.loads(self._marks.read_bytes())
        except (OSError, ValueError):
            return None, frozenset()
        if not isinstance(found, dict) or found.get("schema") != MARKS_SCHEMA:
            return None, frozenset()
        trial, bad = found.get("trial"), found.get("bad")
        known = [slot for slot in bad if slot in SLOTS] if isinstance(bad, list) else []
        return (trial if trial in SLOTS else None), frozenset(known)


def _cell(path: Path) -> int | None:
    """A 32-bit big-endian cell of the device tree."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return int.from_bytes(content, "big") if len(content) == 4 else None
