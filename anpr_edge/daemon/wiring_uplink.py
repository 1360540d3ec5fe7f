"""Builds the uplink from a configuration. It loads neither OpenCV nor a model: it sees ciphertext only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anpr_edge import __version__
from anpr_edge.config import Config
from anpr_edge.daemon.notify import make_notifier
from anpr_edge.daemon.uplinkd import UplinkService
from anpr_edge.daemon.wiring_common import admit_policy, build_counts, build_outbox, build_report
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.statefile import STATE_SCHEMA, read_state
from anpr_edge.unitpolicy import notice, store_of
from anpr_edge.uplink.mqtt import MqttUplink


def build_uplink(config: Config) -> UplinkService:
    """The uplink service as configured.

    Raises: PolicyError, KeyFileError or OutboxError, each naming what to do.
    """
    clock = SystemClock()
    standing, store = admit_policy(config, clock), store_of(config)
    feeds, broker = standing.policy.feeds, config.broker
    uplink = MqttUplink(
        broker.host,
        broker.port,
        fleet=config.unit.fleet,
        unit=config.unit.id,
        feeds=tuple(feed.name for feed in feeds),
        ca_file=broker.ca_file,
        cert_file=broker.cert_file,
        key_file=broker.key_file,
        keep_alive_s=broker.keep_alive_s,
        in_flight=broker.in_flight,
        clock=clock,
        birth={"version": __version__},
        policy=None if store is None else notice(standing, store),
    )
    reader_state = config.unit.run_dir / "reader.json"

    def publish_health(own: Mapping[str, object]) -> bool:
        return uplink.report_health(
            {"schema": STATE_SCHEMA, "uplink": own, "reader": _state_of(reader_state)}
        )

    return UplinkService(
        build_outbox(config, standing.policy, clock),
        uplink,
        clock,
        make_notifier(),
        build_report("uplink", config, clock),
        fleet=config.unit.fleet,
        unit=config.unit.id,
        unit_kid=VerifyKey.load(config.unit.keys_dir / "sign.pub").kid,
        ack_keys={feed.name: VerifyKey.parse(feed.ack_key) for feed in feeds},
        window=broker.in_flight,
        publish_health=publish_health,
        daily=build_counts("uplink", config, clock),
    )


def _state_of(path: Path) -> dict[str, Any] | None:
    """The other service's last state; None when there is none that can be read."""
    try:
        return read_state(path)
    except AnprError:
        return None
