"""Statistics of an hour, from which no plate and no single vehicle can be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from anpr_edge.daemon.platestats import FEWEST_READS, PlateStats
from anpr_edge.records import PlateRead
from tests.fakes import EPOCH_NS, FakeClock
from tests.sealed_reads import made_up_read

INTO_THE_HOUR_S = EPOCH_NS // 10**9 % 3600
READ = replace(made_up_read(), confidence=0.97, frames_used=5, plate_width_px=90.0)


def hour_of(*reads: PlateRead) -> tuple[dict[str, Any] | None, str]:
    """What is told of a whole hour in which these were read."""
    clock = FakeClock(EPOCH_NS - INTO_THE_HOUR_S * 10**9)
    stats = PlateStats(clock)
    for read in reads:
        stats.add(read)
    clock.advance(3600)
    return stats.state()


def test_an_hour_is_told_when_it_is_over_and_rounded() -> None:
    told, why = hour_of(*[READ] * 42)
    assert told is not None
    assert why == ""
    assert (told["reads"], told["covered_s"]) == (40, 3600)
    assert told["regions"] == {"GB": 40, "other": 0}
    assert told["syntaxes"] == {"gb:current": 40, "other": 0}
    assert {name for name, count in told["confidence"].items() if count} == {"0.9-1.0"}
    assert {name for name, count in told["width_px"].items() if count} == {"80-100"}
    assert {name for name, count in told["frames_used"].items() if count} == {"5-8"}


def test_nothing_is_told_of_the_hour_that_runs() -> None:
    stats = PlateStats(FakeClock())
    for _ in range(100):
        stats.add(READ)
    assert stats.state() == (None, "no whole hour has passed since the reader started")


def test_an_hour_with_few_reads_is_not_told() -> None:
    assert hour_of(*[READ] * (FEWEST_READS - 1)) == (
        None,
        f"fewer than {FEWEST_READS} reads in the last hour",
    )


def test_a_rare_kind_does_not_show_by_name() -> None:
    foreign = replace(READ, region="IM", syntax="im:three-letter")
    told, _ = hour_of(*[READ] * 40, *[foreign] * 4)
    assert told is not None
    assert set(told["regions"]) == {"GB", "other"}
    assert set(told["syntaxes"]) == {"gb:current", "other"}


@pytest.mark.parametrize("count", range(38, 43))
def test_one_vehicle_more_or_less_does_not_show(count: int) -> None:
    assert hour_of(*[READ] * count)[0] == hour_of(*[READ] * 40)[0]


def test_a_preview_is_no_read_and_an_edge_belongs_to_the_bin_above() -> None:
    told, _ = hour_of(*[replace(READ, preview=True)] * 40, *[replace(READ, confidence=0.9)] * 20)
    assert told is not None
    assert told["reads"] == 20
    assert told["confidence"]["0.9-1.0"] == 20


def test_no_text_of_a_plate_is_in_it() -> None:
    told, _ = hour_of(*[READ] * 40)
    assert READ.plate_text not in str(told)


def test_a_quiet_hour_takes_the_place_of_the_one_before() -> None:
    clock = FakeClock(EPOCH_NS - INTO_THE_HOUR_S * 10**9)
    stats = PlateStats(clock)
    for _ in range(40):
        stats.add(READ)
    clock.advance(3600)
    assert stats.state()[0] is not None
    clock.advance(3600)
    assert stats.state()[0] is None
