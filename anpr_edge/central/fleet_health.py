"""A unit's health message as the centre reads it: schema 1 and 2, and whatever else comes, in one shape.

A unit may be older or newer than the centre: what a message does not say, or says in a way that cannot be,
is None here, and is never taken for well.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

from anpr_edge.central.fleet_updates import Fetch, LastUpdate, Systems
from anpr_edge.statefile import is_fresh
from anpr_edge.update.record import Phase
from anpr_edge.uplink import topics

MOST_FEEDS: Final = 32
"""More feeds than that in one message are not looked at: a unit does not decide how much we keep."""

LONGEST_WORDS: Final = 120

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """One feed's part of a unit's outbox."""

    waiting: int | None = None
    sent: int | None = None
    oldest_age_s: float | None = None
    dropped: int | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What a unit said of itself. Counts are since its service started; None is not known."""

    utc_s: float | None = None
    version: str | None = None
    reader: str | None = None
    uplink: str | None = None
    clock_error_ms: float | None = None
    late_stages: tuple[str, ...] | None = None
    faults: Mapping[str, float] | None = None
    frames_taken: int | None = None
    frames_dropped: int | None = None
    reads_committed: int | None = None
    reads_lost: int | None = None
    takes_reads: bool | None = None
    rebuilds: int | None = None
    feeds: Mapping[str, FeedHealth] | None = None
    acks_refused: int | None = None
    policy_valid: bool | None = None
    policy_refused: str = ""
    lamp_fault: str = ""
    exposure_limit_s: float | None = None
    certificate_days: float | None = None
    temperature_c: float | None = None
    limited: tuple[str, ...] = ()
    disk_free_mb: float | None = None
    systems: Systems | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    """Why a value is not known, as the unit says, by its path."""

    @property
    def dropped(self) -> int | None:
        """Sealed reads given up, of all feeds."""
        counts = [feed.dropped for feed in (self.feeds or {}).values() if feed.dropped is not None]
        return sum(counts) if self.feeds is not None else None


def read_health(payload: bytes) -> Health | None:
    """What a health message says; None when it is no JSON object at all."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return _flat(document) if "services" in document else _by_service(document)


def _flat(document: Document) -> Health:
    """Schema 2: one layout for the whole unit (docs/health.schema.json)."""
    services, outbox = _map(document, "services"), _map(document, "outbox")
    return Health(
        utc_s=_time(document.get("utc")),
        version=_words(document.get("version")),
        reader=_words(_map(services, "reader").get("state")),
        uplink=_words(_map(services, "uplink").get("state")),
        takes_reads=_flag(outbox.get("takes_reads")),
        rebuilds=_count(outbox.get("rebuilds")),
        feeds=_feeds(outbox.get("feeds")),
        acks_refused=_count(_map(document, "sent").get("acks_refused")),
        certificate_days=_certificate_days(document),
        temperature_c=_number(_map(document, "board").get("temperature_c")),
        limited=_limited(_map(document, "board").get("throttling")),
        disk_free_mb=_number(_map(document, "disk").get("free_mb")),
        systems=_systems(_map(document, "update")),
        words={str(key): str(why)[:LONGEST_WORDS] for key, why in _map(document, "unknown").items()},
        **_of_reader(document),
    )


def _by_service(document: Document) -> Health:
    """Schema 1: both services' state files as they are."""
    uplink, reader = _map(document, "uplink"), document.get("reader")
    state = None
    if "reader" in document:
        state = _reader_state(reader, _number(uplink.get("mono_s")))
    outbox_down = _flag(_map(document, "reader").get("outbox_down"))
    return Health(
        utc_s=_time(uplink.get("utc")),
        version=_words(uplink.get("version")),
        reader=state,
        uplink=_words(uplink.get("state")),
        takes_reads=None if outbox_down is None else not outbox_down,
        rebuilds=_count(uplink.get("outbox_rebuilds")),
        feeds=_feeds(uplink.get("outbox")),
        acks_refused=_count(uplink.get("acks_refused")),
        certificate_days=_certificate_days(document),
        **_of_reader(_map(document, "reader")),
    )


def _reader_state(reader: object, mono_s: float | None) -> str | None:
    """The reader's last word, or `gone` when it has fallen silent; by the unit's own monotonic clock."""
    if reader is None:
        return "never"
    if not isinstance(reader, dict):
        return None
    state = _words(reader.get("state"))
    if state == "running" and mono_s is not None and _number(reader.get("mono_s")) is not None:
        return state if is_fresh(reader, mono_s) else "gone"
    return state


