"""A list of vehicles: who may make one, who may open it, what it says, and what it never shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from anpr_edge.errors import ListError, SealError
from anpr_edge.seal import cbor, encrypt, sign1
from anpr_edge.seal.lists import (
    LIST_TYPE,
    LONGEST_BYTES,
    ListRevision,
    WatchList,
    entry_of,
    open_list,
    revised,
    seal_list,
)
from tests.fakes import EPOCH_NS
from tests.vectors.keys import recipient, seed_of, signer

KEEPER = signer("keeper")
OWN = recipient("unit's own")
HASH_KEY = seed_of("list")
NOW_S = EPOCH_NS // 10**9


def entries(*plates: str) -> frozenset[bytes]:
    return frozenset(entry_of(plate, HASH_KEY) for plate in plates)


WHOLE = ListRevision(
    "testfleet", "stolen", 3, NOW_S + 60, hash_key=HASH_KEY, added=entries("AB12CDE", "XY34ZZZ")
)
CHANGE = replace(WHOLE, revision=5, base=3, hash_key=None, added=entries("NEW1"), removed=entries("AB12CDE"))


def sealed(news: ListRevision = WHOLE) -> bytes:
    return seal_list(news, [recipient("another unit").public, OWN.public], KEEPER)


@pytest.mark.parametrize("news", [WHOLE, CHANGE, replace(WHOLE, added=frozenset())])
def test_what_was_sealed_comes_back(news: ListRevision) -> None:
    assert open_list(sealed(news), KEEPER.public, OWN) == news


def test_a_list_matches_its_plates_until_it_ends() -> None:
    held = revised(None, WHOLE)
    assert held.has("AB12CDE", EPOCH_NS)
    assert not held.has("AB12CDF", EPOCH_NS)
    assert held.has("AB12CDE", (NOW_S + 60) * 10**9 - 1)
    assert not held.has("AB12CDE", (NOW_S + 60) * 10**9)


def test_a_change_adds_takes_away_and_moves_the_end() -> None:
    held = revised(revised(None, WHOLE), replace(CHANGE, until_utc_s=NOW_S + 600))
    found = [plate for plate in ("AB12CDE", "XY34ZZZ", "NEW1") if held.has(plate, EPOCH_NS)]
    assert (found, held.revision, held.until_utc_s) == (["XY34ZZZ", "NEW1"], 5, NOW_S + 600)


@pytest.mark.parametrize(
    ("held", "news", "why"),
    [
        (None, CHANGE, "changes revision 3, here is none"),
        (WatchList(4, NOW_S, HASH_KEY, frozenset()), CHANGE, "changes revision 3, here is revision 4"),
        (WatchList(3, NOW_S, HASH_KEY, frozenset()), WHOLE, "revision 3 is not newer than 3"),
        (WatchList(9, NOW_S, HASH_KEY, frozenset()), CHANGE, "revision 5 is not newer than 9"),
    ],
)
def test_what_does_not_follow_is_refused(held: WatchList | None, news: ListRevision, why: str) -> None:
    with pytest.raises(ListError, match=why):
        revised(held, news)


def test_only_its_keeper_makes_it_and_only_the_unit_opens_it() -> None:
    with pytest.raises(ListError, match="not signed by"):
        open_list(sealed(), signer("somebody else").public, OWN)
    with pytest.raises(ListError, match="sealed for 2 other key"):
        open_list(sealed(), KEEPER.public, recipient("third unit"))


def test_no_bit_can_be_changed() -> None:
    blob = sealed(replace(WHOLE, added=entries("AB12CDE")))
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 1 << at % 8
        with pytest.raises(ListError):
            open_list(bytes(changed), KEEPER.public, OWN)


def test_it_holds_no_plate_and_shows_no_entry() -> None:
    message = encrypt.parse(sign1.parse(sealed(), LONGEST_BYTES, "list").payload)
    protected = sign1.parse(sealed(), LONGEST_BYTES, "list").protected
    blob = sealed()
    assert b"stolen" not in blob
    assert b"AB12CDE" not in blob
    assert message.recipients[1].kid == OWN.kid
    assert LIST_TYPE.encode() in protected
    held = revised(None, WHOLE)
    for shown in (repr(WHOLE), repr(held)):
        assert HASH_KEY.hex() not in shown
        assert repr(HASH_KEY) not in shown
        assert not any(repr(entry) in shown for entry in WHOLE.added)


def test_the_same_plate_has_another_entry_under_another_key() -> None:
    assert entry_of("AB12CDE", HASH_KEY) != entry_of("AB12CDE", seed_of("another list"))


FAULTS: dict[str, tuple[Callable[[dict[int, cbor.Value]], object], str]] = {
    "a later format": (lambda v: v.update({1: 2}), "later format"),
    "a name that is none": (lambda v: v.update({3: "no name"}), "not a name"),
    "revision zero": (lambda v: v.update({4: 0}), "whole number"),
    "a base later than itself": (lambda v: v.update({5: 3, 7: None}), "later revision"),
    "a whole list with a base": (lambda v: v.update({5: 1}), "neither a whole list nor a change"),
    "a whole list that takes away": (lambda v: v.update({9: bytes(16)}), "neither a whole list nor a change"),
    "a short hash key": (lambda v: v.update({7: bytes(31)}), "32 bytes"),
    "a short entry": (lambda v: v.update({8: bytes(17)}), "16 bytes each"),
    "entries out of order": (lambda v: v.update({8: b"\1" * 16 + bytes(16)}), "not in order"),
    "an entry twice": (lambda v: v.update({8: bytes(32)}), "there twice"),
    "a further key": (lambda v: v.update({10: 0}), "exactly the keys"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_signed_message_of_the_wrong_form_is_refused(name: str) -> None:
    """The keeper's own slips are refused by the unit as by the keeper's command."""
    bend, why = FAULTS[name]
    protected = sign1.parse(sealed(), LONGEST_BYTES, "list").protected
    values = cbor.decode(
        encrypt.parse(sign1.parse(sealed(), LONGEST_BYTES, "list").payload).open(OWN, protected), ""
    )
    assert isinstance(values, dict)
    bend(values)  # type: ignore[arg-type]
    payload = encrypt.encrypt(cbor.encode(values), [OWN.public], bound_to=protected)
    with pytest.raises(ListError, match=why):
        open_list(sign1.sign(protected, payload, KEEPER), KEEPER.public, OWN)


def test_limits_are_told_when_sealing() -> None:
    with pytest.raises(SealError, match="not a name"):
        sealed(replace(WHOLE, name="no name"))
    many = frozenset(number.to_bytes(16) for number in range(4000))
    with pytest.raises(ListError, match="at most 61440"):
        sealed(replace(WHOLE, added=many))
    sealed(replace(WHOLE, added=frozenset(sorted(many)[:3700])))
