"""The services' threads as one table: what each does, how long it may be silent, and what follows then."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Late(StrEnum):
    """What follows when a thread's work gives no sign of life for longer than its period."""

    SUPERVISOR = "doctor says that the service does not run; systemd restarts it after `WatchdogSec=`"
    RESTARTED = "doctor `service-…`; systemd restarts the service"
    TOLD = "doctor `service-helpers`; the service goes on"
    LEFT = "it is left behind, with a line in the log; the service ends"


@dataclass(frozen=True, slots=True)
class ServiceThread:
    """One thread of a running service, by the name that `threading` knows it by.

    `idle` says that it is there only now and then; nothing is expected of it meanwhile.
    """

    process: str
    name: str
    work: str
    period_s: float
    late: Late
    idle: bool = False


STALL_MARGIN_S: Final = 5.0
"""A source has this long to say itself that it has stalled, which explains more than a watchdog does."""

USUAL_STALL_S: Final = 5.0
"""The default of `camera.stall_after_s`."""

LINK_S: Final = 120.0
"""A name server may take 30 s (resolv.conf(5): 5 s, twice, three of them), each of eight addresses that say
nothing 10 s, and the handshake 10 s more."""

POLICY_WATCH_S: Final = 40.0
"""It looks every 10 s; a card's worst fsync may hold it up for 30 s."""

THREADS: Final = (
    ServiceThread("reader", "MainThread", "supervises, writes `reader.json`", 5.0, Late.SUPERVISOR),
    ServiceThread("reader", "capture", "frames", USUAL_STALL_S + STALL_MARGIN_S, Late.RESTARTED),
    ServiceThread("reader", "infer", "frames to reads", 10.0, Late.RESTARTED),
    ServiceThread("reader", "commit", "reads into the outbox", 30.0, Late.RESTARTED),
    ServiceThread("reader", "policy-watch", "looks for a newer policy", POLICY_WATCH_S, Late.RESTARTED, True),
    ServiceThread("reader", "gps", "listens to the receiver", 10.0, Late.TOLD, True),
    ServiceThread("reader", "lamp-board", "talks with the lamp board", 10.0, Late.TOLD, True),
    ServiceThread("reader", "view", "compares the view, every 5 minutes", 60.0, Late.TOLD, True),
    ServiceThread("reader", "camera-close", "lets the camera go, at the end", 5.0, Late.LEFT, True),
    ServiceThread("uplink", "MainThread", "outbox to link, writes `uplink.json`", 5.0, Late.SUPERVISOR),
    ServiceThread("uplink", "link", "the connection to the broker", LINK_S, Late.RESTARTED),
    ServiceThread("uplink", "policy-watch", "looks for a newer policy", POLICY_WATCH_S, Late.RESTARTED, True),
    ServiceThread("uplink", "probe", "asks if the first broker is back", LINK_S, Late.TOLD, True),
    ServiceThread("uplink", "fetch", "fetches an ordered update", LINK_S, Late.TOLD, True),
)


def periods_s(process: str, late: Late) -> dict[str, float]:
    """How long each of a service's threads may be silent, of those with this consequence."""
    return {
        thread.name: thread.period_s
        for thread in THREADS
        if thread.process == process and thread.late is late
    }


def idle_threads(process: str) -> frozenset[str]:
    """The threads of a service that may not be there."""
    return frozenset(thread.name for thread in THREADS if thread.process == process and thread.idle)


def table() -> str:
    """The table of docs/diagnostics.md."""
    rows = (
        f"| {one.process} | `{one.name}` | {one.work} | {one.period_s:.0f} s | {one.late} |"
        for one in THREADS
    )
    return "\n".join(["| service | thread | work | period | late |", "|---|---|---|---|---|", *rows])
