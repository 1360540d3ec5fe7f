"""Lists of vehicles of interest as they travel: signed by their keeper, sealed to units' own keys.

A list holds keyed hashes of plates and no plate. Its key travels inside it, sealed: on a unit it is in memory
alone. See docs/lists.md, which says what that protects and what it does not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, cast

from anpr_edge.errors import EnvelopeError, ListError, SealError
from anpr_edge.seal import cbor, encrypt, sign1
from anpr_edge.seal.header import NAME
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey, Signer, VerifyKey
from anpr_edge.seal.wire_values import Wrong, exactly, maybe, whole

LONGEST_BYTES: Final = 61_440
"""Fits a broker's packet of 65,536 bytes: 3,700 entries. A longer list is a whole one and changes to it."""

LIST_TYPE: Final = "application/anpr-list+cose"
"""Keeps a list from passing for anything else its key may sign. Source: RFC 9596."""

FORMAT_VERSION: Final = 1
HASH_KEY_BYTES: Final = 32
ENTRY_BYTES: Final = 16
"""Two of 10^9 plates share an entry with a chance of 1 in 10^20."""

LATEST_S: Final = 253_402_300_799
HIGHEST_REVISION: Final = 2**53 - 1
WHAT: Final = "the list"

FORMAT, FLEET, LIST, REVISION, BASE, UNTIL, HASH_KEY, ADDED, REMOVED = range(1, 10)

_revision = whole(1, HIGHEST_REVISION)
_base = maybe(_revision)
_until = whole(0, LATEST_S)
_hash_key = maybe(exactly(HASH_KEY_BYTES))


@dataclass(frozen=True, slots=True)
class ListRevision:
    """One message: a whole list, or what changes from the revision `base` to this one.

    A change has no `hash_key`: its entries are hashes under that of the whole list it goes back to.
    """

    fleet: str
    name: str
    revision: int
    until_utc_s: int
    base: int | None = None
    hash_key: bytes | None = field(default=None, repr=False)
    added: frozenset[bytes] = field(default=frozenset(), repr=False)
    removed: frozenset[bytes] = field(default=frozenset(), repr=False)


@dataclass(frozen=True, slots=True)
class WatchList:
    """A list as a unit holds it, in memory; after `until_utc_s` it matches nothing."""

    revision: int
    until_utc_s: int
    hash_key: bytes = field(repr=False)
    entries: frozenset[bytes] = field(repr=False)

    def has(self, folded: str, utc_ns: int) -> bool:
        """Whether a plate, its look-alike characters made one, is on the list at this moment."""
        return utc_ns < self.until_utc_s * 10**9 and entry_of(folded, self.hash_key) in self.entries


def entry_of(folded: str, hash_key: bytes) -> bytes:
    """What stands for a plate in a list: 16 bytes of its HMAC-SHA-256, look-alike characters made one."""
    return hmac.digest(hash_key, folded.encode(), hashlib.sha256)[:ENTRY_BYTES]


def revised(held: WatchList | None, news: ListRevision) -> WatchList:
    """The list after `news`. Raises: ListError when it does not follow what is held."""
    if held is not None and news.revision <= held.revision:
        raise ListError(f"list {news.name}: revision {news.revision} is not newer than {held.revision}")
    if news.hash_key is not None:
        return WatchList(news.revision, news.until_utc_s, news.hash_key, news.added)
    if held is None or news.base != held.revision:
        have = "none" if held is None else f"revision {held.revision}"
        hint = "load the revisions between them first, or a whole list"
        raise ListError(
            f"list {news.name}: revision {news.revision} changes revision {news.base}, here is {have}",
            hint=hint,
        )
    entries = (held.entries - news.removed) | news.added
    return WatchList(news.revision, news.until_utc_s, held.hash_key, entries)


def seal_list(news: ListRevision, units: Sequence[RecipientKey], key: Signer) -> bytes:
    """The message for the units with these keys, at most 32.

    Raises: SealError when a value is out of its limits; ListError when it is too long.
    """
    values: dict[int, cbor.Value] = {
        FORMAT: FORMAT_VERSION,
        FLEET: news.fleet,
        LIST: news.name,
        REVISION: news.revision,
        BASE: news.base,
        UNTIL: news.until_utc_s,
        HASH_KEY: news.hash_key,
        ADDED: b"".join(sorted(news.added)),
        REMOVED: b"".join(sorted(news.removed)),
    }
    try:
        _revision_of(values)
    except Wrong as wrong:
        raise SealError(f"{WHAT} cannot be sealed: {wrong}") from None
    protected = _protected(key.public)
    blob = sign1.sign(protected, encrypt.encrypt(cbor.encode(values), units, bound_to=protected), key)
    if len(blob) > LONGEST_BYTES:
        hint = "send a part as a whole list, and the rest as changes to it"
        raise ListError(f"{WHAT}: {len(blob)} bytes, at most {LONGEST_BYTES}", hint=hint)
    return blob


def open_list(blob: bytes, keeper: VerifyKey, own: RecipientPrivateKey) -> ListRevision:
    """What a message says, when `keeper` signed it and it is sealed to `own`. Raises: ListError."""
    try:
        signed = sign1.parse(blob, LONGEST_BYTES, WHAT)
        if signed.protected != _protected(keeper) or not signed.signed_by(keeper):
            raise ListError(f"{WHAT} is not signed by {keeper.text}", hint="the policy names its keeper")
        content = encrypt.parse(signed.payload).open(own, bound_to=signed.protected)
        return _revision_of(cbor.decode(content, WHAT))
    except (EnvelopeError, Wrong) as wrong:
        raise ListError(f"{WHAT} is refused: {wrong}") from None


def _protected(key: VerifyKey) -> bytes:
    return cbor.encode({sign1.ALG: key.alg, sign1.KID: key.kid, sign1.TYP: LIST_TYPE})


def _revision_of(values: object) -> ListRevision:
    """Raises: Wrong."""
    if not isinstance(values, dict) or values.keys() != set(range(FORMAT, REMOVED + 1)):
        raise Wrong("not a map with exactly the keys 1 to 9")
    if isinstance(values[FORMAT], bool) or values[FORMAT] != FORMAT_VERSION:
        raise Wrong("of a later format")
    for key in (FLEET, LIST):
        if not isinstance(values[key], str) or not NAME.fullmatch(cast("str", values[key])):
            raise Wrong("fleet or list is not a name")
    news = ListRevision(
        fleet=cast("str", values[FLEET]),
        name=cast("str", values[LIST]),
        revision=_revision(values[REVISION]),
        until_utc_s=_until(values[UNTIL]),
        base=_base(values[BASE]),
        hash_key=_hash_key(values[HASH_KEY]),
        added=_entries(values[ADDED]),
        removed=_entries(values[REMOVED]),
    )
    if (news.base is None) != (news.hash_key is not None) or (news.base is None and news.removed):
        raise Wrong("neither a whole list nor a change to one")
    if news.base is not None and news.base >= news.revision:
        raise Wrong("a change to a later revision")
    return news


def _entries(value: object) -> frozenset[bytes]:
    if not isinstance(value, bytes) or len(value) % ENTRY_BYTES:
        raise Wrong(f"entries are not of {ENTRY_BYTES} bytes each")
    found = [value[at : at + ENTRY_BYTES] for at in range(0, len(value), ENTRY_BYTES)]
    if any(one >= other for one, other in pairwise(found)):
        raise Wrong("entries are not in order, or one is there twice")
    return frozenset(found)