def _of_reader(part: Document) -> dict[str, Any]:
    """What both schemas say of the reader in the same words."""
    frames, reads = _map(part, "frames"), _map(part, "reads")
    policy, exposure = _map(part, "policy"), _map(part, "exposure")
    lost = [_count(reads.get(name)) for name in ("lost", "unsealable")]
    return {
        "clock_error_ms": _number(_map(part, "clock").get("utc_error_ms")),
        "late_stages": _late_stages(part.get("stages")),
        "faults": _standing(frames.get("faults")),
        "frames_taken": _count(frames.get("taken")),
        "frames_dropped": _total(frames.get("dropped")),
        "reads_committed": _count(reads.get("committed")),
        "reads_lost": None if all(one is None for one in lost) else sum(one or 0 for one in lost),
        "policy_valid": _flag(policy.get("valid")) if policy.get("version") else None,
        "policy_refused": _words(policy.get("refused")) or "",
        "lamp_fault": _words(exposure.get("lamp_fault")) or "",
        "exposure_limit_s": _number(exposure.get("limit_s")) if exposure.get("limit") else None,
    }


def _late_stages(stages: object) -> tuple[str, ...] | None:
    if not isinstance(stages, dict):
        return None
    late = []
    for name, stage in stages.items():
        age_s, limit_s = _number(_item(stage, "age_s")), _number(_item(stage, "limit_s"))
        if age_s is not None and limit_s is not None and age_s > limit_s:
            late.append(str(name)[:LONGEST_WORDS])
    return tuple(late)


def _standing(faults: object) -> dict[str, float] | None:
    """The faults of frames that stand now, and for how many seconds."""
    if not isinstance(faults, dict):
        return None
    for_s = {str(name)[:LONGEST_WORDS]: _number(_item(fault, "for_s")) for name, fault in faults.items()}
    return {name: seconds for name, seconds in for_s.items() if seconds is not None}


def _feeds(feeds: object) -> dict[str, FeedHealth] | None:
    if not isinstance(feeds, dict):
        return None
    named = [(name, feed) for name, feed in feeds.items() if topics.is_name(name) and isinstance(feed, dict)]
    return {
        name: FeedHealth(
            waiting=_count(feed.get("waiting")),
            sent=_count(feed.get("sent")),
            oldest_age_s=_number(feed.get("oldest_age_s")),
            dropped=_total(feed.get("dropped")),
        )
        for name, feed in named[:MOST_FEEDS]
    }


def _certificate_days(document: Document) -> float | None:
    """How long the unit's certificate is still good for, where a message says so."""
    return _number(_map(document, "certificate").get("days_left"))


def _systems(part: Document) -> Systems | None:
    """The system that runs and its updates; None when the message does not speak of any."""
    last, fetch = _map(part, "last"), _map(part, "fetch")
    version, phase = _words(last.get("version")), last.get("phase")
    coming = _words(fetch.get("version"))
    if not part:
        return None
    return Systems(
        running=_words(part.get("system")),
        last=None
        if version is None or phase not in tuple(Phase)
        else LastUpdate(
            version,
            _words(last.get("from_version")) or "",
            Phase(str(phase)),
            _words(last.get("why")) or "",
            _time(last.get("utc")),
        ),
        fetch=None
        if coming is None
        else Fetch(
            coming,
            _count(fetch.get("bytes")),
            _count(fetch.get("of_bytes")),
            _words(fetch.get("trouble")) or "",
        ),
    )


def _limited(throttling: object) -> tuple[str, ...]:
    """What the board's firmware holds back now."""
    if not isinstance(throttling, dict):
        return ()
    now = (name for name, is_so in throttling.items() if is_so is True and not name.endswith("_since_boot"))
    return tuple(name.replace("_", " ")[:LONGEST_WORDS] for name in now)


def _map(document: object, key: str) -> Document:
    found = _item(document, key)
    return cast("Document", found) if isinstance(found, dict) else {}


def _item(document: object, key: str) -> object:
    return document.get(key) if isinstance(document, dict) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _count(value: object) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return cast("int", value) if is_count else None


def _total(counts: object) -> int | None:
    if not isinstance(counts, dict):
        return None
    return sum(_count(one) or 0 for one in counts.values())


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _words(value: object) -> str | None:
    """One line for a terminal: a unit's own words hold no control characters here."""
    if not isinstance(value, str):
        return None
    return "".join(char if char.isprintable() else "?" for char in value[:LONGEST_WORDS])


def _time(value: object) -> float | None:
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        return None
