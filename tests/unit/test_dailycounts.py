"""Daily counts outlive the service, hold nothing of a read, and never stop it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.dailycounts import MOST_DAYS, DailyCounts, counts_file, merged, read_counts
from anpr_edge.errors import AnprError
from anpr_edge.seal.policy.model import ALWAYS_ON
from tests.fakes import FakeClock
from tests.sealed_reads import PLATE, made_up_read
from tests.unit.diag.bench import make_bench
from tests.unit.seal.policies import CHARGING, POLICY

TODAY, TOMORROW = "2026-09-21", "2026-09-22"
OPEN = replace(CHARGING, calendar=ALWAYS_ON, share=1.0, most_per_minute=2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "counts.json"


def test_each_day_and_feed_is_counted_apart(file: Path) -> None:
    clock = FakeClock()
    with closing(DailyCounts(file, clock)) as counts:
        counts.add("charging", "given")
        counts.add("police", "given", 2)
        clock.advance(86_400)
        counts.add("charging", "given")
    with closing(DailyCounts(file, clock)) as counts:
        counts.add("charging", "given")
    assert read_counts(file) == {
        TODAY: {"charging": {"given": 1}, "police": {"given": 2}},
        TOMORROW: {"charging": {"given": 2}},
    }


def test_it_is_written_each_minute(file: Path) -> None:
    clock = FakeClock()
    counts = DailyCounts(file, clock)
    counts.add("charging", "given")
    counts.save_if_due()
    assert not file.exists()
    clock.advance(60)
    counts.save_if_due()
    assert read_counts(file) == {TODAY: {"charging": {"given": 1}}}


def test_it_keeps_so_many_days(file: Path) -> None:
    clock = FakeClock()
    with closing(DailyCounts(file, clock)) as counts:
        for _ in range(MOST_DAYS + 5):
            counts.add("charging", "given")
            clock.advance(86_400)
    days = list(read_counts(file))
    assert (len(days), days[0]) == (MOST_DAYS, "2026-09-26")


def test_a_file_that_is_broken_is_begun_anew(file: Path) -> None:
    file.write_text("{")
    with pytest.raises(AnprError, match="no counts"):
        read_counts(file)
    with closing(DailyCounts(file, FakeClock())) as counts:
        counts.add("charging", "given")
    assert read_counts(file) == {TODAY: {"charging": {"given": 1}}}


def test_a_disk_that_refuses_stops_nothing_and_loses_no_count(tmp_path: Path) -> None:
    folder = tmp_path / "missing"
    counts = DailyCounts(folder / "counts.json", FakeClock())
    counts.add("charging", "given")
    counts.close()
    folder.mkdir()
    counts.close()
    assert read_counts(folder / "counts.json") == {TODAY: {"charging": {"given": 1}}}


def test_counts_of_both_services_come_together() -> None:
    one, other = {TOMORROW: {"a": {"given": 1}}}, {TODAY: {"a": {"sent": 2}}, TOMORROW: {"a": {"sent": 1}}}
    assert merged(one, other) == {TODAY: {"a": {"sent": 2}}, TOMORROW: {"a": {"given": 1, "sent": 1}}}
    assert list(merged(one, other)) == [TODAY, TOMORROW]


def test_what_the_policy_gave_and_withheld_is_shown_without_any_plate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench, clock = make_bench(tmp_path), FakeClock()
    reader, uplink = (counts_file(bench.state_dir, process) for process in ("reader", "uplink"))
    with closing(DailyCounts(reader, clock)) as counts:
        gate = FeedGate(replace(POLICY, feeds=(OPEN,)), clock, counts=counts)
        for _ in range(3):
            gate.choose(made_up_read())
        gate.choose(replace(made_up_read(), syntax=None))
    with closing(DailyCounts(uplink, clock)) as counts:
        counts.add("charging", "sent", 2)
    assert main(["transparency", "--config", str(bench.config)]) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split() == ["day", "feed", "reads", "given", "sent", "withheld"]
    assert row.split(maxsplit=5) == [TODAY, "charging", "4", "2", "2", "1 other-reads, 1 over-ceiling"]
    assert main(["transparency", "--json", "--config", str(bench.config)]) == 0
    said = capsys.readouterr().out
    assert '"withheld": {"other-reads": 1, "over-ceiling": 1}' in said
    assert PLATE not in said + reader.read_text() + uplink.read_text()


def test_before_anything_was_counted_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench = make_bench(tmp_path)
    assert main(["transparency", "--config", str(bench.config)]) == 0
    assert "Nothing has been counted yet." in capsys.readouterr().err
