"""What a unit does with each thing a broker may say, against a broker that says it on demand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anpr_edge.fleet.broker import ACCESS_FILE
from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink.brokers import Address
from tests.integration.centre import Centre
from tests.integration.conftest import HOST, Site, make_site
from tests.integration.helpers import link_states, make_uplink, within
from tests.integration.service import Service, serving
from tests.scripted_broker import (
    MAXIMUM_PACKET_SIZE,
    MAXIMUM_QOS,
    RECEIVE_MAXIMUM,
    RETAIN_AVAILABLE,
    Goodbye,
    Published,
    Script,
    by_feed,
    number,
    reference,
    scripted,
)

NO_ANSWER_YET: Any = None


@pytest.fixture
def place(tmp_path: Path) -> Site:
    """Certificates; the test brings its own broker."""
    return make_site(tmp_path)


def await_sent(service: Service, feed: str, count: int) -> None:
    for _ in within(f"{count} reads of {feed} are sent"):
        if service.counts(feed)[1] >= count:
            return


def await_state(service: Service, part: str, wanted: Any) -> dict[str, Any]:
    for _ in within(f"{part} is told"):
        if wanted(service.state.get(part)):
            return service.state
    raise AssertionError


def test_a_feed_the_broker_does_not_let_us_write_is_held_and_the_others_go_on(
    place: Site, tmp_path: Path
) -> None:
    script = Script(answer=by_feed({"police": 0x87}))
    with (
        scripted(place, script) as broker,
        serving(place, tmp_path, port=broker.port, feeds=("access", "police")) as service,
    ):
        service.keep(*[100] * 50, feed="police")
        service.keep(*[100] * 50, feed="access")
        await_sent(service, "access", 50)
        state = await_state(service, "shaping", lambda shaping: shaping and shaping["held"])
        refused = sum(read.feed == "police" for read in broker.heard.reads)
        assert service.counts("police") == (50, 0)
    assert state["shaping"]["held"]["police"]["reason_code"] == 0x87
    assert state["link"]["connected"]
    assert 1 <= refused <= 20, "only what was under way when the first was refused"


@pytest.mark.broker
def test_a_feed_that_mosquittos_access_list_forbids_ends_one_connection_and_is_held(
    site: Site, tmp_path: Path
) -> None:
    access = site.config.with_name(ACCESS_FILE)
    access.write_text(access.read_text().replace("%u/reads/+", "%u/reads/access"))
    centre = Centre(tmp_path / "reads.jsonl")
    with (
        site.broker(),
        centre.subscribed(site, SigningKey.generate().public) as subscriber,
        serving(site, tmp_path, port=site.port, feeds=("access", "police")) as service,
    ):
        centre.await_connection(subscriber)
        service.keep(*[100] * 5, feed="police")
        await_state(service, "shaping", lambda shaping: shaping and shaping["held"])
        service.keep(*[100] * 20, feed="access")
        await_sent(service, "access", 20)
        assert service.counts("police") == (5, 0)
        assert service.state["refused"] == 1


def test_after_quota_exceeded_it_pauses_and_then_sends_all(
    place: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anpr_edge.outbox.delivery.FIRST_RETRY_NS", 10**8)
    given: list[Published] = []

    def answer(published: Published) -> int:
        if not published.feed:
            return 0
        given.append(published)
        return 0x97 if len(given) <= 1 else 0

    with (
        scripted(place, Script(answer=answer)) as broker,
        serving(place, tmp_path, port=broker.port) as service,
    ):
        service.keep(100)
        state = await_state(service, "shaping", lambda shaping: shaping and shaping["paused_s"] > 0)
        service.keep(*[100] * 30)
        assert state["shaping"]["unanswered_limit"] == 10
        assert len(given) == 1, "nothing goes out while it pauses"
        await_sent(service, "access", 31)


def test_a_read_too_large_for_the_broker_is_set_aside_with_its_number_and_the_queue_goes_on(
    place: Site, tmp_path: Path
) -> None:
    script = Script(properties=number(MAXIMUM_PACKET_SIZE, 5000))
    with scripted(place, script) as broker, serving(place, tmp_path, port=broker.port) as service:
        small, large, last = service.keep(100, 6000, 100)
        await_sent(service, "access", 2)
        state = await_state(service, "set_aside", lambda count: count == 1)
        stats = service.outbox.stats()["access"]
        assert (small, large, last) == (1, 2, 3)
        assert (stats.waiting, stats.sent, stats.dropped) == (1, 2, {})
    assert state["set_aside_last"] == [{"feed": "access", "seq": large}]
    assert all(read.size <= 5000 for read in broker.heard.reads)


def test_a_read_that_just_fits_the_brokers_packet_size_goes(place: Site, tmp_path: Path) -> None:
    with scripted(place) as broker, serving(place, tmp_path, port=broker.port) as service:
        service.keep(4000)
        await_sent(service, "access", 1)
        size = broker.heard.reads[0].size
    script = Script(properties=number(MAXIMUM_PACKET_SIZE, size))
    (tmp_path / "again").mkdir()
    with scripted(place, script) as broker, serving(place, tmp_path / "again", port=broker.port) as service:
        service.keep(4000, 4001)
        await_sent(service, "access", 1)
        await_state(service, "set_aside", lambda count: count == 1)
        assert [len(read.payload) for read in broker.heard.reads] == [4000]


def test_a_broker_that_hangs_up_over_a_packets_size_is_understood(place: Site, tmp_path: Path) -> None:
    script = Script(answer=lambda published: Goodbye(0x95) if published.size > 3000 else 0)
    with scripted(place, script) as broker, serving(place, tmp_path, port=broker.port) as service:
        numbers = service.keep(100, 3500, 100, 200)
        await_sent(service, "access", 3)
        state = await_state(service, "set_aside", lambda count: count == 1)
    assert state["set_aside_last"] == [{"feed": "access", "seq": numbers[1]}]
    assert state["link"]["last_cause"] == "packet-too-large"


def test_a_client_the_broker_does_not_take_is_a_condition_of_its_own(place: Site, tmp_path: Path) -> None:
    with (
        scripted(place, Script(connack=0x87)) as broker,
        serving(place, tmp_path, port=broker.port) as service,
    ):
        state = await_state(service, "link", lambda link: link and link["cause"])
    assert state["link"]["cause"] == "not-authorised"


def test_another_unit_with_our_identity_is_a_condition_of_its_own_and_no_quarrel(
    place: Site, tmp_path: Path
) -> None:
    with (
        scripted(place, Script(after_connack=Goodbye(0x8E))) as broker,
        serving(place, tmp_path, port=broker.port) as service,
    ):
        state = await_state(service, "link", lambda link: link and link["cause"])
        assert state["link"]["cause"] == "taken-over"
        service.uplink.events(1.0)
        assert len(broker.heard.connects) == 1, "it stays away for a minute or more"


def test_a_broker_of_qos_0_alone_gets_no_read(place: Site, tmp_path: Path) -> None:
    script = Script(properties=number(MAXIMUM_QOS, 0))
    with scripted(place, script) as broker, serving(place, tmp_path, port=broker.port) as service:
        service.keep(100)
        state = await_state(service, "link", lambda link: link and link["cause"])
        assert not broker.heard.published
    assert state["link"]["cause"] == "qos-not-supported"


@pytest.mark.parametrize("says_so", ["by a property", "by refusing the will"])
def test_a_broker_that_keeps_nothing_gets_nothing_to_keep(place: Site, tmp_path: Path, says_so: str) -> None:
    with scripted(place) as broker:
        if says_so == "by a property":
            broker.script = Script(properties=number(RETAIN_AVAILABLE, 0))
        else:
            broker.script = Script(connack=0x9A)
        with serving(place, tmp_path, port=broker.port) as service:
            for _ in within("it has met the broker"):
                if broker.heard.connects:
                    break
            if says_so == "by refusing the will":
                await_state(
                    service, "link", lambda link: link and link["last_cause"] == "retain-not-supported"
                )
                broker.script = Script()
            service.keep(100)
            await_sent(service, "access", 1)
    assert broker.heard.published
    assert not any(one.retain for one in broker.heard.published)


@pytest.mark.parametrize("code", [0x9C, 0x9D])
@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_broker_that_names_another_is_followed(place: Site, tmp_path: Path, code: int, when: str) -> None:
    with scripted(place) as other, scripted(place) as first:
        there = reference(f"{HOST}:{other.port}")
        first.script = (
            Script(connack=code, properties=there)
            if when == "at once"
            else Script(after_connack=Goodbye(code, there))
        )
        with serving(place, tmp_path, port=first.port) as service:
            service.keep(100)
            await_sent(service, "access", 1)
            assert service.uplink.state()["broker"] == {
                "address": f"{HOST}:{other.port}",
                "preferred": f"{HOST}:{first.port if code == 0x9C else other.port}",
                "on_standby": code == 0x9C,
                "failovers": 0,
            }
        assert [read.feed for read in other.heard.reads] == ["access"]


def test_brokers_that_send_us_in_a_circle_are_not_followed_for_ever(place: Site) -> None:
    with scripted(place) as first, scripted(place) as other:
        first.script = Script(connack=0x9C, properties=reference(f"{HOST}:{other.port}"))
        other.script = Script(connack=0x9C, properties=reference(f"{HOST}:{first.port}"))
        with make_uplink(place, port=first.port) as uplink:
            link_states(uplink, lambda state: "Use another server" in state.detail)
            for _ in within("it has gone round"):
                if len(other.heard.connects) >= 2:
                    break
            other.script = Script()
            assert link_states(uplink, lambda state: state.connected or "refuses" in state.detail)


@pytest.mark.parametrize(
    "script",
    [
        Script(connack=0x87),
        Script(connack=0x88),
        Script(suback=0x87),
        Script(answer=by_feed({"access": 0x87})),
        Script(answer=by_feed({"access": Goodbye(None)})),
        Script(after_connack=Goodbye(0x8B)),
    ],
    ids=[
        "no CONNECT",
        "unavailable",
        "no SUBSCRIBE",
        "no PUBLISH",
        "hangs up over a publish",
        "shutting down",
    ],
)
def test_a_broker_that_refuses_is_left_for_the_standby(place: Site, tmp_path: Path, script: Script) -> None:
    with (
        scripted(place, script) as first,
        scripted(place) as standby,
        serving(place, tmp_path, port=first.port, standbys=[Address(HOST, standby.port)]) as service,
    ):
        service.keep(*[100] * 5)
        await_sent(service, "access", 5)
        assert service.uplink.state()["broker"]["on_standby"]  # type: ignore[index]
    assert len(standby.heard.reads) == 5


def test_receive_maximum_is_kept_to(place: Site, tmp_path: Path) -> None:
    script = Script(
        properties=number(RECEIVE_MAXIMUM, 6), answer=lambda one: NO_ANSWER_YET if one.feed else 0
    )
    with scripted(place, script) as broker, serving(place, tmp_path, port=broker.port) as service:
        service.keep(*[100] * 20)
        for _ in within("it has sent what it may"):
            if len(broker.heard.reads) >= 3:
                break
        service.uplink._clock.sleep(0.5)
        assert len(broker.heard.reads) == 3, "three are left for status, health and a reply"
