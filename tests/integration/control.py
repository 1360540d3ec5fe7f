"""A commander in a test, who may publish what no honest one would."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import Any

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import FLEET, Rig
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message
from tests.integration.conftest import files_in

WITHIN_S = 90.0


def within(goal: str) -> Iterator[None]:
    """Look now and then until the caller breaks out; fails with the `goal` that was not reached in time."""
    clock = SystemClock()
    until_ns = clock.now().mono_ns + round(WITHIN_S * 1e9)
    while clock.now().mono_ns < until_ns:
        yield
        clock.sleep(0.2)
    raise AssertionError(f"not within {WITHIN_S:.0f} s: {goal}")


def order(rig: Rig, *words: str, code: int | None = 0) -> dict[str, Any]:
    """What `anpr-fleet command … --json` says."""
    done = run_fleet(rig, *words, "--json")
    assert code is None or done.returncode == code, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def run_fleet(rig: Rig, *words: str) -> subprocess.CompletedProcess[str]:
    where = ("--fleet", FLEET, "--home", str(rig.control_dir), "--host", rig.listener.address)
    more = ("--port", str(rig.listener.port), "--wait", "40")
    command = [sys.executable, "-m", "anpr_edge.cli.fleet", "command", *words, *where, *more]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


class _Ears:
    """Says when the broker is there, what it answers and what it brings."""

    def __init__(self) -> None:
        self.heard: Queue[bytes] = Queue()
        self.is_up = threading.Event()
        self.answers: Queue[int] = Queue()

    def up(self, _: Limits) -> None:
        self.is_up.set()

    def message(self, message: Message) -> None:
        self.heard.put(message.payload)

    def answered(self, _: int, reason_code: int) -> None:
        self.answers.put(reason_code)

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """It leaves nothing behind."""


def publish(
    rig: Rig,
    topic: str,
    payload: bytes,
    *,
    response_topic: str = "",
    as_whom: Path | None = None,
    retain: bool = False,
) -> int:
    """Publish as the rig's commander, or with the files of somebody else; the broker's reason code."""
    ears, stopping = _Ears(), threading.Event()
    options = LinkOptions(
        rig.listener.address, rig.listener.port, files_in(as_whom or rig.control_dir), "test-commander"
    )
    link = Link(options, ears, SystemClock())
    thread = threading.Thread(target=link.run, args=(stopping,))
    thread.start()
    try:
        assert ears.is_up.wait(20)
        link.publish(
            topic, payload, content_type="application/cose", response_topic=response_topic, retain=retain
        )
        return ears.answers.get(timeout=20)
    finally:
        stopping.set()
        thread.join(10)


def kept(rig: Rig, topic: str) -> dict[str, Any]:
    """What the broker keeps on a topic that the rig's centre may read."""
    ears, stopping = _Ears(), threading.Event()
    options = LinkOptions(rig.listener.address, rig.listener.port, files_in(rig.centre_dir), "test-reader")
    link = Link(options, ears, SystemClock())
    thread = threading.Thread(target=link.run, args=(stopping,))
    thread.start()
    try:
        assert ears.is_up.wait(20)
        link.subscribe([topic])
        said: dict[str, Any] = json.loads(ears.heard.get(timeout=20))
        return said
    finally:
        stopping.set()
        thread.join(10)
