"""What the board says of itself. Each value is None where the board has no such sensor."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYS = Path("/sys")
PROC = Path("/proc")
VCGENCMD_TIMEOUT_S = 2.0

SOC_ZONES = ("cpu-thermal", "soc-thermal", "x86_pkg_temp")
POSSIBLE_C = (-55.0, 150.0)
"""What a processor's sensor can measure; anything else is no temperature."""

_FLAGS = re.compile(r"(?:0x)?([0-9a-fA-F]{1,8})")


@dataclass(frozen=True, slots=True)
class Throttling:
    """What the Raspberry Pi firmware limits now, and what it has limited since it was switched on.

    Source: Raspberry Pi documentation, "vcgencmd get_throttled": bits 0 to 3 now, 16 to 19 since.
    """

    under_voltage: bool
    frequency_capped: bool
    throttled: bool
    soft_limit: bool
    under_voltage_since_boot: bool
    frequency_capped_since_boot: bool
    throttled_since_boot: bool
    soft_limit_since_boot: bool

    @classmethod
    def of_flags(cls, flags: int) -> Throttling:
        """From the firmware's word: `0x50000` → under-voltage and throttling have occurred."""
        return cls(*(bool(flags >> bit & 1) for bit in (0, 1, 2, 3, 16, 17, 18, 19)))

    @classmethod
    def of_answer(cls, answer: str) -> Throttling | None:
        """From what `vcgencmd get_throttled` prints, `throttled=0x50000`; None for anything else."""
        name, _, flags = answer.strip().partition("=")
        found = _FLAGS.fullmatch(flags) if name == "throttled" else None
        return cls.of_flags(int(found[1], 16)) if found else None


def soc_temperature_c(sys: Path = SYS) -> float | None:
    """The processor's own temperature; None too where its sensor says what is none."""
    zone = soc_zone(sys)
    try:
        celsius = int((_text(zone / "temp") if zone else None) or "") / 1000
    except ValueError:
        return None
    return celsius if POSSIBLE_C[0] <= celsius <= POSSIBLE_C[1] else None


def soc_zone(sys: Path = SYS) -> Path | None:
    """The folder of the processor's own sensor; None where there is none."""
    zones = {_text(zone / "type"): zone for zone in sorted(sys.glob("class/thermal/thermal_zone*"))}
    return next((zones[kind] for kind in SOC_ZONES if kind in zones), None)


def throttling(sys: Path = SYS, command: str | None = "vcgencmd") -> Throttling | None:
    """What the firmware limits, from sysfs, else from its own command, unless that is None."""
    for path in sys.glob("devices/platform/soc*/*firmware/get_throttled"):
        if found := _FLAGS.fullmatch(_text(path) or ""):
            return Throttling.of_flags(int(found[1], 16))
    if command is None:
        return None
    try:
        answer = subprocess.run(
            [command, "get_throttled"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VCGENCMD_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return Throttling.of_answer(answer.stdout)


def load_1min() -> float:
    """Processes that ran or waited to run, averaged over a minute."""
    return os.getloadavg()[0]


def resident_mb(proc: Path = PROC) -> float | None:
    """Memory this process holds, in megabytes of 10⁶ bytes. Source: proc_pid_statm(5)."""
    fields = (_text(proc / "self/statm") or "").split()
    return round(int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6, 1) if len(fields) > 1 else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip() or None
    except OSError:
        return None
