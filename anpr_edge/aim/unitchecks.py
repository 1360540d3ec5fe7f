"""The points of the acceptance record that the unit's own checks answer: clock, outbox, broker and others."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from anpr_edge.aim.needs import Mark, Point
from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.examine import Line, examine
from anpr_edge.diag.registry import CHECKS
from anpr_edge.diag.subject import Subject
from anpr_edge.seams import Clock

ASKED: Final = {
    "Clock": ("clock-date", "clock-sync"),
    "Disk": ("disk-writable", "disk-space"),
    "Keys": ("sign-key", "tls-key", "certificate", "certificate-dates"),
    "GPS": ("gps",),
    "Lamps": ("illuminator",),
    "Broker": ("broker-name", "broker-port", "broker-tls"),
    "Uplink": ("service-uplink", "uplink-link"),
    "Outbox": ("outbox", "outbox-backlog"),
}
"""Each point's conditions of `anpr-edge doctor`. Nothing that needs a running reader."""

_MARKS: Final[dict[Verdict, Mark]] = {Verdict.OK: "ok", Verdict.WARN: "not-ok", Verdict.FAIL: "not-ok"}


def unit_points(config_path: Path, clock: Clock) -> list[Point]:
    """One point for each group of conditions: what is wrong first, else what was measured last."""
    codes = {code for group in ASKED.values() for code in group}
    wanted = [check for check in CHECKS if any(one.code in codes for one in check.conditions)]
    lines = {line.condition.code: line for line in examine(Subject(config_path, clock), wanted, CHECKS)}
    return [_point(name, [lines[code] for code in group if code in lines]) for name, group in ASKED.items()]


def _point(name: str, lines: list[Line]) -> Point:
    if not lines:
        return Point(name, "not-checked", "no such check")
    wrong = [line for line in lines if line.finding.verdict is not Verdict.OK]
    worst = min(wrong, key=lambda line: line.finding.verdict is Verdict.NOT_CHECKED, default=lines[-1])
    found = worst.finding
    mark = _MARKS.get(found.verdict, "not-checked")
    need = f"{worst.condition.title} ({found.limit})" if found.limit else worst.condition.title
    return Point(name, mark, found.measured, need, found.next)
