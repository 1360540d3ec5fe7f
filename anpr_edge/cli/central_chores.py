"""What `anpr-central subscribe` does beside receiving: heed the list of units, forget old reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anpr_edge.cli.output import counted, note
from anpr_edge.errors import ConfigError, StoreUnavailable

if TYPE_CHECKING:
    from anpr_edge.central.opener import Opener
    from anpr_edge.central.retention import Retention
    from anpr_edge.central.units import UnitsFile


class Chores:
    """Call `turn` in a loop."""

    def __init__(self, opener: Opener, listed: UnitsFile, retention: Retention | None) -> None:
        self._opener = opener
        self._listed = listed
        self._retention = retention

    def turn(self) -> None:
        """Do what is due. Raises: StoreError, AnprError when the audit log cannot be written."""
        self._heed_list()
        if self._retention:
            self._forget(self._retention)

    def _heed_list(self) -> None:
        try:
            words = self._listed.refresh()
        except ConfigError as error:
            note(f"the list of units cannot be used, the one before it counts: {error}")
            return
        if words:
            self._opener.believe(self._listed.units)
            note(f"list of units: {words}")

    def _forget(self, retention: Retention) -> None:
        try:
            dropped = retention.apply_daily()
        except StoreUnavailable:
            return  # the subscriber says so
        if dropped is not None:
            note(
                f"received before {retention.first_kept()}: {counted(dropped.reads, 'read')} and "
                f"{counted(dropped.refusals, 'refusal')} removed"
            )
