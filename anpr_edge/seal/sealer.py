"""Turns a read into what one feed may have of it, for the feed's recipients alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anpr_edge.errors import SealError
from anpr_edge.records import Loss, PlateRead, SealedRead
from anpr_edge.seal import envelope, wire
from anpr_edge.seal.header import CHAIN_START, FORMAT_VERSION, ClearHeader
from anpr_edge.seal.keys import RecipientKey, Signer
from anpr_edge.seal.losses import encode_losses


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

    Raises: SealError when a name, the boot id or the number of recipients is beyond its limits.
    """

    def __init__(
        self,
        unit: UnitIdentity,
        signing_key: Signer,
        feeds: Mapping[str, Sequence[RecipientKey]],
        fields: Mapping[str, frozenset[wire.Field]] | None = None,
    ) -> None:
        self._unit = unit
        self._key = signing_key
        self._feeds = {feed: tuple(recipients) for feed, recipients in feeds.items()}
        self._fields = dict(fields or {})
        for feed, recipients in self._feeds.items():
            envelope.seal(b"", self._header(feed, 1, CHAIN_START), recipients, signing_key)

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        """One read for one feed, as its number `seq` after the envelope whose hash is `previous`.

        Raises: SealError when the feed is not known or something is beyond its limits.
        """
        self._check_known(feed)
        record = wire.encode_read(read, fields=self._fields.get(feed, wire.ALL_FIELDS))
        return self._sealed(record, feed, seq, previous)

    def seal_losses(self, losses: Sequence[Loss], feed: str, seq: int, previous: bytes) -> SealedRead:
        """A report of what the feed will never get, in a read's place.

        Raises: SealError when the feed is not known or there are too many.
        """
        self._check_known(feed)
        return self._sealed(encode_losses(losses), feed, seq, previous)

    def _check_known(self, feed: str) -> None:
        if feed not in self._feeds:
            known = ", ".join(sorted(self._feeds))
            raise SealError(f"feed {feed!r} is none of {known}", hint="name it in the configuration")

    def _sealed(self, record: bytes, feed: str, seq: int, previous: bytes) -> SealedRead:
        header = self._header(feed, seq, previous)
        return SealedRead(feed, seq, envelope.seal(record, header, self._feeds[feed], self._key))

    def _header(self, feed: str, seq: int, previous: bytes) -> ClearHeader:
        unit = self._unit
        return ClearHeader(FORMAT_VERSION, unit.fleet, unit.unit, feed, unit.boot_id, seq, previous)
