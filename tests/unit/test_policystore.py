"""A unit takes the policies it may take, keeps the last good one, and writes down which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.errors import PolicyError
from anpr_edge.policystore import PolicyStore
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.policy.signed import sign_policy
from tests.unit.seal.policies import CHARGING, DAY_S, KEY, NOW_S, POLICY
from tests.vectors.keys import signer

NOW_NS = NOW_S * 10**9
FIRST = replace(POLICY, feeds=(CHARGING,))
NEXT = replace(POLICY, version=4)


@dataclass
class Unit:
    """A unit's policy store, and whoever leaves policies for it."""

    store: PolicyStore

    def offer(self, policy: Policy, key: SigningKey = KEY) -> None:
        self.store.file.write_bytes(sign_policy(policy, key))

    def events(self) -> list[str]:
        return [entry["event"] for entry in read_audit(self.store.audit_log).entries]


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    offered = tmp_path / "etc" / "policy.cose"
    offered.parent.mkdir()
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    return Unit(PolicyStore(state_dir, offered, KEY.public, "testfleet", "unit-0001"))


def test_a_first_policy_is_taken_and_entered_with_everything_it_says(unit: Unit) -> None:
    unit.offer(FIRST)
    standing = unit.store.admit(NOW_NS)
    assert (standing.policy, standing.refused) == (FIRST, "")
    (entry,) = read_audit(unit.store.audit_log).entries
    assert (entry["event"], entry["version"], entry["replaces"]) == ("policy-accepted", 3, None)
    assert (entry["sha256"], entry["reason"]) == (standing.sha256, "a test")
    assert "feed charging: purpose: road user charging" in entry["changes"]


def test_a_second_start_takes_the_same_policy_and_enters_nothing(unit: Unit) -> None:
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    assert unit.store.admit(NOW_NS + 10**9).refused == ""
    assert unit.events() == ["policy-accepted"]


def test_a_higher_version_follows_and_its_changes_are_entered(unit: Unit) -> None:
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    unit.offer(NEXT)
    assert unit.store.admit(NOW_NS).policy == NEXT
    entry = read_audit(unit.store.audit_log).entries[-1]
    assert (entry["version"], entry["replaces"]) == (4, 3)
    assert "feed police: new" in entry["changes"]


REFUSALS: dict[str, tuple[Callable[[Unit], object], str]] = {
    "unsigned": (lambda unit: unit.store.file.write_bytes(b"[policy]"), "the policy: "),
    "signed by somebody else": (lambda unit: unit.offer(NEXT, signer("somebody")), "not signed by"),
    "another fleet's": (lambda unit: unit.offer(replace(NEXT, fleet="paris")), "not for unit"),
    "another unit's": (lambda unit: unit.offer(replace(NEXT, units=("x",), groups=())), "not for unit"),
    "expired": (lambda unit: unit.offer(replace(NEXT, until_utc_s=NOW_S)), "policy 4 expired at 2026-09-21"),
    "not valid yet": (lambda unit: unit.offer(replace(NEXT, from_utc_s=NOW_S + 1)), "not valid before"),
    "gone": (lambda unit: unit.store.file.unlink(missing_ok=True), "no policy: No such file"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_the_last_good_one_stays_and_the_refusal_is_entered_once(unit: Unit, case: str) -> None:
    offer, words = REFUSALS[case]
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    offer(unit)
    for _ in range(2):
        standing = unit.store.admit(NOW_NS)
        assert standing.policy == FIRST
        assert words in standing.refused
    assert unit.events() == ["policy-accepted", "policy-refused"]
    assert words in read_audit(unit.store.audit_log).entries[-1]["why"]


@pytest.mark.parametrize("case", REFUSALS)
def test_without_a_good_one_the_refusal_is_raised(unit: Unit, case: str) -> None:
    offer, words = REFUSALS[case]
    offer(unit)
    with pytest.raises(PolicyError, match=words):
        unit.store.admit(NOW_NS)
    assert unit.events() == ["policy-refused"]


def test_an_older_policy_is_refused_even_after_a_restart(unit: Unit) -> None:
    unit.offer(NEXT)
    unit.store.admit(NOW_NS)
    unit.offer(FIRST)
    standing = unit.store.admit(NOW_NS)
    assert standing.policy == NEXT
    assert standing.refused == "policy 3 is older than policy 4, the last good one"


def test_a_version_says_one_thing_only(unit: Unit) -> None:
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    unit.offer(POLICY)
    standing = unit.store.admit(NOW_NS)
    assert standing.policy == FIRST
    assert standing.refused == "policy 3 is here with other content"


def test_an_expired_policy_stays_the_last_good_one_and_is_called_expired(unit: Unit) -> None:
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    later_ns = NOW_NS + 31 * DAY_S * 10**9
    standing = unit.store.admit(later_ns)
    assert "expired" in standing.refused
    assert not standing.policy.is_valid(later_ns)


def test_a_last_good_one_that_was_tampered_with_counts_for_nothing(unit: Unit) -> None:
    unit.offer(FIRST)
    unit.store.admit(NOW_NS)
    kept = unit.store.state_dir / "policy.cose"
    kept.write_bytes(kept.read_bytes()[:-1] + b"\0")
    assert unit.store.last_good() is None


def test_a_group_that_the_unit_counts_itself_to(unit: Unit) -> None:
    unit.offer(replace(FIRST, units=(), groups=("inner",)))
    with pytest.raises(PolicyError, match="not for unit"):
        unit.store.admit(NOW_NS)
    store = replace(unit.store, groups=("inner",))
    assert store.admit(NOW_NS).policy.groups == ("inner",)
