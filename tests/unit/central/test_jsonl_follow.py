"""A store is looked at while it is written, and what it lacks shows in the fleet."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.central.fleet_conditions import Limits, Verdict
from anpr_edge.central.fleet_report import report
from anpr_edge.central.fleet_view import FleetView
from anpr_edge.central.intake import Intake
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.jsonl import JsonlStore
from anpr_edge.central.stores.jsonl_follow import JsonlFollower
from anpr_edge.errors import StoreError
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.fakes import FakeClock
from tests.fleet_samples import at, well_view
from tests.sealed_reads import SealingUnit


class Centre:
    """A centre with its store open, and a unit that seals for it."""

    def __init__(self, path: Path) -> None:
        key = RecipientPrivateKey.generate()
        self.unit = SealingUnit(key.public)
        self.intake = Intake(Opener(self.unit.units, key), JsonlStore(path), FakeClock())

    def take(self, *blobs: bytes) -> None:
        self.intake.take([(self.unit.topic, blob) for blob in blobs])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reads.jsonl"


@pytest.fixture
def centre(path: Path) -> Centre:
    return Centre(path)


def stored(follower: JsonlFollower, view: FleetView) -> tuple[Verdict, str]:
    follower.look(0)
    view.count(follower.ledgers.items(), at(4))
    (unit,) = report(view, at(5), Limits()).units
    return next((one.verdict, one.measured) for one in unit.found if one.condition.code == "stored")


def test_what_comes_is_seen_while_the_store_is_open(centre: Centre, path: Path) -> None:
    follower, view = JsonlFollower(path), well_view()
    first, second, third = centre.unit.seal(3)
    centre.take(first)
    assert stored(follower, view) == (Verdict.OK, "nothing missing")
    centre.take(third)
    assert stored(follower, view) == (Verdict.WARN, "1 numbers not here yet")
    centre.take(second)
    assert stored(follower, view)[0] is Verdict.OK


def test_a_chain_that_breaks_is_a_loss(centre: Centre, path: Path) -> None:
    follower, view = JsonlFollower(path), well_view()
    centre.take(*centre.unit.seal(1))
    stored(follower, view)
    centre.unit.forget_chain()
    centre.take(*centre.unit.seal(1))
    assert stored(follower, view)[0] is Verdict.WARN
    (unit,) = report(view, at(5), Limits()).units
    assert (unit.wrong[0].condition.code, unit.wrong[0].verdict) == ("losing", Verdict.FAIL)


def test_a_line_that_is_still_being_written_waits(centre: Centre, path: Path) -> None:
    follower = JsonlFollower(path)
    centre.take(*centre.unit.seal(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    follower.look(0)
    assert [len(ledger) for ledger in follower.ledgers.values()] == [1]
    path.write_bytes(whole)
    follower.look(0)
    assert [len(ledger) for ledger in follower.ledgers.values()] == [2]


def test_a_large_store_is_read_in_parts(centre: Centre, path: Path) -> None:
    centre.take(*centre.unit.seal(5))
    follower, looks = JsonlFollower(path, at_once_bytes=1500), 0
    while not follower.is_whole:
        follower.look(0)
        looks += 1
    assert looks > 2
    assert [len(ledger) for ledger in follower.ledgers.values()] == [5]


def test_what_was_refused_and_signed_is_here(centre: Centre, path: Path) -> None:
    (blob,) = SealingUnit(RecipientPrivateKey.generate().public).seal(1)
    centre.take(blob)  # of a stranger: it is in the refused file, without a number
    follower = JsonlFollower(path)
    follower.look(0)
    assert follower.ledgers == {}


def test_no_store_and_another_file_are_said(path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        JsonlFollower(path).look(0)
    path.write_text("hello\n")
    with pytest.raises(StoreError, match="not of a store"):
        JsonlFollower(path).look(0)


def test_nothing_of_a_plate_is_kept(centre: Centre, path: Path) -> None:
    centre.take(*centre.unit.seal(1))
    follower = JsonlFollower(path)
    follower.look(0)
    assert "TE57ING" not in repr(vars(follower))
