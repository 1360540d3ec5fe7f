"""Which machine a figure belongs to, and how busy it was."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

_BOARD = Path("/proc/device-tree/model")


def machine() -> dict[str, Any]:
    """Processor, cores, system, and the load of the last minute."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_1min": round(os.getloadavg()[0], 2),
    }


def resident_mb() -> float:
    """Memory this process holds now, in MB of 10^6 bytes. Source: proc_pid_status(5), VmRSS."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return round(int(line.split()[1]) * 1024 / 1e6, 1)
    return float("nan")


def _processor() -> str:
    if _BOARD.exists():
        return _BOARD.read_text().rstrip("\0")
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
