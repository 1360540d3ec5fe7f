"""Health messages as units send them: both schemas, all well, and a view that heard one."""

from __future__ import annotations

import json
from typing import Any

from anpr_edge.central.fleet_view import FleetView
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import Instant
from anpr_edge.uplink import topics
from tests.fakes import EPOCH_NS

FLEET, UNIT, FEED = "testfleet", "unit-0001", "access"
EPOCH_S = EPOCH_NS / 1e9
EPOCH_UTC = "2026-09-21T14:13:20+00:00"


def at(seconds: float) -> Instant:
    """So long after the view began; both clocks run together."""
    return Instant(EPOCH_NS + round(seconds * 1e9), round(seconds * 1e9), 1.0)


def now_utc() -> str:
    """The machine's time, as a unit writes it."""
    from datetime import UTC, datetime

    return datetime.fromtimestamp(SystemClock().now().utc_ns / 1e9, UTC).isoformat(timespec="milliseconds")


def flat(utc: str = EPOCH_UTC, **parts: Any) -> dict[str, Any]:
    """A well unit's health, schema 2."""
    stage = {"per_s": 25.0, "age_s": 0.1, "limit_s": 5.0}
    feed = {"waiting": 0, "sent": 1, "oldest_age_s": 2.0, "confirmed": 7, "dropped": {}, "restarts": 0}
    health: dict[str, Any] = {
        "schema": 2,
        "fleet": FLEET,
        "unit": UNIT,
        "version": "0.1.0",
        "utc": utc,
        "clock": {"utc_error_ms": 2.5},
        "board": {"temperature_c": 51.0, "throttling": None, "load_1min": 1.0},
        "disk": {"total_mb": 30000.0, "free_mb": 21000.0},
        "services": {
            "reader": {"state": "running", "uptime_s": 60.0, "rss_mb": 180.0},
            "uplink": {"state": "running", "uptime_s": 60.0, "rss_mb": 40.0},
        },
        "stages": {"capture": stage, "infer": stage, "commit": stage},
        "frames": {"taken": 1500, "processed": 1500, "dropped": {}, "faults": {}},
        "reads": {"committed": 40, "unreadable": 1, "unsealable": 0, "lost": 0, "last_utc": None},
        "exposure": None,
        "policy": None,
        "link": {"connected": True, "detail": "", "since_s": 60.0},
        "sent": {"published": 40, "accepted": 40, "refused": 0, "acks_refused": 0},
        "outbox": {"takes_reads": True, "rebuilds": 0, "feeds": {FEED: feed}},
        "update": {"system": "0.1.0", "last": None, "fetch": None},
        "unknown": {"board.throttling": "not a Raspberry Pi"},
    }
    return health | parts


def by_service(**reader: Any) -> dict[str, Any]:
    """A well unit's health, schema 1; `reader` changes that service's part."""
    feed = {"waiting": 3, "sent": 1, "oldest_age_s": 2.0, "dropped": {"full": 2}, "restarts": 0}
    state = {
        "state": "running",
        "mono_s": 1000.0,
        "stages": {"capture": {"age_s": 0.1, "limit_s": 5.0}, "gps": {"age_s": None, "limit_s": 5.0}},
        "frames": {"taken": 1500, "processed": 1400, "dropped": {"queue-full": 100}, "faults": {}},
        "reads": {"committed": 40, "unreadable": 1, "unsealable": 1, "lost": 2, "last_age_s": 2.0},
        "clock": {"utc_error_ms": 2.5},
        "policy": {"version": 0, "valid": True, "refused": ""},
        "exposure": None,
        "outbox_down": False,
    }
    uplink = {
        "state": "running",
        "mono_s": 1000.4,
        "version": "0.1.0",
        "utc": EPOCH_UTC,
        "link": {"connected": True},
        "acks_refused": 0,
        "outbox_rebuilds": 0,
        "outbox": {FEED: feed},
    }
    return {"schema": 1, "uplink": uplink, "reader": state | reader}


def tell(view: FleetView, health: dict[str, Any], seconds: float, unit: str = UNIT) -> None:
    """Let the view hear this health straight from its unit."""
    view.hear(topics.health(FLEET, unit), json.dumps(health).encode(), False, at(seconds))


def tell_status(view: FleetView, seconds: float, unit: str = UNIT, **status: Any) -> None:
    """Let the view hear a status."""
    view.hear(topics.status(FLEET, unit), json.dumps({"schema": 1, **status}).encode(), True, at(seconds))


def well_view(**more: Any) -> FleetView:
    """A connected view that has heard one well unit; five seconds have passed."""
    view = FleetView(FLEET, **more)
    view.link_changed(True, "connected to broker.example:8883", at(0))
    tell_status(view, 1, state="online")
    tell(view, flat(), 0)
    return view
