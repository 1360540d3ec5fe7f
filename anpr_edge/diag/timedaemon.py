"""What the time daemon says of its source: chrony, or systemd-timesyncd."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from anpr_edge.diag.machine import Machine
from anpr_edge.errors import DeviceError

_FIELDS = 14
_STRATUM = re.compile(r"\bStratum=(\d+)")
UNREACHED_STRATUM = 16
"""Source: RFC 5905 §7.3: stratum 16 is unsynchronised."""


@dataclass(frozen=True, slots=True)
class TimeSource:
    """Where a daemon has the time from: `name` is empty when no source is reached.

    `offset_ms` is how far the daemon knows the clock to be off, `heard_utc_s` when it last heard from there;
    None when it does not say.
    """

    daemon: str
    name: str
    stratum: int
    offset_ms: float | None = None
    heard_utc_s: float | None = None

    @property
    def reached(self) -> bool:
        return bool(self.name) and 0 < self.stratum < UNREACHED_STRATUM


def time_source(machine: Machine) -> TimeSource | None:
    """What the daemon that runs says; None when none does.

    Raises: DeviceError when chrony's answer is not one.
    """
    if answer := machine.ask(["chronyc", "-n", "-c", "tracking"]):
        if (source := parse_chrony(answer)) is None:
            raise DeviceError("chrony's answer is not understood", hint="chronyc -n tracking: ask it by hand")
        return source
    if answer := machine.ask(["timedatectl", "show-timesync", "--all"]):
        return parse_timesyncd(answer)
    return None


def parse_chrony(answer: str) -> TimeSource | None:
    """From `chronyc -c tracking`. Source: chronyc(1): reference, name, stratum, time, offset, …, leap."""
    fields = answer.strip().split(",")
    if len(fields) != _FIELDS:
        return None
    try:
        stratum, heard_utc_s, offset_ms = int(fields[2]), float(fields[3]), float(fields[4]) * 1e3
    except ValueError:
        return None
    if not (math.isfinite(offset_ms) and math.isfinite(heard_utc_s)):
        return None
    synchronised = fields[-1] != "Not synchronised"
    name = fields[1] or fields[0]
    return TimeSource("chrony", name if synchronised else "", stratum, offset_ms, heard_utc_s)


def parse_timesyncd(answer: str) -> TimeSource:
    """From `timedatectl show-timesync`. Source: timedatectl(1); without NTPMessage nothing was answered."""
    values = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    stratum = _STRATUM.search(values.get("NTPMessage", ""))
    name = values.get("ServerName") or values.get("ServerAddress") or ""
    return TimeSource("timesyncd", name if stratum else "", int(stratum[1]) if stratum else 0)
