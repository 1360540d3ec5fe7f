"""How `scripts/bench fleet` counts and paces."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from anpr_edge.central.intake import Intake
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.seal.keys import RecipientPrivateKey
from scripts.benchmarks.fleet_judging import STORES, Stored, account, busiest, delays
from scripts.benchmarks.fleet_pace import Pacing
from tests.fakes import FakeClock
from tests.sealed_reads import SealingUnit


def stored(*seqs: int, unit: str = "unit-0001", lane: str = "steady", delay_s: float = 1.0) -> list[Stored]:
    return [Stored(unit, seq, lane, delay_s, 100.0) for seq in seqs]


def test_what_is_at_the_centre_or_on_the_unit_is_not_lost() -> None:
    found = account({"unit-0001": (5, 4)}, stored(5, 6, 8), {"unit-0001": [7]})
    assert found == {
        "made": 4,
        "stored": 3,
        "waiting": 1,
        "lost": 0,
        "stored_twice": 0,
        "never_made": 0,
    }


def test_what_is_nowhere_is_lost() -> None:
    assert account({"unit-0001": (5, 4)}, stored(5, 8), {"unit-0001": [7]})["lost"] == 1


def test_a_unit_of_which_nothing_came_has_lost_all() -> None:
    assert account({"unit-0001": (5, 4), "unit-0002": (0, 0)}, [], {})["lost"] == 4


def test_what_was_never_made_and_what_came_twice_is_said() -> None:
    found = account({"unit-0001": (5, 1)}, stored(5, 5, 9), {})
    assert (found["stored_twice"], found["never_made"], found["stored"]) == (1, 1, 1)


def test_delays_are_by_phase() -> None:
    many = [one for delay in range(1, 101) for one in stored(delay, delay_s=float(delay))]
    found = delays([*many, *stored(1, lane="drain", delay_s=7.0)])
    assert found["steady"] == {"reads": 100, "p50_s": 50, "p95_s": 95, "p99_s": 99, "most_s": 100}
    assert found["drain"]["p95_s"] == 7


def test_the_busiest_second() -> None:
    assert busiest([1.1, 1.9, 2.0]) == 2
    assert busiest([]) == 0


def test_the_store_is_read_as_the_centre_writes_it(tmp_path: Path) -> None:
    key = RecipientPrivateKey.generate()
    unit = SealingUnit(key.public)
    target, read = STORES["jsonl"]
    store = JsonlStore(Path(target(tmp_path)))
    clock = FakeClock()
    clock.advance(3.0)  # the read was made at the fake clock's beginning
    Intake(Opener(unit.units, key), store, clock).take([(unit.topic, blob) for blob in unit.seal(2)])
    store.close()
    found = list(read(tmp_path))
    assert [(one.unit, one.seq, one.lane) for one in found] == [(unit.unit, 1, "1"), (unit.unit, 2, "1")]
    assert [one.delay_s for one in found] == [pytest.approx(3.0)] * 2


def test_a_pacing_is_the_units_own_rule() -> None:
    clock = FakeClock()
    shaper = Pacing(unconfirmed=3).shaper(clock, random.Random(1), 20)
    shaper.connected("broker")
    clock.advance(60)
    assert shaper.allowance().backlog == 2  # half a second's worth


def test_without_limits_the_window_is_the_only_one() -> None:
    shaper = Pacing(None, 0.0, None).shaper(FakeClock(), random.Random(1), 20)
    shaper.connected("broker")
    allowed = shaper.allowance()
    assert (allowed.unanswered, allowed.backlog >= 1) == (20, True)
