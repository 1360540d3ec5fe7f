"""What the centre does with a batch of messages: verify, open, place, store. No network in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from anpr_edge.central.dedupe import GRACE_S, FeedKey, FeedLedger, Place
from anpr_edge.central.opener import OpenedRead, Opener, words_of
from anpr_edge.central.prints import Link
from anpr_edge.central.stores import Batch, Store, StoredRead, StoredRefusal, key_of
from anpr_edge.central.stores.memory import MemoryLedgers
from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.records import Instant, Loss
from anpr_edge.seal.envelope import Envelope, envelope_hash
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics


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


@dataclass(frozen=True, slots=True)
class _Message:
    """A message and what its signature says of it."""

    topic: str
    blob: bytes
    envelope: Envelope | None
    link: Link | None
    error: EnvelopeError | None = None


class Intake:
    """Takes batches; when `take` returns, the store has what was new in them.

    Without a `store` nothing is kept and nothing may be acknowledged to the units. A gap is asked for
    when it has not shrunk for `grace_s`.
    """

    def __init__(
        self, opener: Opener, store: Store | None, clock: Clock, *, grace_s: float = GRACE_S
    ) -> None:
        self._opener = opener
        self._store = store or MemoryLedgers()
        self._clock = clock
        self.grace_s = grace_s
        self.sound = True
        """Whether the last batch was kept; if not, nothing may be acknowledged."""

    @property
    def feeds(self) -> list[FeedKey]:
        """Every unit's feed that has sent anything, once for each key it was signed with."""
        return list(self._store.ledgers())

    @property
    def current(self) -> list[FeedKey]:
        """Those of `feeds` whose unit still signs with that key: only they are told anything."""
        return [key for key in self.feeds if self._opener.knows(key.unit, key.signer_kid)]

    def ledger(self, key: FeedKey) -> FeedLedger:
        """What is here of one unit's feed."""
        return self.ledgers([key])[key]

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """What is here of these feeds, or of all: whichever process took it in. Raises: StoreError."""
        return self._store.ledgers(keys)

    def take(self, messages: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """The fate of each (topic, payload), in order.

        Raises: StoreUnavailable when what is new cannot be kept now: nothing of it was, take it again.
        StoreError when that would not help.
        """
        if not messages:
            return []
        received = self._clock.now()
        self.sound = False
        checked = [self._check(topic, blob) for topic, blob in messages]
        with self._store.batch({key_of(one.envelope) for one in checked if one.envelope}) as batch:
            outcomes = [self._one(message, received, batch) for message in checked]
        self.sound = True
        return outcomes

    def _check(self, topic: str, blob: bytes) -> _Message:
        try:
            envelope = self._opener.verify(blob, _address(topic))
        except EnvelopeError as error:
            return _Message(topic, blob, None, None, error)
        return _Message(topic, blob, envelope, Link(envelope.seq, envelope.previous, envelope_hash(blob)))

    def _one(self, message: _Message, received: Instant, batch: Batch) -> Outcome:
        envelope, link = message.envelope, message.link
        if envelope is None or link is None:
            return _refused(message, received, batch)
        key = key_of(envelope)
        place, words = _place(batch.ledgers[key], link, received)
        if place is Place.REPEAT:
            return Outcome(Verdict.REPEAT, envelope.name, received, key, link=link)
        try:
            opened = self._opener.open_any(envelope)
        except EnvelopeError as error:
            return _refused(replace(message, error=error), received, batch)
        if not isinstance(opened, OpenedRead):
            return _lost(message, opened, received, batch)
        batch.items.append(StoredRead(opened, link, received.utc_ns))
        verdict = Verdict.NEW if place is Place.NEW else Verdict.CONFLICT
        return Outcome(verdict, envelope.name, received, key, opened, link, words=words)


def _place(ledger: FeedLedger, link: Link, received: Instant) -> tuple[Place, str]:
    """Count `link` as here; where it belongs, and what is remarkable about it."""
    place = ledger.place(link)
    if place is Place.REPEAT:
        return place, ""
    if place is Place.CONFLICT:
        ledger.add_conflict(link)
        return place, _TAKEN
    words = _RESTARTED if ledger.begins_anew(link) else ""
    return place, words if ledger.add(link, received.utc_ns) else _BROKEN


def _refused(message: _Message, received: Instant, batch: Batch) -> Outcome:
    """Keep what cannot be taken for a read as it came."""
    error, envelope, link = message.error, message.envelope, message.link
    assert error is not None
    batch.items.append(
        StoredRefusal(error.kind, message.topic, message.blob, received.utc_ns, envelope, link)
    )
    name = envelope.name if envelope else message.topic
    key = key_of(envelope) if envelope else None
    return Outcome(Verdict.REFUSED, name, received, key, link=link, kind=error.kind, words=_words(error))


def _lost(message: _Message, losses: tuple[Loss, ...], received: Instant, batch: Batch) -> Outcome:
    """Take the unit's word for what will never come, and keep it as it came."""
    envelope, link = message.envelope, message.link
    assert envelope is not None
    key, kind = key_of(envelope), Refusal.LOSS_REPORT
    batch.ledgers[key].lose(losses)
    batch.items.append(
        StoredRefusal(kind, message.topic, message.blob, received.utc_ns, envelope, link, losses)
    )
    return Outcome(Verdict.LOSSES, envelope.name, received, key, link=link, words=words_of(losses))


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
