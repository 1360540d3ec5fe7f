"""Is the outbox whole, and do reads leave it in time?"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from anpr_edge.config import Config
from anpr_edge.diag.condition import (
    Check,
    Condition,
    Finding,
    Severity,
    Verdict,
    fail,
    not_checked,
    ok,
    warn,
)
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError, PolicyError
from anpr_edge.outbox.aside import beside, rebuilds
from anpr_edge.outbox.migrations import APPLICATION_ID, SCHEMA_VERSION, schema_of
from anpr_edge.statefile import read_state
from anpr_edge.unitpolicy import in_force

RETENTION_SHARE = 0.5
"""Reads that have waited for half of what they may leave time to do something about it."""

OUTBOX = Condition(
    code="outbox",
    title="The outbox can be opened and is whole",
    severity=Severity.READS,
    explanation=(
        "Sealed reads wait in one SQLite file. It is only looked at here, never changed: the services move a "
        "broken one aside themselves, to outbox.db.corrupt-1, save what can be read of it into a new one and "
        "report the rest as lost. A file that was removed under them they make anew, with what it held."
    ),
    depends_on=("config",),
    next_step="restart both services: a broken outbox is moved aside at the start; then check the disk",
)
LOSSES = Condition(
    code="outbox-losses",
    title="What was lost is known to the centre",
    severity=Severity.READS,
    explanation=(
        "A read that is given up, for whatever cause, leaves a number behind. A loss report, sealed and "
        "numbered like a read, tells the feed's centre which and why; until it is confirmed, this warns."
    ),
    depends_on=("outbox", "service-uplink"),
    next_step="see that the centre runs and its link stands: anpr-edge netcheck",
)
BACKLOG = Condition(
    code="outbox-backlog",
    title="Reads leave the outbox long before their retention ends",
    severity=Severity.DELIVERY,
    explanation=(
        "A read leaves the outbox when the centre's signed watermark covers it. When its feed's "
        "time on the unit is over it is given up, and counted as lost. A connected uplink with a growing "
        "backlog means that the centre does not confirm."
    ),
    depends_on=("outbox", "service-uplink", "uplink-link"),
    next_step="waiting: check the uplink; sent: ask the centre whether it stores and confirms this feed",
)


def run(subject: Subject) -> Iterator[Finding]:
    """The file, then what was lost, and how long its oldest reads have waited."""
    file = _file(subject.config.outbox.path)
    yield _with_its_past(file, subject) if file.verdict is Verdict.OK else file
    state = read_state(subject.config.unit.run_dir / "uplink.json") or {}
    yield _losses(state.get("outbox", {}))
    yield _backlog(state.get("outbox", {}), _retention_h(subject.config))


def _retention_h(config: Config) -> dict[str, float]:
    """How long each feed's reads may wait; empty before there has been a policy, which has its own check."""
    try:
        return {feed.name: feed.waits_s / 3600 for feed in in_force(config).feeds}
    except PolicyError:
        return {}


def _file(path: Path) -> Finding:
    try:
        size_mb = path.stat().st_size / 1e6
        owner, version, verdict = _look(path)
    except FileNotFoundError:
        if beside(path, "marks").exists():
            step = "is its disk mounted? a running reader makes it anew within a minute, with what it held"
            return fail(OUTBOX, f"{path}: gone, and there was one", next_step=step)
        return not_checked(OUTBOX, f"{path}: not there yet", next_step="the reader makes it when it starts")
    except PermissionError:
        step = "run it as root: sudo anpr-edge doctor"
        return not_checked(OUTBOX, f"{path}: this user may not read it", next_step=step)
    except sqlite3.Error as error:
        owner, version, verdict = APPLICATION_ID, SCHEMA_VERSION, str(error)
    if owner != APPLICATION_ID or not 1 <= version <= SCHEMA_VERSION:
        step = "name another file in outbox.path, or install the release that wrote this one"
        measured = f"{path}: not an outbox of schema 1 to {SCHEMA_VERSION}"
        return fail(OUTBOX, measured, next_step=step)
    if verdict != "ok":
        step = "restart both services: a broken outbox is moved aside at the start; then check the disk"
        return fail(OUTBOX, f"{path}: {verdict.splitlines()[0]}", next_step=step)
    return ok(OUTBOX, f"{path}: {size_mb:.1f} MB")


def _with_its_past(whole: Finding, subject: Subject) -> Finding:
    """The finding of an outbox that is whole now, unless it was broken once or its numbers are at risk."""
    path = subject.config.outbox.path
    if times := rebuilds(path):
        aside = beside(path, f"corrupt-{times}")
        step = f"does the card report errors (dmesg)? keep {aside} elsewhere or remove it: this ends then"
        return warn(OUTBOX, f"{whole.measured}; found broken and begun anew, {aside.name}", next_step=step)
    if count := _lost_marks(subject.config.unit.run_dir / "reader.json"):
        step = f"look at the disk's room, and the owner and mode of {beside(path, 'marks')}"
        return warn(OUTBOX, f"{whole.measured}; {count} times its last number was not noted", next_step=step)
    return whole


def _lost_marks(reader_state: Path) -> int:
    try:
        return int((read_state(reader_state) or {}).get("lost_marks", 0))
    except AnprError:
        return 0  # a damaged state is service-reader's finding


def _look(path: Path) -> tuple[int, int, str]:
    """Whose database it is, of which schema, and SQLite's own word on whether it is whole."""
    with path.open("rb"):
        pass  # says "permission denied" where SQLite says only that it cannot
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
        (owner,) = database.execute("PRAGMA application_id").fetchone()
        version = schema_of(database)
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
    return owner, version, verdict


def _losses(feeds: Mapping[str, Mapping[str, Any]]) -> Finding:
    open_ranges = {name: feed.get("losses_unconfirmed", 0) for name, feed in feeds.items()}
    for name, count in open_ranges.items():
        if count:
            last = feeds[name]["losses"][-1]
            measured = f"{name}: {count} ranges, the last {last['first']} to {last['last']} ({last['cause']})"
            step = "mend the cause: full, disk-full: room; expired: the uplink; broken, no-outbox: the card"
            return warn(LOSSES, measured, next_step=step)
    dropped = sum(sum(feed.get("dropped", {}).values()) for feed in feeds.values())
    return ok(LOSSES, f"{dropped} reads given up so far, all reported")


def _backlog(feeds: Mapping[str, Mapping[str, Any]], retention_h: Mapping[str, float]) -> Finding:
    shown = ", ".join(
        f"{name} {feed['waiting']} waiting, {feed['sent']} sent" for name, feed in feeds.items()
    )
    for name, feed in feeds.items():
        age_h = (feed.get("oldest_age_s") or 0.0) / 3600
        limit_h = RETENTION_SHARE * retention_h.get(name, float("inf"))
        if age_h > limit_h:
            step = "waiting: check the uplink; sent: ask the centre whether it stores and confirms this feed"
            measured = f"{shown}; oldest of {name} {age_h:.1f} h"
            return warn(BACKLOG, measured, limit=f"{limit_h:.1f} h", next_step=step)
    return ok(BACKLOG, shown or "empty")


CHECK = Check("outbox", (OUTBOX, LOSSES, BACKLOG), run)
