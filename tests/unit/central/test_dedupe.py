"""Numbers in any order: what is new, what is missing, when to ask for it, and whether the chain holds."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.central.dedupe import GRACE_S, MOST_GAPS, FeedLedger, Link, Place
from anpr_edge.seal.envelope import CHAIN_START

GRACE_NS = round(GRACE_S * 1e9)


def digest(seq: int) -> bytes:
    return sha256(seq.to_bytes(8)).digest()


def link(seq: int) -> Link:
    return Link(seq, CHAIN_START if seq == 1 else digest(seq - 1), digest(seq))


def ledger_of(*seqs: int, utc_ns: int = 0) -> FeedLedger:
    ledger = FeedLedger()
    for seq in seqs:
        assert ledger.place(link(seq)) is Place.NEW
        assert ledger.add(link(seq), utc_ns)
    return ledger


def test_reads_in_order_move_the_watermark() -> None:
    assert ledger_of(1, 2, 3).watermark(0) == (3, ())


def test_nothing_is_acknowledged_before_anything_came() -> None:
    assert FeedLedger().watermark(0) == (0, ())


def test_a_fresh_gap_holds_the_watermark_and_an_old_one_is_asked_for() -> None:
    ledger = ledger_of(1, 2, 5, 6, 9)
    assert ledger.watermark(GRACE_NS - 1) == (2, ())
    assert ledger.watermark(GRACE_NS) == (9, ((3, 4), (7, 8)))
    assert ledger.missing == 4


def test_a_backlog_that_fills_a_gap_is_not_asked_for() -> None:
    ledger = ledger_of(1, 100)
    for seq in range(2, 50):
        now_ns = seq * GRACE_NS // 2
        ledger.add(link(seq), now_ns)
        assert ledger.watermark(now_ns) == (seq, ())


def test_what_a_new_centre_missed_is_asked_for() -> None:
    ledger = ledger_of(5000)
    assert ledger.watermark(0) == (0, ())
    assert ledger.watermark(GRACE_NS) == (5000, ((1, 4999),))


def test_a_repeat_is_known() -> None:
    ledger = ledger_of(1, 2, 3)
    assert ledger.place(link(2)) is Place.REPEAT


def test_another_read_under_a_used_number_is_a_conflict() -> None:
    ledger = ledger_of(1, 2, 3)
    assert ledger.place(Link(2, digest(1), b"x" * 32)) is Place.CONFLICT


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (1, 3, 2), (2, 1, 3)])
def test_a_replaced_read_breaks_the_chain_in_any_order(order: tuple[int, ...]) -> None:
    ledger = FeedLedger()
    forged = {1: link(1), 2: Link(2, digest(1), b"x" * 32), 3: link(3)}
    held = [ledger.add(forged[seq], 0) for seq in order]
    assert held.count(False) == 1
    assert ledger.breaks == 1


def test_a_lost_outbox_starts_a_new_chain_and_leaves_no_gap() -> None:
    ledger = ledger_of(1, 2)
    ledger.add(Link(2**40 + 3, CHAIN_START, digest(2**40 + 3)), 0)
    ledger.add(link(2**40 + 4), 0)
    assert ledger.watermark(0) == (2**40 + 4, ())
    assert (ledger.missing, ledger.restarts, ledger.breaks) == (0, 1, 0)


def test_one_acknowledgement_names_only_so_many_gaps() -> None:
    ledger = ledger_of(*range(2, 2 * MOST_GAPS + 20, 2))
    mark, gaps = ledger.watermark(GRACE_NS)
    assert len(gaps) == MOST_GAPS
    assert mark == 2 * MOST_GAPS
    assert gaps[-1] == (2 * MOST_GAPS - 1, 2 * MOST_GAPS - 1)


@given(st.sets(st.integers(1, 60), min_size=1), st.randoms(use_true_random=False))
def test_the_watermark_and_its_gaps_are_exactly_what_is_here(seqs: set[int], order: random.Random) -> None:
    shuffled = sorted(seqs)
    order.shuffle(shuffled)
    ledger = ledger_of(*shuffled)
    mark, gaps = ledger.watermark(GRACE_NS)
    absent = {seq for first, last in gaps for seq in range(first, last + 1)}
    assert set(range(1, mark + 1)) - absent == seqs
    assert absent.isdisjoint(seqs)
    assert len(ledger) == len(seqs)
    unknown = min(seqs) - 1
    assert ledger.missing == len(absent) - unknown + (unknown > 0)
    assert ledger.breaks == 0
