"""Fakes at the seams, shared by the suites; the contract tests hold them to what the real parts promise."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from anpr_edge.errors import OutboxError, SealError
from anpr_edge.outbox.delivery import LIVE_NS, LONGEST_RETRY_NS, counted, wait_ns
from anpr_edge.records import (
    EPOCH_NUMBERS,
    Delivery,
    Instant,
    LinkState,
    Loss,
    OutboxEntry,
    PlateRead,
    SealedRead,
    SignedMessage,
)
from anpr_edge.seams import Clock, SealAs

EPOCH_NS = 1_790_000_000_000_000_000


class FakeClock:
    """A clock that moves only when told to, or when somebody sleeps on it."""

    def __init__(self, utc_ns: int = EPOCH_NS, utc_error_ms: float | None = 1.0) -> None:
        self._utc_ns = utc_ns
        self._mono_ns = 0
        self.utc_error_ms = utc_error_ms

    def now(self) -> Instant:
        return Instant(self._utc_ns, self._mono_ns, self.utc_error_ms)

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Let both clocks run on by `seconds`."""
        step = round(seconds * 1e9)
        self._utc_ns += step
        self._mono_ns += step

    def step_utc(self, seconds: float) -> None:
        """Set the wall clock alone, forward or back, as a time server may."""
        self._utc_ns += round(seconds * 1e9)


class FakeSealer:
    """Seals with a hash: nothing can be read from it, and equal reads under equal numbers look equal."""

    def __init__(self, feeds: Sequence[str]) -> None:
        self._feeds = frozenset(feeds)

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        if feed not in self._feeds:
            raise SealError(f"no feed {feed!r}")
        digest = hashlib.sha256(f"{read.plate_text}/{feed}/{seq}".encode() + previous).digest()
        return SealedRead(feed, seq, digest)

    def seal_losses(self, losses: Sequence[Loss], feed: str, seq: int, previous: bytes) -> SealedRead:
        if feed not in self._feeds:
            raise SealError(f"no feed {feed!r}")
        return SealedRead(feed, seq, hashlib.sha256(f"{losses}/{feed}/{seq}".encode() + previous).digest())


@dataclass(frozen=True)
class Kept:
    """A read in the fake outbox."""

    read: SealedRead
    since_ns: int
    attempts: int = 0
    not_before_ns: int = 0
    sent: bool = False


class FakeOutbox:
    """An outbox in memory, without bounds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[tuple[str, int], Kept] = {}
        self._last: dict[str, tuple[int, bytes]] = {}
        self._watermarks: dict[str, int] = {}

    def append(self, requests: Sequence[tuple[str, SealAs]]) -> list[SealedRead]:
        last = dict(self._last)
        sealed = []
        for feed, seal in requests:
            seq, previous = last.get(feed, (0, bytes(32)))
            read = seal(seq + 1, previous)
            last[feed] = (seq + 1, hashlib.sha256(read.blob).digest())
            sealed.append(read)
        self._last = last
        since_ns = self._clock.now().mono_ns
        self._kept.update({(read.feed, read.seq): Kept(read, since_ns) for read in sealed})
        return sealed

    def due(self, limit: int, *, held: Collection[str] = ()) -> list[OutboxEntry]:
        now = self._clock.now()
        waiting = [
            kept
            for kept in self._kept.values()
            if kept.not_before_ns <= now.mono_ns and kept.read.feed not in held
        ]
        live = [kept for kept in waiting if kept.since_ns > now.mono_ns - LIVE_NS and not kept.attempts]
        backlog = [kept for kept in waiting if kept not in live]
        chosen = (live[::-1] + backlog)[:limit]
        return [
            OutboxEntry(kept.read, abs(kept.attempts), self._utc_ns(kept, now), live=kept in live)
            for kept in chosen
        ]

    def record(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            number = (delivery.feed, delivery.seq)
            kept = self._kept.get(number)
            if kept is None or (kept.sent and kept.not_before_ns > self._clock.now().mono_ns):
                continue
            tries = counted(kept.attempts, accepted=delivery.accepted)
            self._kept[number] = replace(
                kept,
                sent=delivery.accepted,
                attempts=tries,
                not_before_ns=self._clock.now().mono_ns + wait_ns(delivery, tries),
            )

        for number, kept in self._kept.items():
            soon_ns = self._clock.now().mono_ns + LONGEST_RETRY_NS
            is_refused = not kept.sent and kept.attempts < 0 and kept.not_before_ns <= soon_ns
            if is_refused and any(one.accepted and one.feed == number[0] for one in deliveries):
                self._kept[number] = replace(kept, not_before_ns=self._clock.now().mono_ns)

    def settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> None:
        last_seq = self._last.get(feed, (0, b""))[0]
        if feed not in self._last or not 0 <= watermark <= last_seq:
            if watermark > last_seq:
                self._last[feed] = next_epoch(watermark), bytes(32)
            raise OutboxError(f"watermark {watermark} for feed {feed!r}: the last number is {last_seq}")
        if any(not 1 <= first <= last <= last_seq for first, last in gaps):
            raise OutboxError(f"a gap for feed {feed!r} is not within 1 and {last_seq}")
        is_older = watermark < self._watermarks.get(feed, 0)
        self._watermarks[feed] = max(watermark, self._watermarks.get(feed, 0))
        for number, kept in list(self._kept.items()):
            wanted = any(first <= number[1] <= last for first, last in gaps)
            if number[0] == feed and wanted and kept.sent:
                self._kept[number] = replace(kept, sent=False, attempts=0, not_before_ns=0)
            elif (
                number[0] == feed
                and not wanted
                and not is_older
                and number[1] <= watermark
                and (kept.sent or kept.attempts > 0)
            ):
                del self._kept[number]

    @staticmethod
    def _utc_ns(kept: Kept, now: Instant) -> int:
        return now.utc_ns + kept.not_before_ns - now.mono_ns if kept.not_before_ns else 0


def next_epoch(used: int) -> int:
    """The number below the first of the epoch after that of `used`."""
    return (used // EPOCH_NUMBERS + 1) * EPOCH_NUMBERS


class FakeUplink:
    """An uplink to a broker in memory that takes everything, once `switch_on` was called."""

    def __init__(self) -> None:
        self.published: list[SealedRead] = []
        self._happened: list[Delivery | SignedMessage | LinkState] = []
        self._retained: dict[str, bytes] = {}
        self._started = self._on = False

    def switch_on(self) -> None:
        """Let the broker be reachable."""
        self._on = True
        self._meet()

    def leave_ack(self, feed: str, payload: bytes) -> None:
        """Leave a watermark at the broker, as the feed's centre does."""
        self._retained[feed] = payload
        if self._started and self._on:
            self._happened.append(SignedMessage("ack", feed, payload))

    def start(self) -> None:
        self._started = True
        self._meet()

    def publish(self, read: SealedRead) -> None:
        if self._started and self._on:
            self.published.append(read)
            self._happened.append(Delivery(read.feed, read.seq, 0))
        else:
            self._happened.append(LinkState(False, "not connected"))

    def events(self, timeout_s: float) -> list[Delivery | SignedMessage | LinkState]:
        happened, self._happened = self._happened, []
        return happened

    def stop(self) -> None:
        if self._started:
            self._happened.append(LinkState(False, "stopped"))
        self._started = False

    def _meet(self) -> None:
        if self._started and self._on:
            self._happened.append(LinkState(True, "connected"))
            self._happened += [SignedMessage("ack", *left) for left in self._retained.items()]
