"""The uplink's threads: a broker that stalls makes none of them late, and one that really hangs is named."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.threads import LINK_S
from anpr_edge.daemon.watchdog import Watchdog
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import Instant
from anpr_edge.uplink.link import CONNECT_WITHIN_S, LinkOptions
from anpr_edge.uplink.probe import Probe
from tests.integration.conftest import HOST, UNIT, Site, make_site
from tests.integration.helpers import within
from tests.integration.service import serving
from tests.stopped_thread import Feedings, stopped, thread_named

TIMES = 60
SERVER_HELLO = bytes.fromhex("160303040002000400")
"""The first bytes of a handshake record of 1 kB. Source: RFC 8446 §5.1."""


class FastClock(SystemClock):
    """Its seconds are a sixtieth of the world's."""

    def now(self) -> Instant:
        now = super().now()
        return Instant(now.utc_ns, now.mono_ns * TIMES, now.utc_error_ms)


@contextmanager
def broker_that_drips(over: threading.Event) -> Iterator[int]:
    """Answers every handshake with a byte a second until it is `over`: never an end, never a silence."""

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            for byte in SERVER_HELLO + bytes(1000):
                connection.sendall(bytes([byte]))
                if over.wait(1.0):
                    return

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server((HOST, 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        over.set()
        server.shutdown(socket.SHUT_RDWR)


def test_a_broker_that_stalls_in_the_handshake_is_given_up_and_no_thread_is_late(tmp_path: Path) -> None:
    site, oldest_s, began_s, over = make_site(tmp_path), 0.0, time.monotonic(), threading.Event()
    with broker_that_drips(over) as port, serving(site, tmp_path, port=port) as service:
        for _ in within("the handshake is given up"):
            state = service.state
            oldest_s = max(oldest_s, (state.get("stages", {}).get("link") or {}).get("age_s") or 0.0)
            if "timed out" in state.get("link", {}).get("detail", ""):
                break
            time.sleep(0.1)
        over.set()
    assert time.monotonic() - began_s < 2 * CONNECT_WITHIN_S + 5
    assert oldest_s < CONNECT_WITHIN_S + 5


def test_a_connection_that_hangs_is_named_in_its_period_and_the_watchdog_goes_hungry(tmp_path: Path) -> None:
    site, fed, clock = make_site(tmp_path), Feedings(), FastClock()
    with serving(site, tmp_path, port=site.port, clock=clock, notifier=fed) as service:
        for _ in within("the service is at work"):
            if fed.count:
                break
        with stopped(thread_named("link")):
            began_s = time.monotonic()
            for _ in within("it is late"):
                stage = service.state["stages"]["link"]
                if stage["age_s"] > stage["limit_s"]:
                    break
                time.sleep(0.02)
            lasted_s = (time.monotonic() - began_s) * TIMES
            before = fed.count
            time.sleep(0.5)
            assert fed.count == before
        for _ in within("it is on time again"):
            if fed.count > before:
                break
    assert lasted_s <= LINK_S + 3 * TIMES


def test_a_look_at_another_broker_that_hangs_is_told(tmp_path: Path) -> None:
    clock, over = FastClock(), threading.Event()
    watchdog = Watchdog("uplink", clock, NullNotifier())
    with broker_that_drips(over) as port:
        options = options_of(make_site(tmp_path), port)
        Probe(options, clock, partial(watchdog.helpers.doing, "probe")).start()
        with stopped(thread_named("probe")):
            for _ in within("it is late"):
                if [age.stage for age in watchdog.helpers.late()] == ["probe"]:
                    break
                time.sleep(0.02)
        over.set()
        for _ in within("it has ended, and nothing is expected of it"):
            if watchdog.helpers.state()["probe"]["age_s"] is None:
                break
            time.sleep(0.02)


def options_of(site: Site, port: int) -> LinkOptions:
    return LinkOptions(HOST, port, site.credentials(UNIT), client_id="unit")
