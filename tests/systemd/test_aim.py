"""The aim page under a real systemd: the reader makes room for it, and comes back whatever happens to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.systemd import machine

MISSING = machine.missing()

pytestmark = [
    pytest.mark.skipif(bool(MISSING), reason=f"booting a machine needs {MISSING}"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the probe found inside one boot."""
    return machine.boot(tmp_path_factory.mktemp("boot"), Path(__file__).parent / "probe_aim.py")


@pytest.mark.parametrize("how", ["terminate", "kill"])
def test_the_reader_is_stopped_for_the_page_and_comes_back(facts: dict[str, Any], how: str) -> None:
    page = facts[how]
    assert page["before"]
    assert page["told"]["reader_paused"] is True
    assert page["during"] in ("inactive", "deactivating")
    assert page["after"]


def test_a_reader_that_was_stopped_by_hand_stays_stopped(facts: dict[str, Any]) -> None:
    assert facts["stopped before"]["told"]["reader_paused"] is False
    assert facts["stopped before"]["after"] == "inactive"


def test_the_audit_log_tells_when_nothing_was_read(facts: dict[str, Any]) -> None:
    events = [(one["event"], one.get("reader_paused")) for one in facts["events"]]
    assert events == [
        ("aim-begun", True),
        ("aim-ended", None),
        ("aim-begun", True),  # killed: its end is the reader's next start in the journal
        ("aim-begun", False),
        ("aim-ended", None),
    ]
    assert facts["log mode"] == "0o660"
