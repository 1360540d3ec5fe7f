"""Builds the uplink from a configuration. It loads neither OpenCV nor a model: it sees ciphertext only."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from anpr_edge.config import Config
from anpr_edge.daemon.birth import birth
from anpr_edge.daemon.commandreply import Voice
from anpr_edge.daemon.draining import Draining
from anpr_edge.daemon.notify import make_notifier
from anpr_edge.daemon.traffic import LINK, Traffic
from anpr_edge.daemon.unithealth import Board, System, UnitHealth
from anpr_edge.daemon.updating import Updating
from anpr_edge.daemon.uplinkacts import UplinkActs
from anpr_edge.daemon.uplinkd import UplinkService
from anpr_edge.daemon.uplinkdesk import UplinkDesk
from anpr_edge.daemon.wiring_common import (
    admit_policy,
    build_counts,
    build_judge,
    build_outbox,
    build_report,
    groups_of,
    identity_of,
)
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UpdateError, UplinkError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.policystore import Standing
from anpr_edge.seal.certificates import read_certificate
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.replies import ReplySigner
from anpr_edge.seams import Clock
from anpr_edge.unitpolicy import notice, store_of
from anpr_edge.update.layout import Layout, load_layout
from anpr_edge.update.versions import running_version
from anpr_edge.uplink import topics
from anpr_edge.uplink.brokers import Address, Failover
from anpr_edge.uplink.fetch import Server
from anpr_edge.uplink.mqtt import MqttUplink
from anpr_edge.uplink.shaper import Shaper
from anpr_edge.uplink.tls import Credentials

log = logging.getLogger(__name__)


def build_uplink(config: Config, file: Path | None = None) -> UplinkService:
    """The uplink service as configured, in `file` when that can be loaded again.

    Raises: PolicyError, KeyFileError or OutboxError, each naming what to do.
    """
    clock = SystemClock()
    standing = admit_policy(config, clock)
    verify_key = VerifyKey.load(config.unit.keys_dir / "sign.pub")
    uplink = build_connection(config, standing, verify_key, clock)
    layout = usual_layout()
    limit_mb = config.uplink.daily_megabytes
    limit_bytes = None if limit_mb is None else round(limit_mb * 1e6)
    traffic = Traffic(build_counts(LINK, config, clock), limit_bytes)
    health = UnitHealth(
        config.unit.fleet,
        config.unit.id,
        clock,
        reader_file=config.unit.run_dir / "reader.json",
        ask_board=lambda: Board.asked(config.unit.state_dir),
        ask_system=lambda: System.asked(layout, config.unit.state_dir / "update"),
    )
    outbox = build_outbox(config, standing.policy, clock)
    updating = build_updating(config, layout, traffic, clock)
    service = UplinkService(
        outbox,
        uplink,
        clock,
        make_notifier(),
        build_report("uplink", config, clock),
        fleet=config.unit.fleet,
        unit=config.unit.id,
        unit_kid=verify_key.kid,
        ack_keys={feed.name: VerifyKey.parse(feed.ack_key) for feed in standing.policy.feeds},
        shaper=build_shaper(config, clock, traffic),
        traffic=traffic,
        wire=lambda: uplink.wire + updating.wire,
        link_state=lambda: {**uplink.state(), "update": updating.state()},
        publish_health=lambda own: uplink.report_health(health.document(own)),
        daily=build_counts("uplink", config, clock),
        commands=build_desk(config, file, outbox, uplink, clock, updating=updating),
    )
    watchdog = service.watchdog
    uplink.report_life(partial(watchdog.stages.beat, "link"), partial(watchdog.helpers.doing, "probe"))
    updating.report_life(partial(watchdog.helpers.doing, "fetch"), partial(watchdog.helpers.beat, "fetch"))
    return service


def build_connection(config: Config, standing: Standing, verify_key: VerifyKey, clock: Clock) -> MqttUplink:
    """The unit's connection to its broker, as configured; it tells of itself and its policy."""
    broker, store = config.broker, store_of(config)
    return MqttUplink(
        broker.host,
        broker.port,
        fleet=config.unit.fleet,
        unit=config.unit.id,
        feeds=tuple(feed.name for feed in standing.policy.feeds),
        ca_file=broker.ca_file,
        cert_file=broker.cert_file,
        key_file=broker.key_file,
        keep_alive_s=broker.keep_alive_s,
        in_flight=broker.in_flight,
        session_expiry_s=broker.session_expiry_s,
        standbys=[Address(one.host, one.port) for one in broker.standby.values()],
        failover=Failover(broker.failover_after, broker.failover_after_s, broker.return_after_s),
        examine=examiner(config.unit.id, clock),
        clock=clock,
        birth=birth(config.models.directory, standing, verify_key, groups_of(config)),
        policy=None if store is None else notice(standing, store),
    )


