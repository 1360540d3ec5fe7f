"""What the centre reads in a unit's health, whatever version it is of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.central.fleet_health import MOST_FEEDS, FeedHealth, Health, read_health
from tests.fleet_samples import EPOCH_S, FEED, by_service, flat


def read(document: Any) -> Health:
    health = read_health(json.dumps(document).encode())
    assert health is not None
    return health


def test_schema_2() -> None:
    health = read(flat())
    assert (health.reader, health.uplink, health.version) == ("running", "running", "0.1.0")
    assert health.utc_s == EPOCH_S
    assert (health.reads_committed, health.reads_lost, health.dropped) == (40, 0, 0)
    assert (health.late_stages, health.faults, health.takes_reads) == ((), {}, True)
    assert health.feeds == {FEED: FeedHealth(waiting=0, sent=1, oldest_age_s=2.0, dropped=0)}
    assert (health.temperature_c, health.disk_free_mb, health.clock_error_ms) == (51.0, 21000.0, 2.5)


def test_schema_1() -> None:
    health = read(by_service())
    assert (health.reader, health.uplink, health.version) == ("running", "running", "0.1.0")
    assert (health.reads_lost, health.dropped, health.frames_dropped) == (3, 2, 100)
    assert health.takes_reads is True
    assert health.policy_valid is None  # version 0 is no policy


def test_a_reader_that_has_fallen_silent_is_gone() -> None:
    assert read(by_service(mono_s=900.0)).reader == "gone"


def test_a_reader_that_is_not_there_has_never_run() -> None:
    assert read({**by_service(), "reader": None}).reader == "never"


def test_what_is_late_or_stands_is_named() -> None:
    stages = {"capture": {"age_s": 9.0, "limit_s": 5.0}, "infer": {"age_s": None, "limit_s": 5.0}}
    frames = {
        "taken": 1,
        "dropped": {},
        "faults": {"black": {"count": 9, "for_s": 4.5}, "slow": {"for_s": None}},
    }
    health = read(flat(stages=stages, frames=frames))
    assert health.late_stages == ("capture",)
    assert health.faults == {"black": 4.5}


def test_what_the_board_holds_back() -> None:
    throttling = {"under_voltage": True, "throttled": False, "under_voltage_since_boot": True}
    assert read(flat(board={"throttling": throttling})).limited == ("under voltage",)


def test_nothing_known_is_none() -> None:
    assert read({}) == Health()
    assert read(flat(outbox=None, reads=None)).dropped is None


@pytest.mark.parametrize("payload", [b"", b"[]", b"7", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_object_is_nothing(payload: bytes) -> None:
    assert read_health(payload) is None


def test_a_units_words_cannot_move_the_cursor() -> None:
    health = read(flat(version="1\x1b[2J\n" + "x" * 1000))
    assert health.version is not None
    assert health.version.startswith("1?[2J?")
    assert len(health.version) <= 120


def test_a_unit_does_not_decide_how_many_feeds_are_kept() -> None:
    feeds = {f"feed-{number}": {"waiting": 1} for number in range(1000)} | {"a/b": {}}
    outbox = {"takes_reads": True, "rebuilds": 0, "feeds": feeds}
    found = read(flat(outbox=outbox)).feeds
    assert found is not None
    assert len(found) == MOST_FEEDS


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(key=st.sampled_from(sorted(flat())), value=junk)
def test_no_part_of_a_health_message_can_hurt(key: str, value: Any) -> None:
    read_health(json.dumps(flat() | {key: value}).encode())


@given(key=st.sampled_from(sorted(by_service()["reader"])), value=junk)
def test_no_part_of_an_older_one_can(key: str, value: Any) -> None:
    read_health(json.dumps(by_service(**{key: value})).encode())
