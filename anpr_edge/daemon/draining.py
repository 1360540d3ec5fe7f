"""`drain`: everything the unit keeps goes out now, until the centre has confirmed it or time is up.

The camera goes on: reads that come later do not count. Sent is not delivered: a read is gone when its feed's
recipient has signed that it has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from anpr_edge.daemon.commandreply import Answer
from anpr_edge.errors import OutboxError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.seal.commands import Command
from anpr_edge.seams import Clock

LOOK_EVERY_NS = 10**9


@dataclass(frozen=True, slots=True)
class _Drain:
    command: Command
    correlation: bytes
    newest: int
    had: int
    until_ns: int


class Draining:
    """One drain at a time; a second one takes the first one's place."""

    def __init__(self, outbox: SqliteOutbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._drain: _Drain | None = None
        self._look_at_ns = 0

    def begin(self, command: Command, correlation: bytes, within_s: int) -> Answer:
        """Make everything due, and say how much that is."""
        try:
            newest = self._outbox.hurry()
            had = self._outbox.left(newest)
        except OutboxError as error:
            return Answer("failed", str(error))
        if not had:
            return Answer("done", "nothing is kept", {"kept": 0})
        until_ns = self._clock.now().mono_ns + within_s * 10**9
        self._drain = _Drain(command, correlation, newest, had, until_ns)
        return Answer("accepted", f"{had} kept reads are on their way", {"kept": had})

    def ended(self) -> Iterator[tuple[Command, bytes, Answer]]:
        """The drain that has just come to its end, and how."""
        now_ns, drain = self._clock.now().mono_ns, self._drain
        if drain is None or now_ns < self._look_at_ns:
            return
        self._look_at_ns = now_ns + LOOK_EVERY_NS
        try:
            left = self._outbox.left(drain.newest)
        except OutboxError:
            return
        details = {"kept": drain.had, "left": left}
        if not left:
            self._drain = None
            yield drain.command, drain.correlation, Answer("done", "the centre has all of them", details)
        elif now_ns >= drain.until_ns:
            self._drain = None
            says = f"{left} of {drain.had} reads are not confirmed by the centre"
            yield drain.command, drain.correlation, Answer("failed", says, details)
