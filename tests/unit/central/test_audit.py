"""An auditor without any private key sees what was removed, replaced or forged."""

from __future__ import annotations

import pytest

from anpr_edge.central.audit import Audit
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.sealed_reads import SealingUnit

RECIPIENT = RecipientPrivateKey.generate().public


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(RECIPIENT)


def test_an_unbroken_chain_passes(unit: SealingUnit) -> None:
    audit = Audit(unit.units)
    findings = [audit.check(blob) for blob in unit.seal(3)]
    assert all(found.ok for found in findings)
    assert [found.name for found in findings] == [f"testfleet/unit-0001/access#{seq}" for seq in (1, 2, 3)]


def test_any_changed_byte_fails(unit: SealingUnit) -> None:
    (blob,) = unit.seal()
    audit = Audit(unit.units)
    for at in range(0, len(blob), 7):
        assert not audit.check(blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]).ok, f"byte {at}"
    assert audit.check(blob).ok


def test_a_replaced_read_fails(unit: SealingUnit) -> None:
    audit = Audit(unit.units)
    first, _, third = unit.seal(3)
    unit.restart_at(2)
    (another_second,) = unit.seal()
    found = [audit.check(blob) for blob in (first, another_second, third)]
    assert [one.ok for one in found] == [True, False, False]


def test_a_chain_that_begins_anew_passes_and_is_told(unit: SealingUnit) -> None:
    audit = Audit(unit.units)
    (first,) = unit.seal()
    unit.restart_at(1_000_002)
    (anew,) = unit.seal()
    assert "new chain" not in audit.check(first).words
    found = audit.check(anew)
    assert found.ok
    assert "begins a new chain" in found.words


def test_the_same_read_twice_passes_and_is_told(unit: SealingUnit) -> None:
    audit = Audit(unit.units)
    (blob,) = unit.seal()
    audit.check(blob)
    found = audit.check(blob)
    assert found.ok
    assert "twice" in found.words
