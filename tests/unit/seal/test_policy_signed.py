"""A policy is taken in one encoding, under one key, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.errors import PolicyError
from anpr_edge.seal import cbor, sign1
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.policy.codec import values_of
from anpr_edge.seal.policy.model import Calendar, Hours, Policy, Recipient
from anpr_edge.seal.policy.signed import (
    LONGEST_BYTES,
    POLICY_TYPE,
    open_policy,
    read_unverified,
    sign_policy,
)
from tests.unit.seal.policies import CHARGING, KEY, POLICE, POLICY
from tests.vectors.keys import recipient, signer

BLOB = sign_policy(POLICY, KEY)
PROTECTED = cbor.encode({sign1.ALG: KEY.public.alg, sign1.KID: KEY.kid, sign1.TYP: POLICY_TYPE})


def signed_values(change: Callable[[dict[Any, Any]], object]) -> bytes:
    """The policy's map after `change`, properly signed."""
    values: dict[Any, Any] = values_of(POLICY)
    change(values)
    return sign1.sign(PROTECTED, cbor.encode(values), KEY)


def test_what_was_signed_is_what_is_opened() -> None:
    assert open_policy(BLOB, KEY.public) == POLICY
    assert read_unverified(BLOB) == POLICY


def test_a_feed_may_have_a_hybrid_recipient() -> None:
    both = (*CHARGING.recipients, Recipient("Charging centre, new key", recipient("hybrid one").public.text))
    policy = replace(POLICY, feeds=(replace(CHARGING, recipients=both),))
    assert open_policy(sign_policy(policy, KEY), KEY.public) == policy


def test_signing_twice_gives_the_same_bytes() -> None:
    assert sign_policy(open_policy(BLOB, KEY.public), KEY) == BLOB


def test_another_key_is_refused() -> None:
    with pytest.raises(PolicyError, match="not signed by ed25519:"):
        open_policy(BLOB, signer("somebody else").public)


def test_an_acknowledgement_of_the_same_key_is_no_policy() -> None:
    ack = sign_ack(Ack("testfleet", "unit-0001", "charging", 1, (), 0, KEY.public.kid), KEY)
    with pytest.raises(PolicyError):
        open_policy(ack, KEY.public)


@given(at=st.integers(0, len(BLOB) - 1), bit=st.integers(0, 7))
def test_no_bit_can_be_changed(at: int, bit: int) -> None:
    changed = bytearray(BLOB)
    changed[at] ^= 1 << bit
    with pytest.raises(PolicyError):
        open_policy(bytes(changed), KEY.public)


@pytest.mark.parametrize(
    "blob",
    [b"", BLOB[:-1], BLOB + b"\0", bytes(LONGEST_BYTES + 1), b"[policy]\nversion = 1\n"],
    ids=["empty", "short", "long", "oversize", "source"],
)
def test_what_is_no_policy_is_refused(blob: bytes) -> None:
    with pytest.raises(PolicyError):
        open_policy(blob, KEY.public)


