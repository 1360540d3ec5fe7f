"""Services that run, ended, hang or never started, told apart by their state files."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks.services import CHECK, RESTARTS_CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.statefile import StateFile
from tests.unit.diag.bench import Bench


def say(bench: Bench, process: str, **own: Any) -> None:
    """Write a state file as a running service does."""
    head = {"schema": 1, "process": process, "mono_s": bench.clock.now().mono_ns / 1e9, "uptime_s": 12.0}
    link = {"connected": True, "detail": "connected", "since_s": 3.0}
    state = {**head, "state": "running", "stages": {}, "link": link, **own}
    StateFile(bench.run_dir / f"{process}.json").write(state)


def test_both_run(bench: Bench) -> None:
    say(bench, "reader")
    say(bench, "uplink")
    assert {finding.verdict for finding in bench.find(CHECK).values()} == {Verdict.OK}


def test_neither_has_ever_run(bench: Bench) -> None:
    findings = bench.find(CHECK)
    assert findings["service-reader"].measured == "not running"
    assert findings["service-uplink"].next.startswith("systemctl start anpr-edge-uplink")


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"mono_s": -6.0}, "last sign of life 6 s ago"),
        ({"mono_s": 5000.0}, "before the last boot"),
        ({"state": "finished"}, "came to its end"),
        ({"state": "stopped"}, "stopped as told"),
        ({"state": "failed", "why": "no camera"}, "failed: no camera"),
        ({"state": "starting", "mono_s": -61.0}, "last sign of life 61 s ago"),
        ({"state": "stopping"}, "stopping"),
        ({"stages": {"capture": {"age_s": 9.0, "limit_s": 5.0}}}, "late: capture 9 s (limit 5 s)"),
        ({"outbox_down": True}, "takes no reads"),
        ({"schema": 7}, "not a state file"),
    ],
)
def test_a_reader_that_does_not_work(bench: Bench, own: dict[str, Any], words: str) -> None:
    say(bench, "reader", **own)
    finding = bench.find(CHECK)["service-reader"]
    assert finding.verdict is Verdict.FAIL
    assert words in finding.measured
    assert "anpr-edge" in finding.next


def test_a_reader_that_loads_its_models_is_not_called_dead(bench: Bench) -> None:
    say(bench, "reader", state="starting", mono_s=bench.clock.now().mono_ns / 1e9 - 20)
    finding = bench.find(CHECK)["service-reader"]
    assert finding.verdict is Verdict.WARN
    assert finding.measured == "starting for 20 s"


def test_an_idle_stage_is_not_late(bench: Bench) -> None:
    say(bench, "reader", stages={"gps": {"age_s": None, "limit_s": 5.0}})
    assert bench.find(CHECK)["service-reader"].verdict is Verdict.OK


def test_the_uplink_says_why_it_is_not_connected(bench: Bench) -> None:
    link = {"connected": False, "detail": "the broker says our certificate has expired: renew it"}
    say(bench, "uplink", link=link)
    finding = bench.find(CHECK)["uplink-link"]
    assert finding.verdict is Verdict.FAIL
    assert finding.measured == link["detail"]


def test_a_lost_connection_is_a_failure_once_it_has_lasted(bench: Bench) -> None:
    for since_s, verdict in ((30.0, Verdict.WARN), (60.0, Verdict.FAIL)):
        say(bench, "uplink", link={"connected": False, "detail": "timed out", "since_s": since_s})
        assert bench.find(CHECK)["uplink-link"].verdict is verdict


@pytest.mark.parametrize(
    ("answer", "uptime_s", "verdict"),
    [
        ("NRestarts=0\n", 60.0, Verdict.OK),
        ("NRestarts=2\n", 60.0, Verdict.WARN),
        ("NRestarts=3\n", 60.0, Verdict.FAIL),
        ("NRestarts=3\n", 3601.0, Verdict.OK),
        ("\n", 60.0, Verdict.ABSENT),
    ],
)
def test_services_that_systemd_starts_again(
    bench: Bench, answer: str, uptime_s: float, verdict: Verdict
) -> None:
    bench.pi.answers["systemctl"] = answer
    for process in ("reader", "uplink"):
        say(bench, process, uptime_s=uptime_s)
    assert bench.find(RESTARTS_CHECK)["service-restarts"].verdict is verdict


def test_without_systemd_restarts_are_not_counted(bench: Bench) -> None:
    del bench.pi.answers["systemctl"]
    assert bench.find(RESTARTS_CHECK)["service-restarts"].verdict is Verdict.ABSENT
