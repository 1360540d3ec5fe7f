"""Which of a unit's brokers to use: the preferred one, a standby when it fails, the preferred one again."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from anpr_edge.seams import Clock

MOST_HOPS: Final = 3
"""Brokers that send us from one to the other are followed this often without a lasting connection."""

LONGEST_RETURN: Final = 8
"""A preferred broker that fails again after each return is tried at growing intervals, up to 8 times."""

RETURN_JITTER: Final = 0.25
"""A city's units return over half of the time they were away, not in one second."""

_REFERENCE: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253}))(?::(\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Failover:
    """When to leave a broker: after so many failures in a row, or of so many seconds; when to go back."""

    failures: int = 3
    after_s: float = 60.0
    return_s: float = 900.0


class Brokers:
    """The brokers in their order of preference, and the one to use now. Without a standby it never changes.

    Not safe for several threads: the thread that connects asks and tells.
    """

    def __init__(
        self, addresses: Sequence[Address], failover: Failover, clock: Clock, rng: random.Random
    ) -> None:
        if not addresses:
            raise ValueError("no broker")
        self._addresses = list(addresses)
        self._failover = failover
        self._clock = clock
        self._rng = rng
        self._at = 0
        self._guest: Address | None = None
        self._hops = 0
        self._failures = 0
        self._failing_since_ns: int | None = None
        self._patience = 1
        self._return_due_ns = 0
        self.failovers = 0

    def __len__(self) -> int:
        return len(self._addresses)

    @property
    def current(self) -> Address:
        """The broker to connect to now."""
        return self._guest or self._addresses[self._at]

    @property
    def preferred(self) -> Address:
        """The first one."""
        return self._addresses[0]

    @property
    def on_standby(self) -> bool:
        """Whether another than the preferred one is in use."""
        return self._guest is not None or self._at > 0

    def ended(self, *, steady: bool, hopeless: bool = False) -> None:
        """A connection ended, or did not come about; `hopeless`: the same broker would fail again at once."""
        now_ns = self._clock.now().mono_ns
        if steady:
            self._failures, self._failing_since_ns, self._hops = 0, None, 0
            self._patience = self._patience if self.on_standby else 1
        self._failures += 1
        if self._failing_since_ns is None:
            self._failing_since_ns = now_ns
        lasting = now_ns - self._failing_since_ns >= self._failover.after_s * 1e9
        if hopeless or lasting or self._failures >= self._failover.failures:
            self._next()

    def return_is_due(self) -> bool:
        """Whether it is time to see if the preferred broker is back."""
        return self.on_standby and self._clock.now().mono_ns >= self._return_due_ns

    def put_off_return(self) -> None:
        """The preferred broker is not back: look again later, each time later still."""
        self._patience = min(2 * self._patience, LONGEST_RETURN)
        self._schedule_return()

    def go_home(self) -> None:
        """Use the preferred broker from the next connection on."""
        self._patience = min(2 * self._patience, LONGEST_RETURN)  # until it has proved to be steady
        self._use(0)

    def sent_to(self, reference: str, *, for_good: bool) -> Address | None:
        """Follow the broker's word to use another one; None when it names none, or leads us in a circle.

        The other has to prove who it is to the same authority. `for_good` counts until the next start.
        """
        address = parse_reference(reference, self.current.port)
        if address is None or self._hops >= MOST_HOPS:
            return None
        self._hops += 1
        if for_good and self._guest is None:
            self._addresses[self._at] = address
        else:
            self._guest = address
            self._schedule_return()
        self._failures, self._failing_since_ns = 0, None
        return address

    def _next(self) -> None:
        if self._guest is None and len(self._addresses) == 1:
            return
        self.failovers += 1
        after = self._at if self._guest is not None else self._at + 1
        self._use(after % len(self._addresses))

    def _use(self, index: int) -> None:
        self._guest, self._at = None, index
        self._failures, self._failing_since_ns = 0, None
        self._schedule_return()

    def _schedule_return(self) -> None:
        wait_s = self._failover.return_s * self._patience
        wait_s *= self._rng.uniform(1 - RETURN_JITTER, 1 + RETURN_JITTER)
        self._return_due_ns = self._clock.now().mono_ns + round(wait_s * 1e9)


def parse_reference(reference: str, default_port: int) -> Address | None:
    """The first broker a server reference names: `host`, `host:port`, `[v6]:port`, or several of them.

    Source: MQTT 5.0 §4.13.
    """
    first = reference.split(" ", maxsplit=1)[0]
    found = _REFERENCE.fullmatch(first)
    port = int(found[3] or default_port) if found else 0
    return Address(found[1] or found[2], port) if found and 0 < port < 65_536 else None
