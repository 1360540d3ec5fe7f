"""A Raspberry Pi in a folder: what its kernel shows as files, and what its programs would answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from anpr_edge.diag.machine import Machine

REFERENCE_UTC_S = "1790000000.0"
CHRONY = "C0000201,192.0.2.1,2,1790000000.0,0.000012,-0.000004,0.000031,-8.1,0.0,0.1,0.004,0.001,64.2,Normal"


class FakePi:
    """A healthy one at first; `write` and `answers` change it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock_offset_ms: float | None = 0.02
        self.answers = {
            "vcgencmd": "throttled=0x0\n",
            "chronyc": f"{CHRONY}\n",
            "systemctl": "NRestarts=0\n",
        }
        self.write("sys/class/thermal/thermal_zone0/type", "cpu-thermal")
        self.write("sys/class/thermal/thermal_zone0/temp", "54321")
        self.write("run/utmp", "")
        self.utc_s: Callable[[], float] = time.time
        self.machine = Machine(
            root / "sys", root / "run", self._ask, lambda: self.clock_offset_ms, root / "slots.toml"
        )

    def write(self, path: str, content: str) -> Path:
        """Make or replace one of its files."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{content}\n")
        return file

    def mount(self, folder: Path, disk: str, part: str) -> Path:
        """Let `folder` lie on a partition of a disk; returns the disk's own folder below /sys."""
        device = folder.stat().st_dev
        self.write(f"sys/block/{disk}/{part}/partition", "2")
        link = self.root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(self.root / f"sys/block/{disk}/{part}")
        return self.root / f"sys/block/{disk}"

    def _ask(self, command: Sequence[str]) -> str | None:
        """As its programs would; chrony has set the clock right 12 s ago."""
        question = " ".join(command)
        if question in self.answers:
            return self.answers[question]
        answer = self.answers.get(command[0])
        return answer and answer.replace(REFERENCE_UTC_S, f"{self.utc_s() - 12:.6f}")
