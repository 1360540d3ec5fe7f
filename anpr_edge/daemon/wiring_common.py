"""What both services are built with: the outbox that joins them, and the report of how they are."""

from __future__ import annotations

from datetime import timedelta

from anpr_edge.config import Config
from anpr_edge.daemon.state import StateReport
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.seams import Clock
from anpr_edge.statefile import StateFile


def build_outbox(config: Config, clock: Clock) -> SqliteOutbox:
    """The outbox, opened by either service."""
    return SqliteOutbox(
        config.outbox.path,
        clock,
        max_bytes=config.outbox.max_megabytes * 1_000_000,
        retention={name: timedelta(hours=feed.retention_hours) for name, feed in config.feeds.items()},
    )


def build_report(process: str, config: Config, clock: Clock) -> StateReport:
    """The service's state file, `<run_dir>/<process>.json`."""
    return StateReport(process, StateFile(config.unit.run_dir / f"{process}.json"), clock)
