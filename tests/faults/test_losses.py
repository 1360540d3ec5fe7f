"""What cannot be kept is reported as a numbered gap with a cause."""

from __future__ import annotations

import pytest

from tests.faults.outages import outbox_too_small
from tests.faults.trial import Outcome

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.mark.trial(plan=outbox_too_small)
def test_reads_dropped_from_a_full_outbox_are_reported(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words
    assert outcome.line.lost, "nothing was lost: the outbox was not full"
