"""Trials side by side, and the report of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from _pytest.terminal import TerminalReporter

from tests.faults.lanes import Lanes
from tests.faults.report import Line, table
from tests.faults.trial import Outcome, Plan

lines_key = pytest.StashKey[dict[str, Line]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "trial(plan): looks at how this plan went, a function that gives it")
    config.stash[lines_key] = {}


@pytest.fixture(scope="session")
def lanes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lanes]:
    """Every trial that this run asks for, begun side by side."""
    plans = [plan for item in request.session.items if (plan := plan_of(item)) and not plan.lacking]
    tmp_path_factory.getbasetemp()  # made at its first use, and not ready for two lanes at once
    lanes = Lanes(plans, tmp_path_factory)
    yield lanes
    lanes.close()


@pytest.fixture
def outcome(request: pytest.FixtureRequest, lanes: Lanes) -> Outcome:
    """How this test's trial went; its line goes into the report."""
    plan = plan_of(request.node)
    assert plan is not None
    if plan.lacking:
        pytest.skip(plan.lacking)
    outcome = lanes.outcome(plan)
    request.config.stash[lines_key][plan.name] = outcome.line
    return outcome


@pytest.fixture
def amend(request: pytest.FixtureRequest) -> Callable[[Line], None]:
    """Puts another line of the same name into the report."""

    def put(line: Line) -> None:
        request.config.stash[lines_key][line.fault] = line

    return put


def plan_of(item: pytest.Item) -> Plan | None:
    """The trial that a test looks at, if it does."""
    marker = item.get_closest_marker("trial")
    return marker.kwargs["plan"]() if marker else None


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """The report: one line a fault."""
    lines = terminalreporter.config.stash[lines_key].values()
    if lines:
        terminalreporter.section("faults")
        for line in table(list(lines)):
            terminalreporter.write_line(line)