def feed(values: dict[Any, Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = values[10][0]
    return found


FAULTS: dict[str, tuple[Callable[[dict[Any, Any]], object], str]] = {
    "a later format": (lambda v: v.update({1: 2}), "later format"),
    "an unknown key": (lambda v: v.update({11: 0}), "exactly the keys"),
    "a missing key": (lambda v: v.pop(9), "exactly the keys"),
    "version 0": (lambda v: v.update({3: 0}), "version: not a whole number"),
    "ends before it begins": (lambda v: v.update({6: v[5]}), "until_utc_s"),
    "units out of order": (lambda v: v[7].reverse(), "units: not in order"),
    "a unit that is no name": (lambda v: v[7].insert(0, "#"), "units: not a name"),
    "feeds out of order": (lambda v: v[10].reverse(), "feeds: not in the order"),
    "a feed twice": (lambda v: v[10].append(v[10][1]), "feeds: not in the order"),
    "no recipient": (lambda v: feed(v).update({5: []}), "charging: no recipient"),
    "a recipient twice": (lambda v: feed(v)[5].append(feed(v)[5][0]), "the same recipient twice"),
    "a key of small order": (
        lambda v: feed(v)[5][0].update({2: "x25519:" + "A" * 43}),
        "recipients.key: not",
    ),
    "a field nobody may be denied": (lambda v: feed(v).update({7: [2]}), "charging.fields: not a whole"),
    "fields out of order": (lambda v: feed(v)[7].reverse(), "fields: not in order"),
    "a list that does not exist yet": (
        lambda v: feed(v).update({11: "vehicles-of-interest"}),
        "reads and list do not go together",
    ),
    "another kind of reads": (lambda v: feed(v).update({11: "some"}), "reads: not one of"),
    "a place that is no zone": (lambda v: feed(v)[10].update({1: "Europe/Atlantis"}), "calendar.zone"),
    "a zone outside the folder": (lambda v: feed(v)[10].update({1: "../etc/passwd"}), "calendar.zone"),
    "hours on no day": (lambda v: feed(v)[10][2][0].update({1: []}), "hours without a day"),
    "hours without length": (lambda v: feed(v)[10][2][0].update({3: 420}), "hours without a day or"),
    "an eighth day": (lambda v: feed(v)[10][2][0].update({1: [7]}), "calendar.weekly.days"),
    "more than all": (lambda v: feed(v).update({13: 10_001}), "charging.share"),
    "waits for ever": (lambda v: feed(v).update({14: 2**40}), "charging.waits_s"),
    "words on two lines": (lambda v: feed(v).update({2: "a\nb"}), "charging.purpose: not printable text"),
    "words with space around": (lambda v: feed(v).update({2: " a"}), "charging.purpose: not words"),
    "previews of a share": (lambda v: feed(v).update({13: 5000, 19: True}), "previews and a share"),
    "true for one": (lambda v: feed(v).update({16: True}), "charging.most_per_minute"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_signed_fault_is_refused_and_named(fault: str) -> None:
    change, words = FAULTS[fault]
    with pytest.raises(PolicyError, match=words):
        open_policy(signed_values(change), KEY.public)


@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_whatever_is_signed_is_taken_or_refused_in_words(at: int, byte: int) -> None:
    payload = bytearray(cbor.encode(values_of(POLICY)))
    payload[at % len(payload)] = byte
    with suppress(PolicyError):
        open_policy(sign1.sign(PROTECTED, bytes(payload), KEY), KEY.public)


def test_the_helper_changes_nothing_by_itself() -> None:
    assert signed_values(lambda _: None) == BLOB


@pytest.mark.parametrize(
    "policy",
    [
        replace(POLICY, version=0),
        replace(POLICY, feeds=(POLICE, CHARGING)),
        replace(POLICY, feeds=(replace(CHARGING, calendar=Calendar("UTC", (Hours((), 0, 60),))),)),
        replace(POLICY, reason="x" * 1001),
    ],
)
def test_what_no_unit_would_take_cannot_be_signed(policy: Policy) -> None:
    with pytest.raises(PolicyError, match="cannot be signed"):
        sign_policy(policy, KEY)


def test_more_than_a_packet_takes_cannot_be_signed() -> None:
    feeds = tuple(
        replace(
            CHARGING,
            name=f"f{number:02d}",
            calendar=replace(
                CHARGING.calendar, off_days=tuple(date.fromordinal(739_000 + day) for day in range(400))
            ),
        )
        for number in range(16)
    )
    with pytest.raises(PolicyError, match="at most 16384"):
        sign_policy(replace(POLICY, feeds=feeds), KEY)


@pytest.mark.parametrize(
    ("units", "groups", "meant"),
    [
        ((), (), True),
        (("unit-7",), (), True),
        (("unit-8",), (), False),
        ((), ("inner",), True),
        ((), ("outer",), False),
        (("unit-8",), ("inner",), True),
    ],
)
def test_whom_it_is_for(units: tuple[str, ...], groups: tuple[str, ...], meant: bool) -> None:
    policy = replace(POLICY, units=units, groups=groups)
    assert policy.is_for("testfleet", "unit-7", ("inner", "north")) is meant
    assert not policy.is_for("another", "unit-7", ("inner", "north"))
