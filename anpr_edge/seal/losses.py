"""A loss report as CBOR: which numbers of the feed it comes in the unit has no read for, and why.

It is sealed, numbered and chained like a read, in a read's place. See docs/wire-format.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

from anpr_edge.errors import EnvelopeError, Refusal, SealError
from anpr_edge.records import Loss, LossCause
from anpr_edge.seal import cbor
from anpr_edge.seal.header import HIGHEST_SEQ

LOSSES: Final = 16
"""The key of a loss report's one field; reads have those up to 15."""

MOST_LOSSES: Final = 100

_TWO_FIELDS: Final = b"\xa2"
"""How a map of two fields begins. Source: RFC 8949 §3."""

CODES: Final = {
    LossCause.UNKNOWN: 0,
    LossCause.FULL: 1,
    LossCause.FULL_SENT: 2,
    LossCause.EXPIRED: 3,
    LossCause.EXPIRED_SENT: 4,
    LossCause.DISK_FULL: 5,
    LossCause.BROKEN: 6,
    LossCause.NO_OUTBOX: 7,
    LossCause.UNSEALABLE: 8,
}
_CAUSES: Final = {code: cause for cause, code in CODES.items()}


def encode_losses(losses: Sequence[Loss]) -> bytes:
    """The record of a loss report. Raises: SealError when a value is beyond its limit."""
    values = [[loss.first, loss.last, CODES[loss.cause]] for loss in losses]
    wrong = _first_wrong(values)
    if wrong:
        raise SealError(f"a loss report cannot be sealed: {wrong}")
    return cbor.encode({LOSSES: list(values)})


def decode_losses(encoded: bytes) -> tuple[Loss, ...] | None:
    """The losses in a record; None when it is none of a loss report.

    Raises: EnvelopeError (payload) when it is one, and its values are wrong.
    """
    if encoded[:1] > _TWO_FIELDS:
        return None  # as nearly every record is: a read has seven fields at least
    try:
        found = cbor.decode(encoded, "the record")
    except EnvelopeError:
        return None
    if not isinstance(found, dict) or LOSSES not in found:
        return None
    values = found[LOSSES]
    wrong = _first_wrong(values) if len(found) == 1 else "another field beside its losses"
    if wrong or not isinstance(values, list):
        raise EnvelopeError(Refusal.PAYLOAD, f"not a record of a loss report: {wrong}")
    rows = cast("list[tuple[int, int, int]]", values)
    return tuple(Loss(first, last, _CAUSES[code]) for first, last, code in rows)


def _first_wrong(values: object) -> str:
    """What is wrong with the list of losses, or nothing."""
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_LOSSES:
        return f"not a list of 1 to {MOST_LOSSES} losses"
    for one in values:
        if not isinstance(one, list) or len(one) != 3 or not all(type(value) is int for value in one):
            return "a loss is not a first number, a last one and a cause"
        if not 1 <= one[0] <= one[1] <= HIGHEST_SEQ:
            return "a loss's numbers are out of order, or not from 1 to 2^63 - 1"
        if one[2] not in _CAUSES:
            return f"no cause of a loss has the number {one[2]}"
    return ""
