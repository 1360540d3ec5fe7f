"""Keeps a connection up: a new one whenever the last has ended, never too soon after it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from anpr_edge.errors import UplinkError
from anpr_edge.seams import Clock
from anpr_edge.uplink.backoff import Backoff

STEADY_AFTER_S = 10.0
"""A connection that lived this long resets the backoff; a shorter one may be part of a quarrel."""

STOP_WITHIN_S = 10.0
REST_S = 5.0


class Keeper:
    """Runs one connection after another in a thread of its own, until stopped.

    `connect` makes a connection and returns when it has ended, or soon after its argument was set.
    """

    def __init__(self, connect: Callable[[threading.Event], None], clock: Clock, backoff: Backoff) -> None:
        self._connect = connect
        self._clock = clock
        self._backoff = backoff
        self._stopping = threading.Event()
        self.on_turn: Callable[[], None] = lambda: None
        """Called before each connection, and often while waiting for the next."""

        self._thread = threading.Thread(target=self._run, name="link", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self.on_turn()
        self._thread.start()

    def stop(self) -> None:
        """End the connection in order; harmless when called twice, or before `start`."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_WITHIN_S)

    def check(self) -> None:
        """Pass while the thread does its work. Raises: UplinkError when it has died of a bug."""
        if self._thread.ident is not None and not self._thread.is_alive() and not self._stopping.is_set():
            raise UplinkError(
                "the thread that keeps the connection has died", hint="its traceback is in the log: report it"
            )

    def _run(self) -> None:
        while not self._stopping.is_set():
            self.on_turn()
            began_ns = self._clock.now().mono_ns
            self._connect(self._stopping)
            if self._clock.now().mono_ns - began_ns > STEADY_AFTER_S * 1e9:
                self._backoff.reset()
            self.rest(self._backoff.next_delay_s())

    def rest(self, seconds: float) -> None:
        """Wait for so long, or until stopped, and stay alive meanwhile; for `connect` too."""
        while seconds > 0 and not self._stopping.wait(min(seconds, REST_S)):
            self.on_turn()
            seconds -= REST_S
