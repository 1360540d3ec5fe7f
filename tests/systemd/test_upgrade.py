"""Today's services start on what release 0.1.0 left: they deliver every read of it, and forget nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.systemd import machine

HERE = Path(__file__).parent
DATA = HERE.parent / "databases/release_0_1_0"
MISSING = machine.missing()
FIRST_OLD, LAST_OLD = 3349857799, 3349857824

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"booting a machine needs {MISSING}"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe found inside one boot."""
    take_over = (HERE / "take_over.py").read_text()
    folder = tmp_path_factory.mktemp("boot")
    return machine.boot(folder, HERE / "probe_upgrade.py", machine.PROVISION + take_over, data=DATA)


def test_every_old_read_is_stored_by_the_centre_and_confirmed(facts: dict[str, Any]) -> None:
    assert facts["confirmed"], facts["journal"]
    old = [seq for seq in facts["stored"] if seq <= LAST_OLD]
    assert old == list(range(FIRST_OLD, LAST_OLD + 1))
    assert facts["refused"] == ""


def test_nothing_is_given_up_and_the_outbox_is_the_same_one(facts: dict[str, Any]) -> None:
    assert (facts["drops"], facts["rebuilds"]) == ([], [0, 0])
    never_given_out = [first_last for first_last in facts["losses"] if first_last[1] < FIRST_OLD]
    assert facts["losses"] == never_given_out


def test_new_reads_go_on_where_the_old_ones_ended(facts: dict[str, Any]) -> None:
    assert facts["reads"], facts["journal"]
    assert facts["last_seq"] > LAST_OLD


def test_both_services_started_at_the_first_try(facts: dict[str, Any]) -> None:
    assert (facts["reader_restarts"], facts["uplink_restarts"]) == ("0", "0")


def test_the_last_good_policy_and_its_trace_are_kept(facts: dict[str, Any]) -> None:
    assert (facts["policy"]["version"], facts["policy"]["refused"]) == (2, "")
    assert facts["audit"] == 0


def test_counts_and_commands_are_kept(facts: dict[str, Any]) -> None:
    for kept, file in (("hours", "hours.json"), ("days", "counts-reader.json")):
        old = json.loads((DATA / file).read_text())[kept]
        assert {name: facts[kept].get(name) for name in old} == old
    assert [row[:2] for row in facts["commands"]] == [["reader", 5], ["uplink", 7]]
