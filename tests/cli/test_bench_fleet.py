"""`scripts/bench fleet --quick`: a dozen units through every phase, on a real broker with a real centre."""

from __future__ import annotations

import json
from argparse import ArgumentParser

import pytest

from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto
from scripts.benchmarks import fleet
from scripts.benchmarks.fleet_table import show

pytestmark = pytest.mark.broker


def test_a_dozen_units_lose_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    result = fleet.measure([fleet.QUICK])
    (run,) = result["runs"]
    plan = fleet.QUICK
    assert run["reads"]["lost"] == run["reads"]["never_made"] == run["reads"]["stored_twice"] == 0
    assert run["reads"]["made"] == run["reads"]["stored"] + run["reads"]["waiting"]
    assert run["reads"]["made"] > plan.units * plan.backlog_reads
    assert run["backlog"]["kept"] >= plan.units * plan.backlog_reads
    assert run["delay"]["backlog"]["reads"] > 0
    assert {"steady", "peak", "drain"} <= run["delay"].keys()
    assert 0 < run["delay"]["steady"]["p50_s"] <= run["delay"]["steady"]["p95_s"]
    for phase in ("connect", "drain"):
        assert run["phases"][phase]["connects"]["connected"] == plan.units
    for role in ("broker", "centre", "units"):
        assert run["phases"]["drain"][role]["resident_mb"] > 5
    assert run["units_say"]["watermarks_refused"] == 0
    assert run["units_say"]["failed_connections"] > 0  # there was an outage
    assert json.loads(json.dumps(result)) == result
    show(result)
    assert result["machine"]["processor"] in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--units=0", "--minutes=0", "--scale=0", "--store=tape"])
def test_a_wrong_number_is_a_wrong_call(option: str) -> None:
    parser = ArgumentParser()
    fleet.add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["fleet", option])
    assert ended.value.code == 2
