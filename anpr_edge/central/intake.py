"""What the centre does with a batch of messages: verify, open, place, store. No network in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from anpr_edge.central.dedupe import GRACE_S, FeedLedger, Link, Place
from anpr_edge.central.opener import OpenedRead, Opener, words_of
from anpr_edge.central.stores import Store, StoredRead, StoredRefusal
from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.records import Instant
from anpr_edge.seal.envelope import envelope_hash
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics


class FeedKey(NamedTuple):
    """Whose numbers they are: a unit that was set up anew, with another signing key, counts anew."""

    fleet: str
    unit: str
    feed: str
    signer_kid: bytes


class Verdict(StrEnum):
    """What became of one message."""

    NEW = "new"
    REPEAT = "repeat"
    CONFLICT = "conflict"
    REFUSED = "refused"
    LOSSES = "losses"
    """No read, but the unit's word on which reads will never come."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One message's fate. `words` says what is remarkable, without any plate; empty when all is well.

    `key` and `link` are set when the envelope is genuine, `kind` for refusals, `opened` for reads that
    are new or in conflict.
    """

    verdict: Verdict
    name: str
    received: Instant
    key: FeedKey | None = None
    opened: OpenedRead | None = None
    link: Link | None = None
    kind: Refusal | None = None
    words: str = ""


class Intake:
    """Takes batches; when `take` returns, the store has what was new in them.

    Without a `store` nothing is kept and nothing may be acknowledged to the units. A gap is asked for
    when it has not shrunk for `grace_s`.
    """

    def __init__(
        self, opener: Opener, store: Store | None, clock: Clock, *, grace_s: float = GRACE_S
    ) -> None:
        self._opener = opener
        self._store = store
        self._clock = clock
        self._grace_s = grace_s
        self.sound = True
        """Whether the store has all that the ledgers count as here; if not, nothing may be acknowledged."""
        self._ledgers: dict[FeedKey, FeedLedger] = {}
        now_ns = clock.now().mono_ns
        for held in store.held() if store else ():
            ledger = self.ledger(FeedKey(held.fleet, held.unit, held.feed, held.signer_kid))
            place = ledger.place(held.link)
            if place is Place.NEW:
                ledger.add(held.link, now_ns)
            elif place is Place.CONFLICT:
                ledger.add_conflict(held.link)

    @property
    def feeds(self) -> list[FeedKey]:
        """Every unit's feed that has sent anything, once for each key it was signed with."""
        return list(self._ledgers)

    @property
    def current(self) -> list[FeedKey]:
        """Those of `feeds` whose unit still signs with that key: only they are told anything."""
        return [key for key in self._ledgers if self._opener.knows(key.unit, key.signer_kid)]

    def ledger(self, key: FeedKey) -> FeedLedger:
        """What is here of one unit's feed."""
        return self._ledgers.setdefault(key, FeedLedger(self._grace_s))

    def take(self, messages: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """The fate of each (topic, payload), in order.

        Raises: StoreError when what is new cannot be kept; this intake is then finished, and a new one
        starts from what the store has.
        """
        received = self._clock.now()
        items: list[StoredRead | StoredRefusal] = []
        self.sound = False
        outcomes = [self._one(topic, blob, received, items) for topic, blob in messages]
        if self._store and items:
            self._store.keep(items)
        self.sound = True
        return outcomes

    def _one(
        self, topic: str, blob: bytes, received: Instant, items: list[StoredRead | StoredRefusal]
    ) -> Outcome:
        try:
            envelope = self._opener.verify(blob, _address(topic))
        except EnvelopeError as error:
            items.append(StoredRefusal(error.kind, topic, blob, received.utc_ns))
            return Outcome(Verdict.REFUSED, topic, received, kind=error.kind, words=_words(error))
        link = Link(envelope.seq, envelope.previous, envelope_hash(blob))
        key = FeedKey(envelope.fleet, envelope.unit, envelope.feed, envelope.signer_kid)
        place = self.ledger(key).place(link)
        if place is Place.REPEAT:
            return Outcome(Verdict.REPEAT, envelope.name, received, key, link=link)
        words = _RESTARTED if self.ledger(key).begins_anew(link) else ""
        if place is Place.CONFLICT:
            self.ledger(key).add_conflict(link)
            words = _TAKEN
        elif not self.ledger(key).add(link, received.mono_ns):
            words = _BROKEN
        try:
            opened = self._opener.open_any(envelope)
        except EnvelopeError as error:
            items.append(StoredRefusal(error.kind, topic, blob, received.utc_ns, envelope, link))
            return Outcome(
                Verdict.REFUSED, envelope.name, received, key, link=link, kind=error.kind, words=_words(error)
            )
        if not isinstance(opened, OpenedRead):
            kind = Refusal.LOSS_REPORT
            items.append(StoredRefusal(kind, topic, blob, received.utc_ns, envelope, link))
            self.ledger(key).lose(opened)
            told = words_of(opened)
            return Outcome(Verdict.LOSSES, envelope.name, received, key, link=link, words=told)
        items.append(StoredRead(opened, link, received.utc_ns))
        verdict = Verdict.NEW if place is Place.NEW else Verdict.CONFLICT
        return Outcome(verdict, envelope.name, received, key, opened, link, words=words)


_TAKEN = "its number is taken by another read: was the outbox reset or copied?"
_BROKEN = "the chain does not hold here: a read was removed, replaced or sent by a copy"
_RESTARTED = (
    "the unit begins a new chain here: its outbox was lost or an older copy put back; "
    "what it had not sent before is gone"
)


def _address(topic: str) -> topics.ReadsTopic:
    address = topics.parse_reads(topic)
    if address is None:
        raise EnvelopeError(Refusal.WRONG_FEED, f"came by {topic!r}, which is no reads topic")
    return address


def _words(error: EnvelopeError) -> str:
    return f"{error}; {error.hint}" if error.hint else str(error)
