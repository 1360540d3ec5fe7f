"""The commit stage: reads into the outbox, several at a time, and in memory while it takes none.

A commit costs a card the same few pages whether it holds one read or ten. So the first read waits a short
window for others; one for a feed that goes first waits for nobody. While the outbox refuses, a live camera's
reads stay here, up to `MOST_HELD`; then the oldest is given up, counted, and a number used up for it later:
the feed's centre is told.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from itertools import islice

from anpr_edge.daemon.gate import FeedGate, Share
from anpr_edge.daemon.health import Counters
from anpr_edge.errors import OutboxError, OutboxFull, SealError, SignerUnavailable
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Instant, Loss, LossCause, PlateRead
from anpr_edge.seams import Clock, SealAs, Sealer

log = logging.getLogger(__name__)

BATCH = 64
"""Reads in one transaction at most: a TPM takes a tenth of a second for each signature."""

MOST_HELD = 1000
"""Reads in memory while the outbox takes none: some 2 MB, and a quarter of an hour of a busy road."""

PATIENCE_S = 60.0
PATIENT_HELD = MOST_HELD // 2
"""A disk that something else has filled may have room again soon: for so long, and up to so many, reads wait
in memory rather than older ones give way to them in the outbox."""

RETRY_S = 1.0
REPORT_EVERY_S = 60.0
"""How often losses are reported, when there are any: one report names up to a hundred ranges."""


class ReadKeeper:
    """Takes reads and keeps what each feed gets of them in the outbox.

    `may_drop` says that reads come whether or not there is room for them; else `has_room` tells when the
    next may come. `beat` is called while it waits. Reads of the feeds `urgent` wait for no others.
    """

    def __init__(
        self,
        outbox: SqliteOutbox,
        sealer: Sealer,
        feeds: FeedGate,
        clock: Clock,
        counts: Counters,
        *,
        window_s: float,
        may_drop: bool,
        urgent: frozenset[str],
    ) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self._feeds = feeds
        self._clock = clock
        self._counts = counts
        self._window_ns = round(window_s * 1e9)
        self._may_drop = may_drop
        self._urgent = urgent
        self._held: deque[Sequence[Share]] = deque()
        self._given_up: Counter[tuple[str, LossCause]] = Counter()
        self._due_ns = 0
        self._report_due_ns = 0
        self._full_since_ns: int | None = None
        self.down = False
        self.last_read: Instant | None = None

    def __len__(self) -> int:
        """How many reads are in memory."""
        return len(self._held)

    @property
    def has_room(self) -> bool:
        """Whether another read may come."""
        return self._may_drop or len(self._held) < BATCH

    def wait_s(self, most_s: float) -> float:
        """How long there is nothing to do but to take reads, up to `most_s`."""
        if not self._held:
            return most_s
        return min(most_s, max(0.0, (self._due_ns - self._clock.now().mono_ns) / 1e9))

    def take(self, read: PlateRead) -> None:
        """Hold what the feeds get of a read; one that none gets ends here, counted by the gate."""
        shares = self._feeds.choose(read)
        if not shares:
            return
        now_ns = self._clock.now().mono_ns
        if not self._held:
            self._due_ns = now_ns + self._window_ns
        self._held.append(shares)
        if not self.down and self._is_urgent(shares):
            self._due_ns = now_ns
        if len(self._held) > MOST_HELD:
            self._give_up_oldest()

    def work(self) -> OutboxError | SignerUnavailable | None:
        """Keep what is due; what kept it from being kept, if something did."""
        now_ns = self._clock.now().mono_ns
        if self._held and (now_ns >= self._due_ns or (len(self._held) >= BATCH and not self.down)):
            return self.keep_some()
        if not self.down and now_ns >= self._report_due_ns:
            self._report_due_ns = now_ns + round(REPORT_EVERY_S * 1e9)
            self._report_losses()
        return None

    def keep_some(self) -> OutboxError | SignerUnavailable | None:
        """Keep the oldest reads held in one transaction; on an error they are held on, to be tried again."""
        try:
            self._keep(min(BATCH, len(self._held)))
            self._tell_given_up()
        except (OutboxError, SignerUnavailable) as error:
            self._refused(error)
            return error
        if not self._outbox.is_tight:
            self._full_since_ns = None
        if self.down:
            log.info("reads can be kept again")
        self.down = False
        return None

    def _refused(self, error: Exception) -> None:
        if isinstance(error, OutboxFull) and self._full_since_ns is None:
            self._full_since_ns = self._clock.now().mono_ns
        if not self.down:
            log.error("reads cannot be kept: %s; %d wait in memory", error, len(self._held))
        self.down = True
        self._due_ns = self._clock.now().mono_ns + round(RETRY_S * 1e9)

    def _keep(self, count: int) -> None:
        """Keep the oldest `count`; what is kept, or can never be, is held no more."""
        reads = list(islice(self._held, count))
        try:
            requests = [(share.feed, self._sealing(share)) for shares in reads for share in shares]
            self._outbox.append(requests, patient=self._is_patient())
        except SignerUnavailable:
            raise
        except SealError as error:
            self._unsealable(error, count)
            return
        for _ in reads:
            self._held.popleft()
        self._counts.add("committed", count)
        self.last_read = self._clock.now()

    def _unsealable(self, error: SealError, count: int) -> None:
        """One read that breaks the wire format's limits must not take the others with it."""
        if count > 1:
            for _ in range(count):
                self._keep(1)
            return
        self._counts.add("unsealable")
        self._given_up.update((share.feed, LossCause.UNSEALABLE) for share in self._held.popleft())
        log.error("a read could not be sealed: %s", error)

    def _sealing(self, share: Share) -> SealAs:
        return lambda seq, previous: self._sealer.seal(share.read, share.feed, seq, previous)

    def _is_patient(self) -> bool:
        if self._full_since_ns is None:
            return True
        waited_ns = self._clock.now().mono_ns - self._full_since_ns
        return waited_ns < PATIENCE_S * 1e9 and len(self._held) < PATIENT_HELD

    def _is_urgent(self, shares: Sequence[Share]) -> bool:
        return any(share.feed in self._urgent for share in shares)

    def _give_up_oldest(self) -> None:
        shares = self._held.popleft()
        if not self._counts.state().get("no-outbox"):
            log.error("memory is full of %d reads that cannot be kept: the oldest are given up", MOST_HELD)
        self._counts.add("no-outbox")
        self._given_up.update((share.feed, LossCause.NO_OUTBOX) for share in shares)

    def _tell_given_up(self) -> None:
        if self._given_up:
            self._outbox.give_up(self._given_up)
            self._given_up.clear()

    def _report_losses(self) -> None:
        """Raises: nothing; what cannot be reported now is tried again later."""
        try:
            self._outbox.report_losses(self._reporting)
        except (OutboxError, SealError) as error:
            log.error("losses cannot be reported: %s", error)

    def _reporting(self, feed: str, losses: Sequence[Loss]) -> SealAs | None:
        if feed not in self._feeds.names:
            return None
        return lambda seq, previous: self._sealer.seal_losses(losses, feed, seq, previous)


def finish(keeper: ReadKeeper, refused: Callable[[OutboxError | SignerUnavailable], None]) -> None:
    """Keep everything that is held; `refused` is told of every failure, and ends the trying by raising."""
    while len(keeper):
        error = keeper.keep_some()
        if error is not None:
            refused(error)
