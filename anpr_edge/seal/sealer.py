"""Turns a read into what one feed may have of it, for the feed's recipients alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anpr_edge.errors import SealError
from anpr_edge.records import PlateRead, SealedRead
from anpr_edge.seal import envelope, wire
from anpr_edge.seal.header import FORMAT_VERSION, ClearHeader
from anpr_edge.seal.keys import RecipientKey, SigningKey


@dataclass(frozen=True, slots=True)
class UnitIdentity:
    """Who seals: the fleet, the unit in it, and the 16 bytes that name this boot."""

    fleet: str
    unit: str
    boot_id: bytes


class CoseSealer:
    """Seals reads as COSE for every feed of a unit.

    `feeds` names each feed's recipients; `fields` what a feed may have of a read (all, when not
    named). What a feed may not have never enters its ciphertext.
    """

    def __init__(
        self,
        unit: UnitIdentity,
        signing_key: SigningKey,
        feeds: Mapping[str, Sequence[RecipientKey]],
        fields: Mapping[str, frozenset[wire.Field]] | None = None,
    ) -> None:
        self._unit = unit
        self._key = signing_key
        self._feeds = {feed: tuple(recipients) for feed, recipients in feeds.items()}
        self._fields = dict(fields or {})

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        """One read for one feed, as its number `seq` after the envelope whose hash is `previous`.

        Raises: SealError when the feed is not known or something is beyond its limits.
        """
        if feed not in self._feeds:
            raise SealError(
                f"feed {feed!r} is none of {sorted(self._feeds)}", hint="name it in the configuration"
            )
        record = wire.encode_read(read, fields=self._fields.get(feed, wire.ALL_FIELDS))
        header = ClearHeader(
            FORMAT_VERSION, self._unit.fleet, self._unit.unit, feed, self._unit.boot_id, seq, previous
        )
        return SealedRead(feed, seq, envelope.seal(record, header, self._feeds[feed], self._key))
