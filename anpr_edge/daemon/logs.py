"""Where the services' log lines go: stderr, which systemd hands to the journal with each line's priority."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TextIO

# Source: sd-daemon(3), the kernel's log levels.
PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
DEBUG_PRIORITY = 7


class JournalFormatter(logging.Formatter):
    """Prefixes every line with `<priority>`; the journal adds the time and the unit by itself."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        mark = f"<{priority(record.levelno)}>"
        return "\n".join(mark + line for line in super().format(record).splitlines())


class TerminalFormatter(logging.Formatter):
    """One line with the UTC time, the level and the room, for people at a terminal."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self.converter = time.gmtime


def priority(level: int) -> int:
    """The sd-daemon priority of a logging level."""
    return next((number for lowest, number in PRIORITIES if level >= lowest), DEBUG_PRIORITY)


def goes_to_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """True when `stream` is the very one that systemd connected to the journal, not one redirected since.

    Source: systemd.exec(5), JOURNAL_STREAM is "device:inode".
    """
    try:
        state = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{state.st_dev}:{state.st_ino}"


def start_logging(
    level: str, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> logging.Handler:
    """Send this process's log lines from `level` ("info", …) upwards to `stream`, by default stderr."""
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(JournalFormatter() if goes_to_journal(target, environ) else TerminalFormatter())
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    return handler
