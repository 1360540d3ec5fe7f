"""The day's byte budget: what counts, what survives a restart, when a day ends."""

from __future__ import annotations

from pathlib import Path

from anpr_edge.daemon.traffic import Traffic
from anpr_edge.dailycounts import DailyCounts
from anpr_edge.uplink.meter import Wire
from tests.fakes import FakeClock

LIMIT = 1_000_000


def make(folder: Path, clock: FakeClock, limit: int | None = LIMIT) -> Traffic:
    return Traffic(DailyCounts(folder / "counts-link.json", clock), limit)


def test_what_was_carried_counts_once(tmp_path: Path) -> None:
    traffic = make(tmp_path, FakeClock())
    traffic.update(Wire(100, 50))
    traffic.update(Wire(100, 50))
    traffic.update(Wire(300, 70))
    assert traffic.today_bytes == 370


def test_the_budget_is_saved_from_four_fifths_on_and_then_spent(tmp_path: Path) -> None:
    traffic = make(tmp_path, FakeClock())
    for sent, budget in ((799_999, "free"), (800_000, "saving"), (1_000_000, "spent")):
        traffic.update(Wire(sent, 0))
        assert traffic.state()["budget"] == budget
        assert traffic.is_nearly_spent() == (budget != "free")


def test_the_count_survives_a_restart(tmp_path: Path) -> None:
    clock = FakeClock()
    traffic = make(tmp_path, clock)
    traffic.update(Wire(900_000, 0))
    traffic.save(closing=True)
    again = make(tmp_path, clock)
    assert again.is_nearly_spent()
    again.update(Wire(50_000, 0))
    assert again.today_bytes == 950_000


def test_a_minute_of_it_is_lost_at_most(tmp_path: Path) -> None:
    clock = FakeClock()
    traffic = make(tmp_path, clock)
    traffic.update(Wire(900_000, 0))
    clock.advance(61)
    traffic.save()
    assert make(tmp_path, clock).today_bytes == 900_000


def test_a_new_day_by_the_clock_begins_at_nothing(tmp_path: Path) -> None:
    clock = FakeClock()
    traffic = make(tmp_path, clock)
    traffic.update(Wire(900_000, 0))
    assert traffic.is_nearly_spent()
    clock.advance(86_400)
    assert not traffic.is_nearly_spent()
    traffic.update(Wire(900_100, 0))
    assert traffic.today_bytes == 100


def test_a_link_without_a_limit_is_counted_and_never_saved(tmp_path: Path) -> None:
    traffic = make(tmp_path, FakeClock(), None)
    traffic.update(Wire(10**12, 0))
    assert not traffic.is_nearly_spent()
    assert traffic.state() == {"today_bytes": 10**12, "limit_bytes": None, "budget": "none"}
