"""Ends a service when a newer policy may be taken: started again, it works by that one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread

from anpr_edge.config import Config
from anpr_edge.daemon.health import Heartbeats
from anpr_edge.policystore import PolicyStore
from anpr_edge.seams import Clock
from anpr_edge.unitpolicy import store_of

log = logging.getLogger(__name__)

NAME = "policy-watch"
LOOK_EVERY_S = 10.0
"""How soon a policy that was loaded, or whose time has come, counts."""

CLOSE_WITHIN_S = 5.0
"""A look that hangs on the disk is left behind."""


class PolicyWatch:
    """Compares what is offered with the policy that was in force when this was made.

    Raises: PolicyError when there is none that can be in force.
    """

    def __init__(self, store: PolicyStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known = store.admit(clock.now().utc_ns).blob
        self._ended = Event()
        self._thread: Thread | None = None
        self.has_news = False

    def start(self, stop: Callable[[], None], look_every_s: float, heartbeats: Heartbeats) -> None:
        """Call `stop` once when there is a newer policy, from a thread of its own, until `close`.

        Its sign of life among `heartbeats` has its thread's name.
        """

        def watch() -> None:
            with heartbeats.doing(NAME):
                look()

        def look() -> None:
            while not self._ended.wait(look_every_s):
                heartbeats.beat(NAME)
                if self._store.offers_other_than(self._known, self._clock.now().utc_ns):
                    log.info("a newer policy may be taken: ending, to be started again with it")
                    self.has_news = True
                    stop()
                    return

        self._thread = Thread(target=watch, name=NAME, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(CLOSE_WITHIN_S)


def policy_watch(config: Config, clock: Clock) -> PolicyWatch | None:
    """The watch for a unit under a signed policy; None for one whose configuration names its feeds."""
    store = store_of(config)
    return None if store is None else PolicyWatch(store, clock)
