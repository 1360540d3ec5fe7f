"""Power cuts at random instants, and older copies put back: no number is used twice unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults.ledger import Number
from tests.faults.outages import (
    card_put_back,
    card_put_back_off_line,
    database_put_back,
    newer_reads_lost,
    power_cuts,
)
from tests.faults.report import Line
from tests.faults.trial import Outcome

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.mark.trial(plan=power_cuts)
def test_a_power_cut_at_any_moment_loses_no_committed_read(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words
    assert not outcome.ledger.kept_twice, "a number was used twice"


@pytest.mark.trial(plan=database_put_back)
def test_an_older_database_put_back_begins_a_new_epoch(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words
    assert not outcome.ledger.kept_twice, "a number was used twice"
    assert "restarted chain" in outcome.centre_said


@pytest.mark.trial(plan=newer_reads_lost)
def test_reads_lost_with_the_newer_database_are_reported(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words
    assert not outcome.ledger.kept_twice, "a number was used twice"


@pytest.mark.trial(plan=card_put_back)
def test_a_whole_card_put_back_is_seen_by_the_centre(outcome: Outcome, amend: Callable[[Line], None]) -> None:
    """The centre's watermark tells the unit, which begins anew above it. What it numbered before it heard
    of that is kept twice, and said."""
    if outcome.ledger.kept_twice:
        assert_both_kept(outcome)
        amend(replace(outcome.line, verdict="both reads kept, conflict said"))
    else:
        assert outcome.line.verdict == "holds", outcome.words


@pytest.mark.trial(plan=card_put_back_off_line)
def test_a_whole_card_put_back_off_line_is_seen_by_the_centre(
    outcome: Outcome, amend: Callable[[Line], None]
) -> None:
    assert_both_kept(outcome)
    amend(replace(outcome.line, verdict="both reads kept, conflict said"))


def assert_both_kept(outcome: Outcome) -> None:
    """Every read under a number that was used twice is at the centre, which says what it sees."""
    twice = outcome.ledger.kept_twice
    assert twice, "nothing was used twice: the copy was not older"
    lost = [number for number, hashes in twice.items() if not hashes <= stored_hashes(outcome, number)]
    assert not lost, f"{len(lost)} of {len(twice)} reads under a number used twice are lost: {lost[:5]}"
    assert "number conflict" in outcome.centre_said


def stored_hashes(outcome: Outcome, number: Number) -> set[str]:
    return {row.hash for row in outcome.stored.rows.get(number, [])}
