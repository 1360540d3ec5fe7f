"""Which threads of a service are late, and what follows: told to people, and to the service manager."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from anpr_edge.daemon.health import Heartbeats
from anpr_edge.daemon.threads import Late, idle_threads, periods_s
from anpr_edge.seams import Clock, Notifier

log = logging.getLogger(__name__)


class Watchdog:
    """Feeds the service manager's watchdog only while each of `stages` is on time.

    `helpers` are threads whose hang must not restart the service: it is told alone. Both have the periods of
    daemon/threads.py, but for those in `limits_s`.
    """

    def __init__(
        self, process: str, clock: Clock, notifier: Notifier, limits_s: Mapping[str, float] | None = None
    ) -> None:
        idle = idle_threads(process)
        self._notifier = notifier
        self.stages = Heartbeats(clock, {**periods_s(process, Late.RESTARTED), **(limits_s or {})}, idle)
        self.helpers = Heartbeats(clock, periods_s(process, Late.TOLD), idle)
        self._told: list[str] = []

    def feed(self) -> None:
        """To be called all the time; says once in the log and the service's status what is late."""
        stages = [age.stage for age in self.stages.late()]
        if not stages:
            self._notifier.alive()
        self._tell([*stages, *(age.stage for age in self.helpers.late())])

    def state(self) -> dict[str, Any]:
        """The parts `stages` and `helpers` of a state file."""
        return {"stages": self.stages.state(), "helpers": self.helpers.state()}

    def _tell(self, late: list[str]) -> None:
        if late == self._told:
            return
        self._told = late
        words = f"late: {', '.join(late)}" if late else "every thread is on time again"
        log.log(logging.ERROR if late else logging.INFO, "%s", words)
        self._notifier.status(words)
