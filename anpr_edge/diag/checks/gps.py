"""Is the configured GPS receiver plugged in?"""

from __future__ import annotations

import stat
from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
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


def run(subject: Subject) -> Iterator[Finding]:
    """The device node, when there is a [gps] section at all."""
    gps, site = subject.config.gps, subject.config.site
    if gps is None:
        surveyed = site.lat_deg is not None
        yield ok(GPS, "none configured: " + ("the surveyed position counts" if surveyed else "no position"))
        return
    step = "plug the receiver in; ls -l /dev/serial/by-id shows what is there"
    found = look(GPS, gps.device, next_step=step)
    if isinstance(found, Finding):
        yield found
    elif not stat.S_ISCHR(found.st_mode):
        yield fail(GPS, f"{gps.device}: not a serial device", next_step=step)
    else:
        yield ok(GPS, f"{gps.device}, {gps.baud} baud")


CHECK = Check("gps", (GPS,), run)
