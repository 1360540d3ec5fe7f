"""What the kernel says of another process. Source: proc(5), `status` and `stat`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_USER_TICKS, _SYSTEM_TICKS = 11, 12
"""Places of utime and stime in `stat` after the command's closing bracket."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Memory in MB of 10^6 bytes, now and at its highest, and processor seconds used so far."""

    resident_mb: float
    peak_mb: float
    processor_s: float


def usage(pid: int) -> Usage | None:
    """What a process holds and has used; None when it has ended."""
    try:
        status = (Path("/proc") / str(pid) / "status").read_text()
        stat = (Path("/proc") / str(pid) / "stat").read_text()
    except OSError:
        return None
    kilobytes = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(":") for line in status.splitlines())
        if name in ("VmRSS", "VmHWM")
    }
    if len(kilobytes) < 2:  # a process that has ended and was not waited for holds nothing
        return None
    ticks = stat.rpartition(")")[2].split()
    processor_s = (int(ticks[_USER_TICKS]) + int(ticks[_SYSTEM_TICKS])) / _TICKS_PER_S
    return Usage(kilobytes["VmRSS"] * 1024 / 1e6, kilobytes["VmHWM"] * 1024 / 1e6, processor_s)
