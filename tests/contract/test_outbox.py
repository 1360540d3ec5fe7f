"""What every Outbox promises."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.errors import OutboxError, SealError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import EPOCH_NUMBERS, Delivery, SealedRead
from anpr_edge.seams import Outbox, SealAs
from scripts.benchmarks.fleet_outbox import RamOutbox
from tests.fakes import FakeClock, FakeOutbox

ACCEPTED, NO_SUBSCRIBERS, QUOTA = 0, 16, 151
"""MQTT 5 reason codes. Source: MQTT 5.0 §3.4.2.1."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["sqlite", "fake", "bench"])
def outbox(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> Iterator[Outbox]:
    if request.param == "fake":
        yield FakeOutbox(clock)
        return
    if request.param == "bench":
        yield RamOutbox(clock, start=lambda: 1)
        return
    day = {"charging": timedelta(days=1), "police": timedelta(days=1)}
    made = SqliteOutbox(tmp_path / "outbox.db", clock, max_bytes=10_000_000, retention=day, start=lambda: 1)
    with closing(made):
        yield made


def sealing(feed: str, seen: list[tuple[int, bytes]] | None = None) -> tuple[str, SealAs]:
    """A request whose blob tells its number and what it follows; `seen` collects both."""

    def seal(seq: int, previous: bytes) -> SealedRead:
        if seen is not None:
            seen.append((seq, previous))
        return SealedRead(feed, seq, f"{feed} {seq} ".encode() + previous)

    return feed, seal


def failing(_seq: int, _previous: bytes) -> SealedRead:
    raise SealError("no")


def keep(outbox: Outbox, feed: str, count: int) -> list[SealedRead]:
    return outbox.append([sealing(feed) for _ in range(count)])


def numbers(outbox: Outbox, limit: int = 100) -> list[int]:
    return [entry.read.seq for entry in outbox.due(limit)]


def send(outbox: Outbox, feed: str, *seqs: int) -> None:
    outbox.record([Delivery(feed, seq, ACCEPTED) for seq in seqs])


def test_each_feed_is_numbered_from_one_by_itself(outbox: Outbox) -> None:
    kept = outbox.append([sealing("charging"), sealing("police"), sealing("charging")])
    kept += outbox.append([sealing("police")])
    assert [(read.feed, read.seq) for read in kept] == [
        ("charging", 1),
        ("police", 1),
        ("charging", 2),
        ("police", 2),
    ]


def test_each_read_follows_the_hash_of_the_one_before(outbox: Outbox) -> None:
    seen: list[tuple[int, bytes]] = []
    kept = outbox.append([sealing("charging", seen), sealing("police"), sealing("charging", seen)])
    kept += outbox.append([sealing("charging", seen)])
    own = [hashlib.sha256(read.blob).digest() for read in kept if read.feed == "charging"]
    assert seen == [(1, bytes(32)), (2, own[0]), (3, own[1])]


def test_a_batch_is_kept_as_a_whole_or_not_at_all(outbox: Outbox) -> None:
    keep(outbox, "charging", 1)
    with pytest.raises(SealError):
        outbox.append([sealing("charging"), sealing("police"), ("charging", failing)])
    assert [(entry.read.feed, entry.read.seq) for entry in outbox.due(9)] == [("charging", 1)]
    kept = outbox.append([sealing("charging"), sealing("police")])
    assert [read.seq for read in kept] == [2, 1]


def test_what_is_due_is_what_was_kept(outbox: Outbox) -> None:
    kept = keep(outbox, "charging", 3)
    assert [entry.read for entry in outbox.due(3)] == kept[::-1]
    assert {(entry.attempts, entry.next_attempt_utc_ns) for entry in outbox.due(3)} == {(0, 0)}


def test_live_reads_go_newest_first_then_the_backlog_oldest_first(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 3)
    clock.advance(3600)
    keep(outbox, "charging", 2)
    assert numbers(outbox) == [5, 4, 1, 2, 3]
    assert numbers(outbox, limit=4) == [5, 4, 1, 2]
    assert numbers(outbox, limit=1) == [5]


def test_asking_changes_nothing(outbox: Outbox) -> None:
    keep(outbox, "charging", 2)
    assert numbers(outbox) == numbers(outbox) == [2, 1]


def test_an_accepted_read_is_not_due(outbox: Outbox) -> None:
    keep(outbox, "charging", 2)
    send(outbox, "charging", 2)
    assert numbers(outbox) == [1]


def test_an_accepted_read_that_nobody_confirms_goes_out_again(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    for minutes in (10, 20, 40):
        send(outbox, "charging", 1)
        clock.advance(minutes * 60 - 61)
        assert numbers(outbox) == []
        clock.advance(122)
        assert numbers(outbox) == [1]


def test_a_confirmed_read_never_goes_out_again(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    send(outbox, "charging", 1)
    outbox.settle("charging", 1, [])
    clock.advance(3600)
    assert numbers(outbox) == []


def test_a_read_that_no_subscriber_was_there_for_is_put_back(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    outbox.record([Delivery("charging", 1, NO_SUBSCRIBERS)])
    assert numbers(outbox) == []
    clock.advance(5)
    assert numbers(outbox) == [1]


def test_a_refused_read_waits_longer_each_time(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    for attempt, seconds in enumerate((5, 10, 20, 40, 80, 160, 300, 300), start=1):
        outbox.record([Delivery("charging", 1, QUOTA)])
        clock.advance(seconds - 0.5)
        assert numbers(outbox) == []
        clock.advance(0.5)
        (entry,) = outbox.due(9)
        assert (entry.attempts, entry.next_attempt_utc_ns) == (attempt, clock.now().utc_ns)


def test_refusals_do_not_delay_the_first_look_for_a_confirmation(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    for _ in range(6):
        outbox.record([Delivery("charging", 1, QUOTA)])
        clock.advance(300)
    assert numbers(outbox) == [1]
    outbox.record([Delivery("charging", 1, 0)])
    clock.advance(600 + 60)
    assert numbers(outbox) == [1]


def test_refused_reads_wait_no_longer_once_one_was_accepted(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 4)
    keep(outbox, "police", 1)
    refused = [Delivery("charging", 1, QUOTA), Delivery("charging", 2, NO_SUBSCRIBERS)]
    outbox.record([*refused, Delivery("charging", 3, 0x95), Delivery("police", 1, QUOTA)])
    assert numbers(outbox) == [4]
    send(outbox, "charging", 4)
    clock.advance(0.01)
    assert sorted(numbers(outbox)) == [1, 2]


def test_a_refused_read_does_not_hold_up_others(outbox: Outbox) -> None:
    keep(outbox, "charging", 3)
    outbox.record([Delivery("charging", 2, QUOTA)])
    assert numbers(outbox) == [3, 1]


def test_the_wall_clock_stepping_holds_nothing_back(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    outbox.record([Delivery("charging", 1, QUOTA)])
    clock.step_utc(-86_400)
    clock.advance(5)
    assert numbers(outbox) == [1]


def test_an_answer_about_an_unknown_read_is_harmless(outbox: Outbox) -> None:
    keep(outbox, "charging", 1)
    outbox.record([])
    outbox.record([Delivery("charging", 9, ACCEPTED), Delivery("nobody", 1, QUOTA)])
    send(outbox, "charging", 1)
    outbox.record([Delivery("charging", 1, QUOTA)])
    assert numbers(outbox) == []


def test_a_watermark_forgets_what_the_centre_has(outbox: Outbox) -> None:
    keep(outbox, "charging", 4)
    send(outbox, "charging", 1, 2, 3)
    outbox.settle("charging", 3, [])
    assert numbers(outbox) == [4]


def test_a_sent_read_that_the_centre_misses_goes_out_again(outbox: Outbox) -> None:
    kept = keep(outbox, "charging", 6)
    send(outbox, "charging", 1, 2, 3, 4, 5, 6)
    outbox.settle("charging", 5, [(2, 3)])
    assert [entry.read for entry in outbox.due(9)] == [kept[2], kept[1]]
    send(outbox, "charging", 2, 3)
    outbox.settle("charging", 5, [(3, 3)])
    assert numbers(outbox) == [3]
    send(outbox, "charging", 3)
    outbox.settle("charging", 6, [])
    assert numbers(outbox) == []


def test_a_gap_that_was_refused_goes_out_when_its_time_comes(outbox: Outbox) -> None:
    keep(outbox, "charging", 2)
    send(outbox, "charging", 2)
    outbox.record([Delivery("charging", 1, QUOTA)])
    outbox.settle("charging", 2, [(1, 1)])
    assert numbers(outbox) == []


def test_a_gap_may_lie_above_the_watermark(outbox: Outbox) -> None:
    keep(outbox, "charging", 4)
    send(outbox, "charging", 1, 2, 3, 4)
    outbox.settle("charging", 1, [(3, 4)])
    assert numbers(outbox) == [4, 3]


def test_feeds_are_settled_apart(outbox: Outbox) -> None:
    for feed in ("charging", "police"):
        keep(outbox, feed, 2)
        send(outbox, feed, 1, 2)
    outbox.settle("charging", 2, [])
    outbox.settle("police", 0, [(1, 2)])
    outbox.settle("charging", 2, [(1, 2)])
    assert {entry.read.feed for entry in outbox.due(9)} == {"police"}


def test_an_older_watermark_forgets_nothing_and_gets_what_it_asks_for_if_it_is_here(outbox: Outbox) -> None:
    keep(outbox, "charging", 5)
    send(outbox, "charging", 1, 2, 3, 4, 5)
    outbox.settle("charging", 4, [(1, 2), (4, 4)])
    send(outbox, "charging", 1, 2, 4)
    outbox.settle("charging", 2, [(1, 1)])
    assert numbers(outbox) == [1]
    send(outbox, "charging", 1)
    outbox.settle("charging", 4, [])
    outbox.settle("charging", 2, [(1, 2)])
    assert numbers(outbox) == []


@pytest.mark.parametrize(
    ("feed", "watermark", "gaps"),
    [
        ("charging", 3, []),
        ("charging", -1, []),
        ("charging", 2, [(0, 1)]),
        ("charging", 2, [(2, 1)]),
        ("charging", 2, [(1, 3)]),
        ("nobody", 0, []),
    ],
)
def test_a_watermark_for_numbers_never_used_is_refused(
    outbox: Outbox, feed: str, watermark: int, gaps: list[tuple[int, int]]
) -> None:
    keep(outbox, "charging", 2)
    send(outbox, "charging", 1)
    with pytest.raises(OutboxError):
        outbox.settle(feed, watermark, gaps)
    assert numbers(outbox) == [2]


def test_a_watermark_above_all_numbers_begins_a_new_epoch(outbox: Outbox) -> None:
    first, second = keep(outbox, "charging", 2)
    with pytest.raises(OutboxError):
        outbox.settle("charging", second.seq + 500, [])
    (later,) = keep(outbox, "charging", 1)
    assert later.seq // EPOCH_NUMBERS == first.seq // EPOCH_NUMBERS + 1
    assert len(numbers(outbox)) == 3


def test_what_no_broker_ever_took_is_not_forgotten_by_a_watermark(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 4)
    send(outbox, "charging", 1)
    outbox.record([Delivery("charging", 2, QUOTA)])
    outbox.settle("charging", 3, [])
    clock.advance(60)
    assert sorted(numbers(outbox)) == [2, 3, 4]


def test_numbers_go_on_when_everything_is_gone(outbox: Outbox) -> None:
    keep(outbox, "charging", 3)
    outbox.settle("charging", 3, [])
    assert [read.seq for read in keep(outbox, "charging", 1)] == [4]


def test_an_empty_batch_is_nothing(outbox: Outbox) -> None:
    assert outbox.append([]) == []
    assert outbox.due(5) == []


def test_feeds_that_are_held_are_not_due_and_do_not_hold_up_others(outbox: Outbox) -> None:
    keep(outbox, "police", 50)
    keep(outbox, "charging", 2)
    assert {entry.read.feed for entry in outbox.due(5, held={"police"})} == {"charging"}
    assert len(outbox.due(100, held={"police"})) == 2
    assert outbox.due(5, held={"police", "charging"}) == []


def test_what_is_young_and_unanswered_is_live(outbox: Outbox, clock: FakeClock) -> None:
    keep(outbox, "charging", 1)
    clock.advance(61)
    keep(outbox, "charging", 2)
    outbox.record([Delivery("charging", 2, QUOTA)])
    clock.advance(30)
    assert {entry.read.seq: entry.live for entry in outbox.due(9)} == {1: False, 2: False, 3: True}


def test_what_is_too_large_for_the_broker_waits_long_and_is_not_lost(
    outbox: Outbox, clock: FakeClock
) -> None:
    keep(outbox, "charging", 3)
    outbox.record([Delivery("charging", 2, 0x95)])
    clock.advance(6 * 3600 - 1)
    assert sorted(numbers(outbox)) == [1, 3]
    clock.advance(1)
    assert sorted(numbers(outbox)) == [1, 2, 3]
