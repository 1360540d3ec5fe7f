"""Whether a feed runs at a moment, by its own calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from anpr_edge.seal.policy.model import Calendar, Hours


def local_time(utc_ns: int, zone: str) -> datetime:
    """The moment by the clock on the wall in `zone`, to the second."""
    return datetime.fromtimestamp(utc_ns // 10**9, UTC).astimezone(ZoneInfo(zone))


def runs_at(calendar: Calendar, local: datetime) -> bool:
    """Whether the feed runs at this local time of the calendar's own zone."""
    today = local.date()
    if calendar.first_day is not None and today < calendar.first_day:
        return False
    if calendar.last_day is not None and today > calendar.last_day:
        return False
    if today in calendar.off_days:
        return False
    return any(_covers(hours, local) for hours in calendar.weekly)


def _covers(hours: Hours, local: datetime) -> bool:
    minute, weekday = local.hour * 60 + local.minute, local.weekday()
    if hours.start_min < hours.end_min:
        return weekday in hours.days and hours.start_min <= minute < hours.end_min
    began_today = weekday in hours.days and minute >= hours.start_min
    began_yesterday = (weekday - 1) % 7 in hours.days and minute < hours.end_min
    return began_today or began_yesterday
