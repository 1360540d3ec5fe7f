"""The last few reads, masked, for `anpr-edge top`: in memory-backed /run, for root and the reader alone.

It is no part of the reader's state, which all may read and the uplink publishes.
"""

from __future__ import annotations

import json
import os
from collections import deque
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

from anpr_edge.records import PlateRead, mask_plate
from anpr_edge.statefile import STATE_SCHEMA

LAST_READS_FILE: Final = "last-reads.json"
KEPT: Final = 8
MODE: Final = 0o600


class LastReads:
    """Remembers the last reads without their plates; one thread adds, another writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._reads: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self._changed = False

    def add(self, read: PlateRead) -> None:
        """One more read; of its plate two characters stay, and not how many there were."""
        shown = {
            "mono_s": round(read.last.mono_ns / 1e9, 3),
            "plate": mask_plate(read.plate_text),
            "confidence": round(read.confidence, 3),
            "frames": read.frames_used,
            "direction": read.direction,
            "lane": read.lane,
        }
        with self._lock:
            self._reads.append(shown)
            self._changed = True

    def write(self) -> None:
        """Replace the file when something has been added; one that cannot be written is left."""
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            content = json.dumps({"schema": STATE_SCHEMA, "reads": list(self._reads)}, ensure_ascii=False)
        draft = self._path.with_name(f".{self._path.name}.new")
        with suppress(OSError):
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                os.fchmod(descriptor, MODE)
                file.write(content)
            draft.replace(self._path)

    def close(self) -> None:
        """Leave nothing behind."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
