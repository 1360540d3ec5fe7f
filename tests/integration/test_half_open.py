"""A peer that vanishes without a word, in a network namespace of its own: TCP itself has to notice."""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import SealedRead
from anpr_edge.uplink import link
from tests.integration.conftest import FEED, make_site
from tests.integration.helpers import link_states, make_uplink
from tests.scripted_broker import Script, ScriptedBroker

CLONE_NEWNET = 0x40000000
HERE, THERE = "198.18.7.1", "198.18.7.2"
"""Of the range for benchmarks. Source: RFC 2544, RFC 6890."""

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2, to make a network"
)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


@contextmanager
def far_away() -> Iterator[str]:
    """A network namespace with a link to here; gives its name."""
    name, ours = f"anpr{os.getpid()}", f"anprl{os.getpid()}"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespaces here: {error.stderr.strip()}")
    try:
        ip("link", "add", ours, "type", "veth", "peer", "name", "far0", "netns", name)
        ip("addr", "add", f"{HERE}/30", "dev", ours)
        ip("link", "set", ours, "up")
        ip("-n", name, "addr", "add", f"{THERE}/30", "dev", "far0")
        ip("-n", name, "link", "set", "far0", "up")
        yield name
    finally:
        for words in (("link", "del", ours), ("netns", "del", name)):
            with suppress(subprocess.CalledProcessError):
                ip(*words)


def listening_in(namespace: str) -> socket.socket:
    """A listening socket inside a namespace: a thread that enters it makes the socket and ends."""
    made: list[socket.socket] = []

    def enter() -> None:
        with Path(f"/run/netns/{namespace}").open("rb") as file:
            if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) == 0:
                made.append(socket.create_server((THERE, 0)))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert made, "this thread could not enter the namespace"
    return made[0]


def test_a_peer_that_vanishes_is_noticed_before_the_keep_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "UNHEARD_S", 2.0)
    place = make_site(tmp_path, server_name=THERE)
    with (
        far_away() as namespace,
        closing(ScriptedBroker(place, Script(), listening_in(namespace))) as broker,
        make_uplink(place, host=THERE, port=broker.port, keep_alive_s=600) as uplink,
    ):
        assert link_states(uplink, lambda state: state.connected)
        ip("-n", namespace, "link", "set", "far0", "down")
        began_ns = SystemClock().now().mono_ns
        uplink.publish(SealedRead(FEED, 1, b"sealed"))
        (lost,) = link_states(uplink, lambda state: not state.connected)
        took_s = (SystemClock().now().mono_ns - began_ns) / 1e9
    assert "no answer" in lost.detail or "no route" in lost.detail
    assert took_s < 15, f"{took_s:.0f} s; Linux by itself needs a quarter of an hour"
