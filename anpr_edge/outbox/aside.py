"""Where a broken outbox goes: `outbox.db.corrupt-1`, `-2`, …, ciphertext all of it.

Only the newest is kept, and that one until somebody removes it or the disk is full, so that ciphertext does
not outlive its retention in ever more copies. `outbox.db.salvage` names the one that nothing has been saved
from yet: whoever opens the outbox next does it, also after a power cut in between.
"""

from __future__ import annotations

import glob
import logging
from pathlib import Path

_log = logging.getLogger(__name__)


def beside(path: Path, suffix: str) -> Path:
    """The file that belongs to the outbox at `path`: `beside(outbox.db, "lock")` is `outbox.db.lock`."""
    return path.with_name(f"{path.name}.{suffix}")


def asides(path: Path) -> list[Path]:
    """The broken outboxes that lie here, their write-ahead logs included."""
    return list(path.parent.glob(f"{glob.escape(path.name)}.corrupt-*"))


def rebuilds(path: Path) -> int:
    """How many broken outboxes have been moved aside at this place."""
    numbers = [file.suffix.rpartition("-")[2] for file in asides(path)]
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def move_aside(path: Path) -> None:
    """Make place for a new outbox; the caller alone has the file. Its log, the newest commits, goes too."""
    older = asides(path)
    aside = beside(path, f"corrupt-{rebuilds(path) + 1}")
    beside(path, "salvage").write_text(aside.name)
    for end in ("-wal", ""):
        file = path.with_name(path.name + end)
        if file.exists():
            file.replace(aside.with_name(aside.name + end))
    path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
    _log.error("%s was broken and begun anew; what it held lies in %s", path, aside.name)
    for file in older if aside.exists() else ():
        file.unlink()


def to_salvage(path: Path) -> Path | None:
    """The broken outbox from which nothing has been saved yet; None when there is none."""
    try:
        aside = path.with_name(Path(beside(path, "salvage").read_text()).name)
    except (OSError, ValueError):
        return None
    return aside if aside.exists() else None


def salvaged(path: Path) -> None:
    """What could be saved is saved."""
    beside(path, "salvage").unlink(missing_ok=True)


def discard(path: Path) -> bool:
    """Remove what nothing more can be saved from, for its room; whether there was any."""
    found = asides(path) if to_salvage(path) is None else []
    for file in found:
        file.unlink(missing_ok=True)
    return bool(found)
