"""Forgetting stored reads when their time is over, with an entry in the centre's audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from anpr_edge import auditlog
from anpr_edge.central.alone import alone_in
from anpr_edge.central.stores import Archive, Dropped
from anpr_edge.errors import AnprError, reason
from anpr_edge.seams import Clock

FORGOTTEN = "reads-forgotten"
EXPORTED = "reads-exported"


def write_audit(path: Path, clock: Clock, event: str, details: Mapping[str, Any]) -> None:
    """Add one entry to the centre's audit log. Raises: AnprError when it cannot be written."""
    try:
        with alone_in(path.parent):
            auditlog.append(path, clock.now().utc_ns, event, details)
    except OSError as error:
        raise AnprError(
            f"{path}: the audit log cannot be written: {reason(error)}", hint="--audit FILE names another"
        ) from error


class Retention:
    """Keeps what was received on the last `keep_days` days (UTC), today included, and drops the rest.

    `name` is what the store is called in the audit log.
    """

    def __init__(self, archive: Archive, name: str, keep_days: int, audit: Path, clock: Clock) -> None:
        self._archive = archive
        self._name = name
        self._keep_days = keep_days
        self._audit = audit
        self._clock = clock
        self._done: date | None = None

    def first_kept(self) -> date:
        """The oldest day that stays."""
        today = datetime.fromtimestamp(self._clock.now().utc_ns / 1e9, UTC).date()
        return today - timedelta(days=self._keep_days - 1)

    def apply(self) -> Dropped:
        """Drop now, and say so in the audit log.

        The log is looked at first: nothing is dropped without a trace of it.

        Raises: StoreUnavailable, StoreError, AnprError for the log.
        """
        day = self.first_kept()
        trouble = auditlog.read_audit(self._audit).trouble
        if trouble:
            raise AnprError(
                f"{self._audit}: {trouble}: nothing was forgotten", hint="move the audit log away"
            )
        write_audit(self._audit, self._clock, "forgetting", self._details(day))
        dropped = self._archive.forget_before(day)
        counts = {"reads": dropped.reads, "refusals": dropped.refusals}
        write_audit(self._audit, self._clock, FORGOTTEN, {**self._details(day), **counts})
        self._done = day
        return dropped

    def apply_daily(self) -> Dropped | None:
        """As `apply`, once a day; None when it was done today."""
        return None if self._done == self.first_kept() else self.apply()

    def _details(self, day: date) -> Mapping[str, Any]:
        return {"store": self._name, "received_before": day.isoformat(), "keep_days": self._keep_days}
