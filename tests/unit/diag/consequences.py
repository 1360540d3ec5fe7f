"""What follows from a fault, as it would show on a road."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from anpr_edge.hourly import hour_name
from tests.unit.diag.whole_unit import WholeUnit

Fault = tuple[Callable[[WholeUnit], None], str]
"""How to break a unit, and the code of what is then the root cause."""


def nothing_is_read(unit: WholeUnit) -> None:
    """The last full hour had hardly a read."""
    unit.hours[hour_name(unit.utc - timedelta(hours=1))]["reads"] = 3.0


def too_dark(unit: WholeUnit) -> None:
    unit.reader["exposure"].update(limit="dark", limit_s=1200.0)


def link_down(unit: WholeUnit) -> None:
    unit.uplink["link"] = {"connected": False, "detail": "no answer", "since_s": 7200.0}
    unit.uplink["outbox"]["access"] = {"waiting": 9000, "sent": 0, "oldest_age_s": 40 * 3600.0}
