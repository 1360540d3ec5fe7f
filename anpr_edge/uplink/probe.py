"""Is a broker back? Asked beside the connection that is in use, so that nothing is given up for a guess."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from anpr_edge.seams import Clock
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message
from anpr_edge.uplink.meter import Wire


class Probe:
    """Connects once as far as the broker's own yes, in a thread of its own, and leaves at once.

    It has a name of its own and no session, will or subscription: the broker keeps nothing of it.
    `surrounding` is entered by the thread while it asks.
    """

    def __init__(
        self,
        options: LinkOptions,
        clock: Clock,
        surrounding: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        plain = replace(options, client_id=f"{options.client_id}.probe", session_expiry_s=0, will=None)
        self._surrounding = surrounding
        self._accepted = False
        self._link = Link(plain, self, clock)
        self._thread = threading.Thread(target=self._run, name="probe", daemon=True)
        self.answer: bool | None = None

    def start(self) -> None:
        """Begin; returns at once. `answer` stays None until there is one."""
        self._thread.start()

    @property
    def wire(self) -> Wire:
        """What asking has put on the wire."""
        return self._link.wire

    def _run(self) -> None:
        with self._surrounding():
            self._link.run(threading.Event())
        self.answer = self._accepted

    def up(self, _: Limits) -> None:
        self._accepted = True
        self._link.leave("it answers")

    def message(self, message: Message) -> None:
        """Nothing was asked for."""

    def answered(self, mid: int, reason_code: int) -> None:
        """Nothing was sent."""

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """Nothing to say."""
