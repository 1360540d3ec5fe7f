"""Numbers in any order: what is new, what is missing, when to ask for it, and whether the chain holds."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.central.dedupe import GRACE_S, MOST_GAPS, FeedLedger, Place
from anpr_edge.central.prints import Link
from anpr_edge.records import EPOCH_NUMBERS, Loss, LossCause
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


def test_a_gap_that_another_process_has_seen_a_moment_later_is_fresh() -> None:
    assert ledger_of(1, 3, utc_ns=5).watermark(0) == (1, ())


def test_a_clock_that_was_put_back_does_not_hold_a_gap_for_ever() -> None:
    assert ledger_of(1, 3, utc_ns=GRACE_NS).watermark(0) == (3, ((2, 2),))


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


FULL, BROKEN = LossCause.FULL, LossCause.BROKEN


def test_what_is_lost_for_good_is_neither_asked_for_nor_in_the_way() -> None:
    ledger = ledger_of(1, 2, 6, 7, 10)
    ledger.lose([Loss(3, 5, FULL)])
    assert ledger.watermark(0) == (7, ())
    assert ledger.watermark(GRACE_NS) == (10, ((8, 9),))
    assert (ledger.missing, ledger.lost) == (2, {FULL: 3})


def test_only_the_part_that_is_lost_is_not_asked_for() -> None:
    ledger = ledger_of(1, 10)
    ledger.lose([Loss(4, 5, FULL), Loss(7, 7, BROKEN)])
    assert ledger.watermark(GRACE_NS) == (10, ((2, 3), (6, 6), (8, 9)))
    assert (ledger.missing, ledger.lost) == (5, {FULL: 2, BROKEN: 1})


def test_more_gaps_than_are_named_no_longer_stop_the_watermark_once_they_are_lost() -> None:
    last = 4 * MOST_GAPS + 1
    ledger = ledger_of(*range(1, last + 1, 2))
    assert ledger.watermark(GRACE_NS)[0] == 2 * MOST_GAPS + 1
    ledger.lose([Loss(seq, seq, FULL) for seq in range(2, last, 2)])
    assert ledger.watermark(GRACE_NS) == (last, ())


def test_losses_that_split_a_gap_name_no_more_gaps_than_fit() -> None:
    ledger = ledger_of(1, 1000)
    ledger.lose([Loss(seq, seq, FULL) for seq in range(3, 999, 2)])
    mark, asked = ledger.watermark(GRACE_NS)
    assert (mark, len(asked)) == (1, MOST_GAPS)


def test_what_was_lost_and_comes_all_the_same_is_here() -> None:
    ledger = ledger_of(1, 2, 5)
    ledger.lose([Loss(2, 4, FULL)])
    for seq in (3, 4):
        assert ledger.place(link(seq)) is Place.NEW
        assert ledger.add(link(seq), 0)
    assert (ledger.watermark(0), ledger.lost) == ((5, ()), {})


def test_what_is_said_first_of_a_loss_counts_and_it_is_counted_once() -> None:
    ledger = ledger_of(1, 9)
    ledger.lose([Loss(2, 5, FULL)])
    ledger.lose([Loss(2, 8, BROKEN), Loss(4, 6, FULL)])
    assert ledger.lost == {FULL: 4, BROKEN: 3}
    assert ledger.missing == 0


def test_of_a_lost_beginning_nobody_can_tell_how_long_it_was() -> None:
    ledger = FeedLedger()
    first = EPOCH_NUMBERS + 700
    ledger.add(Link(first, digest(first - 1), digest(first)), 0)
    assert ledger.missing == 1
    ledger.lose([Loss(EPOCH_NUMBERS + 1, first - 1, BROKEN)])
    assert (ledger.watermark(0), ledger.missing, ledger.lost) == ((first, ()), 0, {BROKEN: 1})


@given(st.sets(st.integers(1, 60), min_size=1), st.lists(st.tuples(st.integers(1, 60), st.integers(1, 60))))
def test_every_number_is_here_missing_or_lost(seqs: set[int], lost: list[tuple[int, int]]) -> None:
    ledger = ledger_of(*sorted({1} | seqs))
    losses = [Loss(min(pair), max(pair), FULL) for pair in lost]
    ledger.lose(losses)
    gone = {seq for loss in losses for seq in range(loss.first, loss.last + 1)}
    expected = {seq for seq in range(1, max(seqs) + 1) if seq not in seqs | {1}}
    assert ledger.missing == len(expected - gone)
    assert sum(ledger.lost.values()) == len(expected & gone)
    mark, asked = ledger.watermark(GRACE_NS)
    assert {seq for first, last in asked for seq in range(first, last + 1)} == expected - gone
    assert mark == max(seqs | {1})
