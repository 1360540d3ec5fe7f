"""What the uplink says of itself, turned into findings."""

from __future__ import annotations

from typing import Any

import pytest

from anpr_edge.diag.checks.uplink import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.statefile import StateFile
from tests.unit.diag.bench import Bench

WELL: dict[str, Any] = {
    "link": {"connected": True, "detail": "connected", "since_s": 3.0, "cause": "", "last_cause": "lost"},
    "broker": {
        "address": "a.example:8883",
        "preferred": "a.example:8883",
        "on_standby": False,
        "failovers": 0,
    },
    "certificate": {"until": "2028-11-26T00:00:00+00:00", "days_left": 700.0, "renewals": 1, "trouble": ""},
    "shaping": {"held": {}, "paused_s": 0.0, "unanswered_limit": 20, "backlog": "going"},
    "traffic": {"today_bytes": 1_000_000, "limit_bytes": 10_000_000, "budget": "free"},
    "set_aside": 0,
    "set_aside_last": [],
}


def say(bench: Bench, **changed: Any) -> None:
    state = {"schema": 1, "process": "uplink", "state": "running", **WELL}
    for part, change in changed.items():
        state[part] = {**state[part], **change} if isinstance(change, dict) else change
    StateFile(bench.run_dir / "uplink.json").write(state)


def test_all_is_well(bench: Bench) -> None:
    say(bench)
    findings = bench.find(CHECK)
    assert len(findings) == len(CHECK.conditions)
    assert {finding.verdict for finding in findings.values()} == {Verdict.OK}


def test_a_state_of_an_earlier_version_says_little_and_breaks_nothing(bench: Bench) -> None:
    StateFile(bench.run_dir / "uplink.json").write({"schema": 1, "process": "uplink", "state": "running"})
    assert {finding.verdict for finding in bench.find(CHECK).values()} == {Verdict.OK}


@pytest.mark.parametrize(
    ("changed", "code", "verdict", "words"),
    [
        (
            {"broker": {"address": "b.example:8883", "on_standby": True, "failovers": 3}},
            "uplink-broker",
            Verdict.WARN,
            "b.example:8883, after 3 changes",
        ),
        (
            {"link": {"connected": False, "cause": "not-authorised", "detail": "the broker refuses us"}},
            "uplink-accepted",
            Verdict.FAIL,
            "the broker refuses us",
        ),
        ({"link": {"cause": "qos-not-supported"}}, "uplink-accepted", Verdict.FAIL, "qos-not-supported"),
        ({"link": {"cause": "taken-over"}}, "uplink-identity", Verdict.FAIL, "another client"),
        ({"link": {"last_cause": "taken-over"}}, "uplink-identity", Verdict.FAIL, "another client"),
        (
            {"shaping": {"held": {"police": {"reason_code": 135, "for_s": 600.0, "again_in_s": 3.0}}}},
            "uplink-feeds",
            Verdict.FAIL,
            "police refused (MQTT reason 135) for 10 min",
        ),
        (
            {"set_aside": 2, "set_aside_last": [{"feed": "access", "seq": 7}]},
            "uplink-size",
            Verdict.FAIL,
            "2 set aside, last access#7",
        ),
        (
            {"certificate": {"trouble": "tls.crt: no"}},
            "uplink-certificate",
            Verdict.FAIL,
            "tls.crt: no; in use",
        ),
        ({"traffic": {"budget": "saving"}}, "uplink-budget", Verdict.WARN, "the backlog waits"),
        ({"traffic": {"budget": "spent"}}, "uplink-budget", Verdict.FAIL, "only live reads go"),
    ],
)
def test_each_trouble_is_named_with_what_to_do(
    bench: Bench, changed: dict[str, Any], code: str, verdict: Verdict, words: str
) -> None:
    say(bench, **changed)
    finding = bench.find(CHECK)[code]
    assert finding.verdict is verdict
    assert words in finding.measured
    assert finding.next
