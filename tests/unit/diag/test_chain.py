"""Reads that wait on a unit: its own and in a row, or not."""

from __future__ import annotations

from anpr_edge.diag.chain import examine_chain
from anpr_edge.records import SealedRead
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.sealed_reads import FEED, FLEET, SealingUnit

RECIPIENT = RecipientPrivateKey.generate().public


def reads(unit: SealingUnit, count: int) -> list[SealedRead]:
    return [SealedRead(FEED, seq, blob) for seq, blob in enumerate(unit.seal(count), 1)]


def test_a_chain_that_holds_with_a_gap_where_reads_were_delivered() -> None:
    unit = SealingUnit(RECIPIENT)
    kept = reads(unit, 6)
    report = examine_chain(kept[:2] + kept[4:], FLEET, unit.unit, unit.key.public)
    assert (report.reads, report.gaps, report.trouble) == (4, 1, "")


def test_a_read_that_was_replaced_by_another_of_the_same_unit() -> None:
    unit = SealingUnit(RECIPIENT)
    first, other = reads(unit, 2), reads(SealingUnit(RECIPIENT, key=unit.key), 2)
    report = examine_chain([first[0], other[1]], FLEET, unit.unit, unit.key.public)
    assert report.trouble == "#2: does not follow #1"


def test_a_read_that_is_addressed_as_another_units() -> None:
    unit = SealingUnit(RECIPIENT, unit="unit-0002")
    report = examine_chain(reads(unit, 1), FLEET, "unit-0001", unit.key.public)
    assert "unit-0002" in report.trouble
