"""`scripts/bench uplink`: bytes on the wire for a read, an idle hour and a reconnect; drain rate.

Against a real mosquitto with TLS 1.3 on loopback. Bytes are whole IP packets, by the kernel's count of the
unit's own sockets (docs/uplink-bench.md).
"""

from __future__ import annotations

import random
import statistics
import tempfile
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any, Final

from anpr_edge.cli.output import json_line, progress
from anpr_edge.records import OutboxEntry, SealedRead
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.shaper import Shaper
from scripts.benchmarks.machine import machine
from scripts.benchmarks.seal import READ
from scripts.benchmarks.uplink_rig import FEED, FLEET, UNIT, Rig, running_rig

SCHEMA: Final = 1
READS: Final = 200
SETTLE_S: Final = 0.5
IDLE_S: Final = 21.0
IDLE_KEEP_ALIVE_S: Final = 5
HEALTH_BYTES: Final = 3000
WINDOW: Final = 20
DRAIN_S: Final = 10.0
SHAPED_PER_S: Final = (5.0, 50.0)
RECONNECTS: Final = 5


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `uplink`."""
    parser = commands.add_parser("uplink", help="bytes on the wire, reconnect cost, drain rate")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    result = measure()
    json_line(result) if arguments.json else print(report(result))
    return 0


def measure() -> dict[str, Any]:
    """The whole measurement as one JSON object."""
    blob = _sealed()
    with tempfile.TemporaryDirectory() as folder, running_rig(Path(folder)) as rig:
        parts: dict[str, Any] = {"sealed_read_bytes": len(blob)}
        for number, (name, part) in enumerate(
            (
                ("connect_bytes", _connects),
                ("read_bytes", lambda rig: _reads(rig, blob)),
                ("idle", _idle),
                ("drain", lambda rig: _drains(rig, blob)),
            ),
            1,
        ):
            progress(f"{number}/4 {name}")
            parts[name] = part(rig)
        progress("")
    return {"schema": SCHEMA, "bench": "uplink", "machine": machine(), **parts}


def _sealed() -> bytes:
    """A read with something in every field, for one recipient."""
    key = RecipientPrivateKey.generate()
    sealer = CoseSealer(UnitIdentity(FLEET, UNIT, bytes(16)), SigningKey.generate(), {FEED: [key.public]})
    return sealer.seal(READ, FEED, 2**62, CHAIN_START).blob


def _settled(rig: Rig, uplink: MqttUplink) -> int:
    """Bytes up to now, once the last acknowledgement is in."""
    rig.clock.sleep(SETTLE_S)
    return uplink.wire.total


def _connects(rig: Rig) -> dict[str, int]:
    """A first connection, birth included, and the ones after it."""
    with rig.uplink() as uplink:
        first = before = _settled(rig, uplink)
        again = []
        for _ in range(RECONNECTS):
            _drop(uplink)
            rig.await_link(uplink, connected=False)
            rig.await_link(uplink, connected=True)
            now = _settled(rig, uplink)
            again.append(now - before)
            before = now
    return {"first": first, "resumed": round(statistics.median(again))}


def _drop(uplink: MqttUplink) -> None:
    """End the connection in order, as for a new certificate."""
    connection = uplink._connection
    if connection is not None:
        connection.leave("measuring", "renewing")


def _reads(rig: Rig, blob: bytes) -> dict[str, float]:
    """Reads one at a time, each after the last was answered, and as many at once as may be unanswered."""
    with rig.uplink() as uplink:
        costs = {}
        for name, together in (("alone", 1), ("in a burst", WINDOW)):
            before = _settled(rig, uplink)
            for begin in range(0, READS, together):
                for seq in range(begin, begin + together):
                    uplink.publish(SealedRead(FEED, seq, blob))
                rig.await_deliveries(uplink, together)
            costs[name] = round((_settled(rig, uplink) - before) / READS, 1)
    return costs


def _idle(rig: Rig) -> dict[str, float]:
    """What an idle connection costs: pings, by their interval, and health."""
    with rig.uplink(keep_alive_s=IDLE_KEEP_ALIVE_S) as uplink:
        before = _settled(rig, uplink)
        rig.clock.sleep(IDLE_S)
        pings = IDLE_S // IDLE_KEEP_ALIVE_S
        ping = (uplink.wire.total - before) / pings
        before = _settled(rig, uplink)
        uplink.report_health({"schema": 1, "made_up": "x" * HEALTH_BYTES})
        health = _settled(rig, uplink) - before
    hour = {f"hour_pings_{every_s}_s": round(ping * 3600 / every_s) for every_s in (30, 60, 240)}
    return {"ping": round(ping, 1), **hour, "health": health, "hour_health": health * 60}


def _drains(rig: Rig, blob: bytes) -> dict[str, dict[str, float]]:
    """A backlog that never ends, for some seconds, at each rate and at none."""
    with rig.uplink() as uplink:
        return {
            name: _drain(rig, uplink, blob, per_s)
            for name, per_s in (
                *((f"at {per_s:g}/s", per_s) for per_s in SHAPED_PER_S),
                ("unshaped", 1e9),
            )
        }


def _drain(rig: Rig, uplink: MqttUplink, blob: bytes, per_s: float) -> dict[str, float]:
    """Reads a second, the most in any second, and bytes a second."""
    shaper = Shaper(
        rig.clock, random.Random(1), window=WINDOW, backlog_per_s=per_s, spread_s=0.0, unconfirmed=10**6
    )
    shaper.connected("broker")
    began_ns, moments, before = rig.clock.now().mono_ns, [], uplink.wire.total
    while (now_s := (rig.clock.now().mono_ns - began_ns) / 1e9) < DRAIN_S:
        for _ in range(min(shaper.allowance().backlog, WINDOW - uplink.in_flight)):
            entry = OutboxEntry(SealedRead(FEED, len(moments), blob), 0, 0, live=False)
            shaper.sent(entry)
            uplink.publish(entry.read)
            moments.append(now_s)
        uplink.events(0.001 if per_s > 1e6 else 0.02)
    bytes_per_s = (_settled(rig, uplink) - before) / DRAIN_S
    most = max(sum(start <= one < start + 1 for one in moments) for start in moments[::10])
    return {
        "reads_per_s": round(len(moments) / DRAIN_S, 1),
        "most_in_1_s": most,
        "kilobits_per_s": round(bytes_per_s * 8 / 1e3, 1),
    }


def report(result: dict[str, Any]) -> str:
    """The measurement for a person."""
    where, idle = result["machine"], result["idle"]
    connect, read = result["connect_bytes"], result["read_bytes"]
    lines = [
        f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}; mosquitto on loopback",
        f"a connection: {connect['first']} bytes the first, {connect['resumed']} resumed",
        f"a read of {result['sealed_read_bytes']} bytes sealed: {read['alone']} on the wire alone, "
        f"{read['in a burst']} in a burst of {WINDOW}",
        f"an idle hour: {idle['hour_pings_60_s']} bytes of pings at 60 s, {idle['hour_pings_30_s']} at 30 s, "
        f"{idle['hour_pings_240_s']} at 240 s; {idle['hour_health']} of health",
        f"{'backlog':12}{'reads/s':>10}{'most in 1 s':>14}{'kbit/s':>10}",
    ]
    for name, one in result["drain"].items():
        lines.append(f"{name:12}{one['reads_per_s']:>10}{one['most_in_1_s']:>14}{one['kilobits_per_s']:>10}")
    return "\n".join(lines)
