"""Charging alone, and charging beside the police: who gets what, and that neither sees the other's feed."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from anpr_edge.daemon.gate import FeedGate
from anpr_edge.errors import EnvelopeError, Refusal
from anpr_edge.fleet.broker import ACCESS_FILE, Listener, write_mosquitto
from anpr_edge.records import Instant, PlateRead
from anpr_edge.seal import cbor, envelope
from anpr_edge.seal.envelope import CHAIN_START, Envelope, envelope_hash
from anpr_edge.seal.keys import RecipientKey, RecipientPrivateKey
from anpr_edge.seal.policy.changes import changes
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.wire import ALWAYS, Field, decode_named_read
from tests.fakes import FakeClock
from tests.london import CHARGING_ONLY, WITH_POLICE, london_policy
from tests.sealed_reads import made_up_read
from tests.vectors.keys import recipient, signer

KEYS = {"charging": recipient("CHARGING"), "police": recipient("POLICE")}
BY_DAY, BY_NIGHT, HOLIDAY = "2027-03-02 10:00:31", "2027-03-02 23:00:00", "2027-01-01 12:30:00"


def read_at(local: str) -> PlateRead:
    moment = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/London"))
    first = Instant(int(moment.timestamp()) * 10**9, 5_000_000_000, 2.0)
    return replace(made_up_read(), first=first, last=replace(first, mono_ns=5_400_000_000))


class Unit:
    """Gate and sealer of one unit under a policy, chained as the outbox chains."""

    def __init__(self, policy: Policy) -> None:
        self._gate = FeedGate(policy, FakeClock())
        self._sealer = CoseSealer(
            UnitIdentity("london", "unit-0001", bytes(16)),
            signer(),
            {feed.name: [RecipientKey.parse(one.key) for one in feed.recipients] for feed in policy.feeds},
            {feed.name: feed.fields for feed in policy.feeds},
        )
        self._last: dict[str, tuple[int, bytes]] = {}

    def see(self, *reads: PlateRead) -> dict[str, list[Envelope]]:
        """What goes out for these reads, by feed."""
        out: dict[str, list[Envelope]] = {"charging": [], "police": []}
        for share in (share for read in reads for share in self._gate.choose(read)):
            seq, previous = self._last.get(share.feed, (0, CHAIN_START))
            blob = self._sealer.seal(share.read, share.feed, seq + 1, previous).blob
            self._last[share.feed] = (seq + 1, envelope_hash(blob))
            out[share.feed].append(envelope.parse(blob))
        return out


def test_charging_alone_gets_charging_hours_and_charging_fields() -> None:
    out = Unit(london_policy(CHARGING_ONLY)).see(*map(read_at, (BY_DAY, BY_NIGHT, HOLIDAY)))
    assert (len(out["charging"]), out["police"]) == (1, [])
    record = cbor.decode(out["charging"][0].open(KEYS["charging"]), "the record")
    assert isinstance(record, dict)
    assert record.keys() == ALWAYS | {Field.SYNTAX, Field.DIRECTION}
    first_ms = record[Field.FIRST_SEEN]
    assert isinstance(first_ms, int)
    assert first_ms % 60_000 == 0


def test_the_police_get_their_own_hours_and_fields_and_charging_the_same_as_before() -> None:
    before = Unit(london_policy(CHARGING_ONLY)).see(read_at(BY_DAY), read_at(BY_NIGHT))
    after = Unit(london_policy(WITH_POLICE)).see(read_at(BY_DAY), read_at(BY_NIGHT))
    assert (len(after["charging"]), len(after["police"])) == (1, 2)
    was, now = (decode_named_read(out["charging"][0].open(KEYS["charging"])).read for out in (before, after))
    assert was == now
    police = decode_named_read(after["police"][0].open(KEYS["police"])).read
    assert police.fix is not None
    assert police.lane == "1"
    assert police.first.utc_ns % (60 * 10**9) == 31 * 10**9


@pytest.mark.parametrize(("own", "other"), [("charging", "police"), ("police", "charging")])
def test_neither_key_opens_the_others_feed(own: str, other: str) -> None:
    out = Unit(london_policy(WITH_POLICE)).see(read_at(BY_DAY))
    assert out[own][0].open(KEYS[own])
    with pytest.raises(EnvelopeError) as refused:
        out[other][0].open(KEYS[own])
    assert refused.value.kind is Refusal.NOT_A_RECIPIENT


def secrets_of(sealed: Envelope, key: RecipientPrivateKey) -> set[bytes]:
    """Everything in a sealed read that could name it: outside, and inside as its recipient sees it."""
    named = decode_named_read(sealed.open(key))
    parts = {named.read_id, sealed.previous, sealed.signed.payload, sealed.signed.signature}
    for one in sealed.encrypted.recipients:
        parts |= {one.kid, one.encapsulated, one.wrapped}
    return parts | {sealed.encrypted.nonce, sealed.encrypted.ciphertext}


def test_nothing_in_one_feeds_read_is_in_the_others() -> None:
    """Both saw the same vehicles, and no identifier, key, number or chain joins the two feeds."""
    unit = Unit(london_policy(WITH_POLICE))
    unit.see(read_at(BY_NIGHT))
    out = unit.see(read_at(BY_DAY), read_at(BY_DAY))
    charging = set().union(*(secrets_of(one, KEYS["charging"]) for one in out["charging"]))
    police = set().union(*(secrets_of(one, KEYS["police"]) for one in out["police"]))
    assert charging & police <= {CHAIN_START}


def test_numbers_of_one_feed_tell_nothing_of_the_others_count() -> None:
    quiet, busy = Unit(london_policy(WITH_POLICE)), Unit(london_policy(WITH_POLICE))
    busy.see(*(read_at(BY_NIGHT) for _ in range(5)))
    for unit in (quiet, busy):
        numbers = [one.seq for one in unit.see(read_at(BY_DAY), read_at(BY_DAY))["charging"]]
        assert numbers == [1, 2]


def test_the_broker_lets_neither_hear_the_other(tmp_path: Path) -> None:
    listener = Listener(8883, tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.pem")
    consumers = {"charging": ["charging"], "police": ["police"]}
    access = write_mosquitto(tmp_path, "london", listener, consumers).with_name(ACCESS_FILE).read_text()
    _, charging, police = access.split("\n\n")
    for own, other, rules in (("charging", "police", charging), ("police", "charging", police)):
        assert f"topic read anpr/v1/london/+/reads/{own}" in rules
        assert f"/{other}" not in rules


def test_the_step_from_one_to_the_other_says_all_of_it_and_nothing_of_charging() -> None:
    told = changes(london_policy(CHARGING_ONLY), london_policy(WITH_POLICE))
    assert "feed police: new" in told
    assert any(line.startswith("feed police: who can open it: Police ANPR service (x25519:") for line in told)
    assert not any(line.startswith("feed charging") for line in told)
