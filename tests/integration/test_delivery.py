"""From a sealed read in the outbox to a stored read and an empty outbox, over a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anpr_edge.central.intake import Verdict
from anpr_edge.errors import Refusal
from anpr_edge.fleet.broker import ACCESS_FILE
from tests.integration.centre import Centre
from tests.integration.conftest import FEED, FLEET, Site
from tests.integration.helpers import make_uplink, within
from tests.integration.unit import RoadsideUnit

pytestmark = pytest.mark.broker


@pytest.fixture
def centre(tmp_path: Path) -> Centre:
    return Centre(tmp_path / "reads.jsonl")


@pytest.fixture
def unit(tmp_path: Path, centre: Centre) -> RoadsideUnit:
    return RoadsideUnit(tmp_path, centre.key.public, centre.ack_key.public)


def test_reads_are_stored_and_then_forgotten_by_the_unit(
    broker: Site, centre: Centre, unit: RoadsideUnit
) -> None:
    unit.see(*range(1, 41))
    with centre.subscribed(broker, unit.signing_key.public) as subscriber, make_uplink(broker) as uplink:
        centre.await_connection(subscriber)
        for _ in within("the outbox is empty"):
            unit.turn(uplink)
            centre.turn(subscriber)
            if unit.kept == 0:
                break
    assert sorted(centre.plates) == [f"TE{number:05d}" for number in range(1, 41)]
    stored = [json.loads(line) for line in centre.store_path.read_text().splitlines()]
    assert are_consecutive([line["seq"] for line in stored], 40)


def test_nothing_is_sent_while_nobody_subscribes(broker: Site, unit: RoadsideUnit) -> None:
    unit.see(1)
    with make_uplink(broker) as uplink:
        for _ in within("the broker has answered"):
            unit.turn(uplink)
            if unit.refused:
                break
    assert unit.waiting == 1


def are_consecutive(numbers: list[int], count: int) -> bool:
    """Whether these are `count` numbers without a hole, wherever the feed began to count."""
    return sorted(numbers) == list(range(min(numbers), min(numbers) + count))


def test_the_broker_keeps_reads_while_the_centre_is_away(
    broker: Site, centre: Centre, unit: RoadsideUnit
) -> None:
    with centre.subscribed(broker, unit.signing_key.public) as subscriber:
        centre.await_connection(subscriber)
    unit.see(*range(1, 11))
    with make_uplink(broker) as uplink:
        for _ in within("all are with the broker"):
            unit.turn(uplink)
            if unit.waiting == 0:
                break
    assert unit.kept == 10, "forgotten before any centre had them"
    with centre.subscribed(broker, unit.signing_key.public) as subscriber:
        for _ in within("ten reads have come"):
            centre.turn(subscriber)
            if len(centre.plates) == 10:
                break
    with make_uplink(broker) as uplink:  # the watermark was left for the unit, retained
        for _ in within("the outbox is empty"):
            unit.turn(uplink)
            if unit.kept == 0:
                break


def test_a_killed_broker_loses_nothing(site: Site, centre: Centre, unit: RoadsideUnit) -> None:
    seen = 0
    with centre.subscribed(site, unit.signing_key.public) as subscriber, make_uplink(site) as uplink:
        for round_ in range(3):
            with site.broker() as process:
                centre.await_connection(subscriber)
                for _ in within(f"reads arrive in round {round_}"):
                    seen += 1
                    unit.see(seen)
                    unit.turn(uplink)
                    centre.turn(subscriber)
                    if len(set(centre.plates)) >= 20 * (round_ + 1):
                        break
                process.kill()
                process.wait()
            unit.see(seen + 1, seen + 2)
            seen += 2
        with site.broker():
            centre.await_connection(subscriber)
            seen += 1
            unit.see(seen)  # shows the centre what was lost before it
            for _ in within("the outbox is empty"):
                unit.turn(uplink)
                centre.turn(subscriber)
                if unit.kept == 0:
                    break
    new = [outcome for outcome in centre.outcomes if outcome.verdict is Verdict.NEW]
    assert len(new) == seen
    assert sorted(centre.plates) == [f"TE{number:05d}" for number in range(1, seen + 1)]


def test_reads_that_are_lost_for_good_are_told_and_hold_up_nothing(
    broker: Site, centre: Centre, unit: RoadsideUnit
) -> None:
    unit.see(1, 2)
    unit.lose(7)
    unit.see(3)
    with centre.subscribed(broker, unit.signing_key.public) as subscriber, make_uplink(broker) as uplink:
        centre.await_connection(subscriber)
        for _ in within("the outbox is empty"):
            unit.turn(uplink)
            centre.turn(subscriber)
            if unit.kept == 0:
                break
    assert sorted(centre.plates) == ["TE00001", "TE00002", "TE00003"]
    (told,) = [outcome for outcome in centre.outcomes if outcome.verdict is Verdict.LOSSES]
    first = min(outcome.link.seq for outcome in centre.outcomes if outcome.link) + 2
    assert told.words == f"no read will come for the numbers {first} to {first + 6} (no-outbox)"
    refused = Path(f"{centre.store_path}.refused").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in refused] == ["loss-report"]


def test_a_restarted_centre_takes_nothing_twice(broker: Site, centre: Centre, unit: RoadsideUnit) -> None:
    for numbers in (range(1, 11), range(11, 21)):
        unit.see(*numbers)
        with centre.subscribed(broker, unit.signing_key.public) as subscriber, make_uplink(broker) as uplink:
            centre.await_connection(subscriber)
            for _ in within("the outbox is empty"):
                unit.turn(uplink)
                centre.turn(subscriber)
                if unit.kept == 0:
                    break
    stored = [json.loads(line)["seq"] for line in centre.store_path.read_text().splitlines()]
    assert are_consecutive(stored, 20)


def test_a_read_by_an_unknown_key_is_refused_and_the_next_ones_are_taken(
    broker: Site, centre: Centre, unit: RoadsideUnit, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = RoadsideUnit(tmp_path / "other", centre.key.public, centre.ack_key.public)
    other.see(1)
    unit.see(1)
    with centre.subscribed(broker, unit.signing_key.public) as subscriber:
        centre.await_connection(subscriber)
        for count, sender in enumerate((other, unit), 1):
            with make_uplink(broker) as uplink:
                for _ in within(f"{count} reads have come"):
                    sender.turn(uplink)
                    centre.turn(subscriber)
                    if len(centre.outcomes) == count:
                        break
    assert [outcome.verdict for outcome in centre.outcomes] == [Verdict.REFUSED, Verdict.NEW]
    assert centre.outcomes[0].kind is Refusal.SIGNATURE
    assert centre.store_path.with_name("reads.jsonl.refused").read_text().count("\n") == 1


def test_a_centre_that_may_not_acknowledge_is_told_so(site: Site, centre: Centre, unit: RoadsideUnit) -> None:
    access = site.config.with_name(ACCESS_FILE)
    access.write_text(access.read_text().replace(f"topic readwrite anpr/v1/{FLEET}/+/ack/{FEED}", ""))
    unit.see(1)
    with (
        site.broker(),
        centre.subscribed(site, unit.signing_key.public) as subscriber,
        make_uplink(site) as uplink,
    ):
        centre.await_connection(subscriber)
        for _ in within("the refusal is told"):
            unit.turn(uplink)
            centre.turn(subscriber)
            if any("refuses watermarks" in state.detail for state in centre.link_states):
                break
    assert centre.plates == ["TE00001"]
    assert unit.kept == 1
