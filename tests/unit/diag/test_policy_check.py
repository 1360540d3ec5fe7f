"""The doctor's view of a policy: in force, offered, traced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.diag.checks.policy import CHECK
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.policystore import PolicyStore
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.policy.signed import sign_policy
from anpr_edge.unitpolicy import store_of
from tests.unit.diag.bench import UNIT, Bench
from tests.unit.seal.policies import CHARGING, DAY_S, KEY, POLICY


class PolicyBench:
    """A bench whose unit takes its feeds from a signed policy."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        text = bench.config.read_text()
        start, end = text.index("[feeds.access]"), text.index("[broker]")
        section = f'[policy]\nfile = "policy.cose"\nkey = "{KEY.public.text}"\n\n'
        bench.config.write_text(text[:start] + section + text[end:])
        now_s = bench.clock.now().utc_ns // 10**9
        self.policy = replace(
            POLICY,
            units=(UNIT,),
            groups=(),
            feeds=(CHARGING,),
            from_utc_s=now_s - DAY_S,
            until_utc_s=now_s + 30 * DAY_S,
        )
        self.file: Path = bench.directory / "policy.cose"

    def offer(self, policy: Policy) -> None:
        self.file.write_bytes(sign_policy(policy, KEY))

    @property
    def store(self) -> PolicyStore:
        from anpr_edge.config import load_config

        store = store_of(load_config(self.bench.config))
        assert store is not None
        return store

    def take(self, policy: Policy) -> None:
        self.offer(policy)
        self.store.admit(self.bench.clock.now().utc_ns)

    def find(self) -> dict[str, Finding]:
        return self.bench.find(CHECK)


@pytest.fixture
def unit(bench: Bench) -> PolicyBench:
    return PolicyBench(bench)


def verdicts(found: dict[str, Finding]) -> dict[str, Verdict]:
    return {code: finding.verdict for code, finding in found.items()}


def test_feeds_of_the_configurations_own_are_well(bench: Bench) -> None:
    found = bench.find(CHECK)
    assert set(verdicts(found).values()) == {Verdict.OK}
    assert "no signed policy" in found["policy"].measured


def test_a_policy_that_was_taken_is_well(unit: PolicyBench) -> None:
    unit.take(unit.policy)
    found = unit.find()
    assert verdicts(found) == dict.fromkeys(("policy", "policy-offered", "policy-trace"), Verdict.OK)
    assert found["policy"].measured.startswith("policy 3, feeds charging, until ")


def test_none_taken_yet(unit: PolicyBench) -> None:
    found = unit.find()
    assert found["policy"].verdict is Verdict.FAIL
    assert "anpr-edge policy load" in found["policy"].next


def test_one_that_ends_soon_and_one_that_has_ended(unit: PolicyBench) -> None:
    unit.take(unit.policy)
    unit.bench.clock.advance(20 * DAY_S)
    assert unit.find()["policy"].verdict is Verdict.WARN
    unit.bench.clock.advance(10 * DAY_S)
    found = unit.find()["policy"]
    assert found.verdict is Verdict.FAIL
    assert "not valid now" in found.measured


def test_a_refused_file_beside_a_good_policy(unit: PolicyBench) -> None:
    unit.take(unit.policy)
    unit.offer(replace(unit.policy, version=2))
    found = unit.find()
    assert found["policy"].verdict is Verdict.OK
    assert found["policy-offered"].verdict is Verdict.FAIL
    assert "older than policy 3" in found["policy-offered"].measured


def test_a_good_file_that_waits_for_a_restart(unit: PolicyBench) -> None:
    unit.take(unit.policy)
    unit.offer(replace(unit.policy, version=4))
    found = unit.find()["policy-offered"]
    assert found.verdict is Verdict.WARN
    assert "take it within 10 seconds" in found.next


def test_a_trace_that_was_meddled_with_and_one_that_is_gone(unit: PolicyBench) -> None:
    unit.take(unit.policy)
    log = unit.store.audit_log
    log.write_text(log.read_text().replace('"previous":"0', '"previous":"1'))
    assert unit.find()["policy-trace"].verdict is Verdict.FAIL
    log.unlink()
    assert unit.find()["policy-trace"].verdict is Verdict.FAIL
