"""What an hour had: counted from the reader's states, kept over restarts, and nothing of a read in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import AnprError
from anpr_edge.hourly import (
    HOURS_FILE,
    HOURS_KEPT,
    SAVE_EVERY_S,
    HourlyRecord,
    earlier_days,
    earlier_weeks,
    hour_name,
    read_hours,
)
from tests.fakes import FakeClock

PLATES = {"looks": 200, "sharpness": 0.45, "contrast": 110.0, "width_px": 98.0}


def state(given: int, *, unreadable: int = 0, looks: int = 200) -> dict[str, Any]:
    sight = {"dark_grey": 7.0, "plates": {**PLATES, "looks": looks}}
    return {"reads": {"given": given, "unreadable": unreadable}, "sight": sight}


@pytest.fixture
def clock() -> FakeClock:
    """Half past ten."""
    return FakeClock(utc_ns=int(datetime(2026, 12, 3, 10, 30, tzinfo=UTC).timestamp()) * 10**9)


def test_counts_go_to_the_hour_they_were_made_in(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    for given in range(3600):
        record.take(state(given, unreadable=given // 10))
        clock.advance(1)
    record.close()
    hours = read_hours(tmp_path / HOURS_FILE)
    assert list(hours) == ["2026-12-03T10", "2026-12-03T11"]
    assert [hour["reads"] for hour in hours.values()] == [1799, 1800]
    assert sum(hour["unreadable"] for hour in hours.values()) == 359
    assert hours["2026-12-03T11"]["seconds"] == 1800
    assert hours["2026-12-03T11"]["sharpness"] == 0.45


def test_time_in_which_the_reader_did_not_look_does_not_count(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    record.take(state(0))
    clock.advance(600)
    record.take(state(0))
    record.close()
    assert read_hours(tmp_path / HOURS_FILE)["2026-12-03T10"]["seconds"] == 5.0


def test_a_restarted_reader_counts_on_in_the_same_hour(tmp_path: Path, clock: FakeClock) -> None:
    for _ in range(2):
        record = HourlyRecord(tmp_path / HOURS_FILE, clock)
        record.take(state(0))
        clock.advance(1)
        record.take(state(7))
        record.close()
    assert read_hours(tmp_path / HOURS_FILE)["2026-12-03T10"]["reads"] == 14


def test_few_looks_leave_no_mark(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    record.take(state(0, looks=29))
    record.close()
    assert "sharpness" not in read_hours(tmp_path / HOURS_FILE)["2026-12-03T10"]


def test_it_is_written_now_and_then(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    record.take(state(1))
    assert not (tmp_path / HOURS_FILE).exists()
    clock.advance(SAVE_EVERY_S)
    record.take(state(1))
    assert (tmp_path / HOURS_FILE).exists()


def test_old_hours_go(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    for _ in range(HOURS_KEPT + 10):
        record.take(state(0))
        clock.advance(3600)
    record.close()
    assert len(read_hours(tmp_path / HOURS_FILE)) == HOURS_KEPT


def test_a_damaged_file_is_begun_anew(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / HOURS_FILE).write_text('{"schema": 9}')
    with pytest.raises(AnprError, match="version 1"):
        read_hours(tmp_path / HOURS_FILE)
    HourlyRecord(tmp_path / HOURS_FILE, clock).close()
    assert read_hours(tmp_path / HOURS_FILE) == {}


def test_a_folder_that_takes_nothing_does_not_stop_the_reader(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / "missing" / HOURS_FILE, clock)
    record.take(state(1))
    record.close()


def test_nothing_but_numbers_is_kept(tmp_path: Path, clock: FakeClock) -> None:
    record = HourlyRecord(tmp_path / HOURS_FILE, clock)
    record.take({**state(1), "policy": {"feeds": ["secret"]}})
    record.close()
    kept = json.loads((tmp_path / HOURS_FILE).read_text())["hours"]
    assert all(isinstance(value, int | float) for hour in kept.values() for value in hour.values())


def test_earlier_hours_are_the_same_of_the_week_or_of_the_day() -> None:
    now = datetime(2026, 12, 3, 10, 30, tzinfo=UTC)
    hours = {hour_name(now - timedelta(hours=back)): {"reads": float(back)} for back in range(24 * 35)}
    assert [hour["reads"] for hour in earlier_weeks(hours, now)] == [168, 336, 504, 672]
    assert [hour["reads"] for hour in earlier_days(hours, now, days=4)] == [48, 72, 96]
