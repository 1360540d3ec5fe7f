"""What the gate lets through: sampling and ceilings on top of the policy's own rulings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anpr_edge.daemon.gate import FeedGate
from anpr_edge.seal.policy.model import ALWAYS_ON, FeedTerms, ListTerms, Policy, unsigned_policy
from tests.fakes import FakeClock
from tests.sealed_reads import made_up_read
from tests.unit.seal.policies import CHARGING, POLICY

OPEN = replace(CHARGING, calendar=ALWAYS_ON, share=1.0, most_per_minute=None)


def gate_of(*feeds: FeedTerms, draws: tuple[float, ...] = (), policy: Policy = POLICY) -> FeedGate:
    coming = iter(draws)
    return FeedGate(replace(policy, feeds=feeds), FakeClock(), draw=lambda: next(coming))


def withheld(gate: FeedGate) -> object:
    return gate.state()["withheld"]


def test_each_feed_sees_its_own_version_of_the_read() -> None:
    fine = replace(OPEN, name="fine", time_ms=1, place_m=0)
    read = made_up_read()
    shares = gate_of(OPEN, fine).choose(read)
    assert [share.feed for share in shares] == ["charging", "fine"]
    assert shares[1].read is read
    assert shares[0].read.first.utc_ns % (60 * 10**9) == 0
    assert shares[0].read.plate_text == read.plate_text


def test_a_draw_below_the_share_is_given() -> None:
    gate = gate_of(replace(OPEN, share=0.5), draws=(0.0, 0.49, 0.5, 0.99))
    assert [len(gate.choose(made_up_read())) for _ in range(4)] == [1, 1, 0, 0]
    assert withheld(gate) == {"charging": {"not-sampled": 2}}


def test_two_feeds_draw_apart() -> None:
    half = replace(OPEN, share=0.5)
    gate = gate_of(half, replace(half, name="other"), draws=(0.9, 0.1))
    assert [share.feed for share in gate.choose(made_up_read())] == ["other"]


def test_nothing_is_drawn_for_a_feed_that_gets_everything_or_is_off() -> None:
    off = replace(OPEN, name="off", share=0.5, calendar=replace(ALWAYS_ON, weekly=()))
    assert len(gate_of(OPEN, off).choose(made_up_read())) == 1


def test_the_ceiling_counts_the_last_minute() -> None:
    clock = FakeClock()
    gate = FeedGate(replace(POLICY, feeds=(replace(OPEN, most_per_minute=2),)), clock)
    assert [len(gate.choose(made_up_read())) for _ in range(3)] == [1, 1, 0]
    clock.advance(59)
    assert not gate.choose(made_up_read())
    clock.advance(1)
    assert gate.choose(made_up_read())
    assert withheld(gate) == {"charging": {"over-ceiling": 2}}


def test_when_the_policy_ends_nobody_gets_anything_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    over = replace(POLICY, until_utc_s=POLICY.issued_utc_s + 1)
    gate = gate_of(OPEN, policy=over)
    assert not gate.choose(made_up_read())
    assert not gate.choose(made_up_read())
    assert withheld(gate) == {"charging": {"policy-not-valid": 2}}
    assert gate.state()["valid"] is False
    assert caplog.messages == [
        "policy 3 does not hold now (until 2026-09-20 14:13 UTC): no feed gets reads",
    ]


def test_the_configurations_own_feeds_have_no_end() -> None:
    gate = FeedGate(unsigned_policy("testfleet", "unit-0001", (OPEN,)), FakeClock())
    assert gate.choose(made_up_read())
    state = gate.state()
    assert (state["version"], state["valid"], state["until"]) == (0, True, None)


LISTED = replace(OPEN, name="hits", reads="vehicles-of-interest", watch=ListTerms("stolen", "ed25519:…"))


class OneVehicle:
    """A list with one plate on it, written with the look-alikes made one."""

    def has(self, name: str, folded: str, utc_ns: int) -> bool:
        return (name, folded) == ("stolen", "AB120DE")

    def state(self) -> dict[str, object]:
        return {"stolen": {"revision": 1}}


def test_a_hit_changes_only_whether_the_lists_own_feed_gets_the_read() -> None:
    gate = FeedGate(replace(POLICY, feeds=(OPEN, LISTED)), FakeClock(), lists=OneVehicle())
    hit, miss = (gate.choose(made_up_read(plate)) for plate in ("AB12ODE", "AB12CDE"))
    assert [share.feed for share in hit] == ["charging", "hits"]
    assert [share.feed for share in miss] == ["charging"]
    assert replace(hit[0].read, plate_text="") == replace(miss[0].read, plate_text="")
    assert withheld(gate) == {"charging": {}, "hits": {"not-listed": 1}}
    assert gate.state()["lists"] == {"stolen": {"revision": 1}}


def test_without_its_list_a_feed_of_matches_gets_nothing() -> None:
    gate = gate_of(LISTED)
    assert not gate.choose(made_up_read("AB12ODE"))
    assert withheld(gate) == {"hits": {"not-listed": 1}}


def test_a_preview_goes_only_to_the_feed_that_asked_and_counts_for_nobody_else() -> None:
    gate = gate_of(replace(OPEN, previews=True), replace(OPEN, name="other"))
    preview = replace(made_up_read(), preview=True)
    assert [share.feed for share in gate.choose(preview)] == ["charging"]
    assert [share.feed for share in gate.choose(made_up_read())] == ["charging", "other"]
    assert withheld(gate) == {"charging": {}, "other": {}}
