"""Is the configured GPS receiver plugged in, has it a fix, and is that where the unit was surveyed?"""

from __future__ import annotations

import stat
from collections.abc import Iterator

from anpr_edge.diag.condition import (
    Check,
    Condition,
    Finding,
    Severity,
    absent,
    fail,
    not_checked,
    ok,
    standing,
)
from anpr_edge.diag.nodes import look
from anpr_edge.diag.subject import Subject

GPS = Condition(
    code="gps",
    title="The configured GPS receiver is plugged in",
    severity=Severity.EVIDENCE,
    explanation=(
        "Without it the reader goes on and every read says that the position is unknown. The line is not "
        "opened here, since it would take bytes from the reader; anpr-edge status tells if there is a fix."
    ),
    depends_on=("config",),
    next_step="plug the receiver in; ls -l /dev/serial/by-id shows what is there",
)


GPS_FIX = Condition(
    code="gps-fix",
    title="The GPS receiver has a fix",
    severity=Severity.EVIDENCE,
    explanation=(
        "Without a fix every read says that the position is unknown. A receiver needs a minute after the "
        "start, and a view of the sky: a metal case or a bridge takes it away."
    ),
    depends_on=("gps", "service-reader"),
    explained_by=("service-helpers",),
    next_step="look at the antenna, its cable and its view of the sky; gps.baud must be the receiver's",
    visible_after_s=300.0,
)
GPS_DISTANCE = Condition(
    code="gps-distance",
    title="The unit is where it was surveyed",
    severity=Severity.EVIDENCE,
    explanation=(
        "The receiver's position is held against site.lat_deg and site.lon_deg. Far from there, the unit "
        "was moved, its configuration is another unit's, or the signal is jammed or forged."
    ),
    depends_on=("gps-fix",),
    next_step="is this the unit that stands here? correct [site], or find out who moved it",
)

FAR_M = 100.0
"""Receivers under trees and beside buildings are off by tens of metres, units are hundreds apart."""


def run(subject: Subject) -> Iterator[Finding]:
    """The device node, when there is a [gps] section at all."""
    gps, site = subject.config.gps, subject.config.site
    if gps is None:
        surveyed = site.lat_deg is not None
        yield ok(GPS, "none configured: " + ("the surveyed position counts" if surveyed else "no position"))
        return
    found = look(GPS, gps.device, next_step=GPS.next_step)
    if isinstance(found, Finding):
        yield found
    elif not stat.S_ISCHR(found.st_mode):
        yield fail(GPS, f"{gps.device}: not a serial device")
    else:
        yield ok(GPS, f"{gps.device}, {gps.baud} baud")


def run_fix(subject: Subject) -> Iterator[Finding]:
    """What the reader says of the receiver's fixes."""
    if subject.config.gps is None:
        yield from (absent(condition, "no GPS receiver configured") for condition in (GPS_FIX, GPS_DISTANCE))
        return
    fix = subject.state("reader").get("fix", {})
    lost_s, far_m = fix.get("lost_s"), fix.get("from_site_m")
    if "lost_s" not in fix:
        yield not_checked(GPS_FIX, "the reader does not say")
    elif lost_s is not None:
        yield standing(GPS_FIX, lost_s, f"no fix for {lost_s:.0f} s")
    else:
        yield ok(GPS_FIX, f"{fix['mode']}D")
    if far_m is None:
        words = "site.lat_deg and lon_deg are not set" if subject.config.site.lat_deg is None else "no fix"
        yield absent(GPS_DISTANCE, words)
        return
    limit_m = FAR_M + (fix.get("eph_m") or 0.0)
    measured, limit = f"{far_m:.0f} m from the site", f"{limit_m:.0f} m"
    yield fail(GPS_DISTANCE, measured, limit=limit) if far_m > limit_m else ok(GPS_DISTANCE, measured, limit)


CHECK = Check("gps", (GPS,), run)
FIX_CHECK = Check("gps-fix", (GPS_FIX, GPS_DISTANCE), run_fix)
