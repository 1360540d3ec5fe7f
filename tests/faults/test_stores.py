"""The centre's other stores, killed in the middle of their work."""

from __future__ import annotations

import pytest

from tests.faults.outages import postgres_killed, sqlite_crashed
from tests.faults.trial import Outcome

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.mark.trial(plan=sqlite_crashed)
def test_a_crashed_sqlite_store_loses_no_committed_read(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words


@pytest.mark.trial(plan=postgres_killed)
def test_a_killed_postgresql_loses_no_committed_read(outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", outcome.words