def usual_layout() -> Layout:
    """Where the image keeps its slots, as far as that can be told."""
    try:
        return load_layout()
    except UpdateError as error:
        log.error("%s", error)
        return Layout()


def build_updating(config: Config, layout: Layout, traffic: Traffic, clock: Clock) -> Updating:
    """Takes ordered updates, as configured."""
    update, broker = config.update, config.broker
    papers = Credentials(broker.ca_file, broker.cert_file, broker.key_file)
    return Updating(
        config.unit.state_dir / "update" / "incoming",
        identity_of(config),
        None if update.host is None else Server(update.host, update.port, papers),
        clock,
        kilobytes_per_s=update.kilobytes_per_s,
        may_fetch=traffic.has_room_for_updates,
        running=running_version(layout.release_file),
    )


def build_shaper(config: Config, clock: Clock, traffic: Traffic) -> Shaper:
    """Says what may go out now, as configured."""
    return Shaper(
        clock,
        random.Random(),
        window=config.broker.in_flight,
        backlog_per_s=config.uplink.backlog_per_s,
        spread_s=config.uplink.backlog_spread_s,
        unconfirmed=config.uplink.backlog_unconfirmed,
        thrifty=traffic.is_nearly_spent,
    )


def examiner(unit: str, clock: Clock) -> Callable[[Credentials], int]:
    """Says until when a certificate counts, UTC in ns.

    What it gives raises UplinkError for one of another unit or authority, or out of date, and KeyFileError
    for what is none.
    """

    def examine(files: Credentials) -> int:
        certificate, authority = read_certificate(files.cert_file), read_certificate(files.ca_file)
        start_ns, end_ns = (
            round(when.timestamp()) * 10**9 for when in (certificate.not_before, certificate.not_after)
        )
        trouble = ""
        if certificate.common_name != unit:
            trouble = f"is for {certificate.common_name}, not for {unit}"
        elif not certificate.is_issued_by(authority):
            trouble = f"was not issued by {files.ca_file}"
        elif not start_ns <= clock.now().utc_ns < end_ns:
            trouble = (
                f"is good from {certificate.not_before:%Y-%m-%d} to {certificate.not_after:%Y-%m-%d} only"
            )
        if trouble:
            raise UplinkError(f"{files.cert_file} {trouble}", hint="have the fleet issue this unit's anew")
        return end_ns

    return examine


def build_desk(
    config: Config,
    file: Path | None,
    outbox: SqliteOutbox,
    uplink: MqttUplink,
    clock: Clock,
    *,
    updating: Updating,
) -> UplinkDesk | None:
    """Where commands come in; None, said in the log, when nothing can be remembered of them."""
    judging = build_judge("uplink", config, clock)
    if judging is None:
        return None
    unit = config.unit
    acts = UplinkActs(config, file, clock)
    desk = UplinkDesk(
        Voice(unit.fleet, unit.id, "uplink", clock),
        *judging,
        clock,
        acts=acts.by_name(),
        draining=Draining(outbox, clock),
        updating=updating,
        own_reply=lambda name: topics.reply(unit.fleet, unit.id, name),
        reader_runs=acts.reader_runs,
        send=_replying(config, uplink),
    )
    acts.want_health, acts.end = desk.want_health, desk.end_soon
    return desk


def _replying(config: Config, uplink: MqttUplink) -> Callable[[str, bytes, Mapping[str, Any]], bool]:
    """Signs and publishes a reply. The key is read each time: a new certificate counts without a restart."""

    def send(name: str, correlation: bytes, document: Mapping[str, Any]) -> bool:
        signer = ReplySigner(config.broker.key_file, config.broker.cert_file)
        return uplink.reply(name, signer.reply(document), correlation)

    return send
