"""A watermark that counts for one unit: signed by its feed's centre, for this unit and its signing key."""

from __future__ import annotations

from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.seal.acks import Ack, open_ack
from anpr_edge.seal.keys import VerifyKey


def open_own_ack(blob: bytes, key: VerifyKey, *, fleet: str, unit: str, feed: str, unit_kid: bytes) -> Ack:
    """The watermark, when all of that holds.

    Raises: EnvelopeError for anything else, in words.
    """
    ack = open_ack(blob, key)
    if (ack.fleet, ack.unit) != (fleet, unit):
        raise EnvelopeError(Refusal.WRONG_UNIT, f"the watermark is for another unit: {ack.fleet}/{ack.unit}")
    if ack.feed != feed:
        raise EnvelopeError(Refusal.WRONG_FEED, f"the watermark is for another feed: {ack.feed}")
    if ack.unit_kid != unit_kid:
        raise EnvelopeError(
            Refusal.WRONG_UNIT, "the watermark is for another signing key of this unit's name"
        )
    return ack
