"""From bytes off the broker to a read somebody may act on: verify first, then open."""

from __future__ import annotations

from dataclasses import dataclass

from anpr_edge.central.units import Units
from anpr_edge.records import PlateRead
from anpr_edge.seal import envelope as envelopes
from anpr_edge.seal import wire
from anpr_edge.seal.envelope import Envelope
from anpr_edge.seal.keys import RecipientPrivateKey
from anpr_edge.uplink.topics import ReadsTopic


@dataclass(frozen=True, slots=True)
class OpenedRead:
    """A read with its proof: `envelope` is verified, `read_id` is its name in this feed alone."""

    envelope: Envelope
    read_id: bytes
    read: PlateRead


class Opener:
    """Holds what opening takes: the units' public keys and this recipient's private one."""

    def __init__(self, units: Units, key: RecipientPrivateKey) -> None:
        self._units = units
        self._key = key

    def verify(self, blob: bytes, topic: ReadsTopic | None = None) -> Envelope:
        """The envelope, when its unit signed it and it came by its own topic.

        Raises: EnvelopeError; `kind` names the reason.
        """
        return verify(blob, self._units, topic)

    def believe(self, units: Units) -> None:
        """From now on these are the units there are."""
        self._units = units

    def knows(self, unit: str, signer_kid: bytes) -> bool:
        """Whether `unit` signs with this key now: it may have been set up anew, or struck off the list."""
        return self._units.has(unit, signer_kid)

    def open(self, envelope: Envelope) -> OpenedRead:
        """What a verified envelope holds. Raises: EnvelopeError (not-a-recipient, payload)."""
        named = wire.decode_named_read(envelope.open(self._key))
        return OpenedRead(envelope, named.read_id, named.read)


def verify(blob: bytes, units: Units, topic: ReadsTopic | None = None) -> Envelope:
    """The envelope, when its unit signed it and it came by its own topic; needs no private key.

    Raises: EnvelopeError; `kind` names the reason.
    """
    envelope = envelopes.parse(blob)
    if topic is not None:
        envelope.addressed(topic.fleet, topic.unit, topic.feed)
    envelope.verify(units.key_of(envelope.unit))
    return envelope
