"""Reads in Kafka, over librdkafka's own made-up cluster: keys, topics, brokers that are away."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.central.dedupe import FeedKey
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.places import open_archive, open_store
from anpr_edge.errors import ConfigError, StoreUnavailable, UsageError
from anpr_edge.fleet.broker import free_port
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.contract.stores import KafkaBench
from tests.fakes import FakeClock
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


@pytest.fixture
def bench(kafka_brokers: str, tmp_path: Path) -> KafkaBench:
    return KafkaBench(kafka_brokers, tmp_path)


def intake_of(unit: SealingUnit, bench: KafkaBench) -> Intake:
    return Intake(Opener(unit.units, KEY), bench.open(), FakeClock())


def test_one_units_reads_have_one_key_and_stay_in_order(bench: KafkaBench, unit: SealingUnit) -> None:
    intake_of(unit, bench).take([(unit.topic, blob) for blob in unit.seal(20)])
    messages = bench.messages(f"{bench.prefix}.{FEED}")
    assert {key for key, _ in messages} == {f"{unit.unit}/{FEED}"}
    assert [json.loads(value)["seq"] for _, value in messages] == list(range(1, 21))


def test_what_is_refused_goes_to_a_topic_of_its_own(bench: KafkaBench, unit: SealingUnit) -> None:
    intake_of(unit, bench).take([(unit.topic, b"junk")])
    ((key, value),) = bench.messages(f"{bench.prefix}.refused")
    assert (key, json.loads(value)["kind"]) == (unit.topic, "malformed")


def test_a_process_killed_before_its_ledger_was_kept_sends_again_with_the_same_hash(
    bench: KafkaBench, unit: SealingUnit
) -> None:
    """At least once: Kafka and the ledger are not one transaction. Here the ledger is put back as it was."""
    message = (unit.topic, unit.seal()[0])
    with closing(bench.open()):
        before = bench.ledger.read_bytes()
    with closing(bench.open()) as store:
        Intake(Opener(unit.units, KEY), store, FakeClock()).take([message])
    bench.ledger.write_bytes(before)
    assert intake_of(unit, bench).take([message])[0].verdict is Verdict.NEW
    first, second = bench.kept()
    assert first["hash"] == second["hash"]


def test_brokers_that_are_away_are_named_and_nothing_counts(tmp_path: Path, unit: SealingUnit) -> None:
    bench = KafkaBench(f"127.0.0.1:{free_port()}", tmp_path)
    (blob,) = unit.seal()
    with closing(bench.open(send_within_s=1.0)) as store:
        intake = Intake(Opener(unit.units, KEY), store, FakeClock())
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1") as caught:
                intake.take([(unit.topic, blob)])
        assert "are the brokers up" in caught.value.hint
        assert PLATE not in str(caught.value)
        assert dict(store.ledgers()) == {}


def test_two_processes_ledger_is_one(bench: KafkaBench, unit: SealingUnit) -> None:
    one, other = intake_of(unit, bench), intake_of(unit, bench)
    first, second, third = unit.seal(3)
    one.take([(unit.topic, first), (unit.topic, third)])
    assert [outcome.verdict for outcome in other.take([(unit.topic, first), (unit.topic, second)])] == [
        Verdict.REPEAT,
        Verdict.NEW,
    ]
    key = FeedKey(FLEET, unit.unit, FEED, unit.key.kid)
    assert [each.ledger(key).watermark(0) for each in (one, other)] == [(3, ()), (3, ())]


def test_settings_come_from_a_file(kafka_brokers: str, tmp_path: Path) -> None:
    config = tmp_path / "kafka.properties"
    config.write_text("# ours\nclient.id=centre\n")
    place = f"kafka://{kafka_brokers}/anpr?ledger={tmp_path / 'ledger.db'}&config={config}"
    open_store(place).close()
    config.write_text("no.such.setting=1\n")
    with pytest.raises(ConfigError, match=r"no\.such\.setting"):
        open_store(place)
    config.write_text("client.id\n")
    with pytest.raises(ConfigError, match="properties:1: must be NAME=VALUE"):
        open_store(place)


@pytest.mark.parametrize(
    "place", ["kafka://b:9092/anpr", "kafka:///anpr?ledger=x", "kafka://b:1/a?ledger=x&y=z"]
)
def test_a_place_that_cannot_be_is_a_wrong_call(place: str) -> None:
    with pytest.raises(UsageError, match="must be kafka://"):
        open_store(place)


def test_nothing_is_read_back_from_kafka() -> None:
    with pytest.raises(UsageError, match="nothing is read back"):
        open_archive("kafka://b:9092/anpr?ledger=x")
