"""Brokers that take a connection and then say too little: given up after a stated time."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.records import Instant, LinkState, SealedRead
from anpr_edge.uplink.connection import Connection, Event, Speaker
from anpr_edge.uplink.link import LinkOptions
from tests.fakes import FakeClock
from tests.integration.conftest import FEED, FLEET, HOST, UNIT, Site, make_site
from tests.integration.helpers import within

CONNACK = bytes.fromhex("2003000000")
"""Accepted, no properties. Source: MQTT 5.0 §3.2."""


class LeapingClock(FakeClock):
    """Runs `leap_s` ahead each time somebody looks."""

    leap_s = 0.0

    def now(self) -> Instant:
        self.advance(self.leap_s)
        return super().now()


@pytest.fixture
def place(tmp_path: Path) -> Site:
    """Certificates and a port; the test brings its own broker."""
    return make_site(tmp_path)


@contextmanager
def broker_that_says(site: Site, greeting: bytes) -> Iterator[LinkOptions]:
    """Listens with TLS, answers the first packet with `greeting` and then only listens."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(site.listener.cert_file, site.listener.key_file)
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            with context.wrap_socket(plain, server_side=True) as tls:
                tls.recv(4096)
                tls.sendall(greeting)
                while tls.recv(4096):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        yield LinkOptions(HOST, port, site.credentials(UNIT), client_id="unit", keep_alive_s=0)
        thread.join(5.0)


def connect(options: LinkOptions, clock: FakeClock, heed: Callable[[Event], None] = lambda _: None) -> str:
    """Run one connection until it ends; gives its last word."""
    connection = Connection(options, Speaker(FLEET, UNIT, (FEED,)), clock, heed)
    return connection.link.run(threading.Event())


def test_one_that_never_accepts_is_given_up(place: Site) -> None:
    clock = LeapingClock()
    clock.leap_s = 1.0
    with broker_that_says(place, b"") as options:
        assert "has not answered for 15 s" in connect(options, clock)


def test_one_that_never_answers_a_publish_is_given_up(place: Site) -> None:
    clock = LeapingClock()
    happened: list[Event] = []

    with broker_that_says(place, CONNACK) as options:
        connection = Connection(options, Speaker(FLEET, UNIT, (FEED,)), clock, happened.append)
        ended: list[str] = []
        serving = threading.Thread(target=lambda: ended.append(connection.link.run(threading.Event())))
        serving.start()
        for _ in within("the read is with the broker"):
            if connection.publish(SealedRead(FEED, 1, b"sealed")):
                break
        clock.leap_s = 10.0
        serving.join()
    assert "has not answered a publish for 45 s" in ended[0]
    assert [type(event) for event in happened] == [LinkState], "an unanswered publish is no delivery"


def test_one_that_takes_few_unanswered_has_room_for_status_and_health(place: Site) -> None:
    takes_three = bytes.fromhex("2006000003210003")
    clock = LeapingClock()
    with broker_that_says(place, takes_three) as options:
        connection = Connection(options, Speaker(FLEET, UNIT, (FEED,)), clock, lambda _: None)

        def serve() -> None:
            connection.link.run(threading.Event())
            connection.close()

        serving = threading.Thread(target=serve)
        serving.start()
        for _ in within("the read is with the broker"):
            if connection.publish(SealedRead(FEED, 1, b"sealed")):
                break
        clock.leap_s = 10.0
        assert not connection.publish(SealedRead(FEED, 2, b"sealed")), "it waits until the connection ends"
        serving.join()


def test_one_that_answers_no_ping_is_given_up(place: Site) -> None:
    with broker_that_says(place, CONNACK) as options:
        assert "no sign of life for 1 s" in connect(replace(options, keep_alive_s=1), FakeClock())


def test_one_that_refuses_the_client_is_quoted(place: Site) -> None:
    with broker_that_says(place, bytes.fromhex("2003008700")) as options:
        assert "the broker refuses us: Not authorized" in connect(options, FakeClock())


def test_one_that_refuses_a_subscription_is_quoted(place: Site) -> None:
    suback = bytes.fromhex("900400010087")
    with broker_that_says(place, CONNACK + suback) as options:
        assert "the broker refuses our subscription: Not authorized" in connect(options, FakeClock())


def test_one_that_sends_us_away_is_quoted_and_explained(place: Site) -> None:
    taken_over = bytes.fromhex("e0028e00")
    with broker_that_says(place, CONNACK + taken_over) as options:
        said = connect(options, FakeClock())
    assert "the broker closed the connection: Session taken over" in said
    assert "another client uses our name and certificate" in said


def test_a_topic_that_is_no_text_is_passed_over(place: Site) -> None:
    spoilt = bytes.fromhex("30050002ff8000")
    happened: list[Event] = []
    with broker_that_says(place, CONNACK + spoilt + bytes.fromhex("e0028e00")) as options:
        connect(options, FakeClock(), happened.append)
    assert [type(event) for event in happened] == [LinkState]


def test_a_port_that_speaks_something_else_is_named_as_such(place: Site) -> None:
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            with plain:
                plain.recv(4096)
                plain.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        port = server.getsockname()[1]
        options = LinkOptions(HOST, port, place.credentials(UNIT), client_id="unit")
        assert "does not speak TLS" in connect(options, FakeClock())


@pytest.mark.parametrize("host", ["", "a..b", "x" * 64 + ".example"])
def test_a_name_that_cannot_be_one_is_an_answer_not_a_crash(place: Site, host: str) -> None:
    options = LinkOptions(host, 8883, place.credentials(UNIT), client_id="unit")
    assert connect(options, FakeClock()).startswith(f"{host}:8883: ")
