"""fleet.toml: what a whole fleet has in common. See docs/fleet.md."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from anpr_edge.fleet.settings import VIEW, checked_settings
from anpr_edge.fleet.tomltable import Table
from anpr_edge.fleet.unitrecord import name_text
from anpr_edge.seal.wire_values import Wrong
from anpr_edge.uplink import clientnames, topics

DEFAULT_PORT: Final = 8883
CA_KEY_FILE: Final = "ca.key"
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")


@dataclass(frozen=True, slots=True)
class BrokerPlace:
    """Where a broker is reached."""

    host: str
    port: int = DEFAULT_PORT

    def table(self) -> dict[str, Any]:
        """As a unit's configuration has it."""
        return {"host": self.host, "port": self.port}


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """What fleet.toml says; `consumers` are centres with their feeds, `feeds` what units have as [feeds]."""

    fleet: str
    broker: BrokerPlace | None = None
    standby: Mapping[str, BrokerPlace] = field(default_factory=dict)
    policy_file: str = ""
    feeds: Mapping[str, Any] = field(default_factory=dict)
    consumers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    commanders: tuple[str, ...] = ()
    watchers: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ca_key: str = CA_KEY_FILE
    enrollers: tuple[str, ...] = ()
    enrol_port: int | None = None

    @property
    def clients(self) -> frozenset[str]:
        """Names that are not a unit's: the broker knows units and these apart by name alone."""
        return frozenset((*self.consumers, *self.commanders, *self.watchers, *self.enrollers))

    @property
    def brokers(self) -> tuple[BrokerPlace, ...]:
        """Every broker of the fleet, the first one first."""
        return (self.broker, *self.standby.values()) if self.broker else ()


def parse_fleet(data: Mapping[str, Any]) -> FleetPlan:
    """What a parsed fleet.toml says. Raises: Wrong, with the key's path."""
    whole = Table(data, "")
    broker, policy = whole.section("broker"), whole.section("policy")
    access, authority = whole.section("access"), whole.section("authority")
    enrolment = whole.section("enrolment")
    standby = {
        whole.convert("broker", name_text, name): _place(table)
        for name, table in broker.sections("standby").items()
    }
    plan = FleetPlan(
        fleet=whole.convert("fleet", name_text, whole.take("fleet", str)),
        broker=_place(broker) if "broker" in data else None,
        standby=standby,
        policy_file=policy.take("file", str, ""),
        feeds=whole.take("feeds", dict, {}),
        consumers=_consumers(whole),
        commanders=access.convert("commanders", _client_names, access.texts("commanders")),
        watchers=access.convert("watchers", _client_names, access.texts("watchers")),
        settings=whole.convert("settings", checked_settings, whole.take("settings", dict, {})),
        ca_key=authority.take("key", str, CA_KEY_FILE),
        enrollers=access.convert("enrollers", _client_names, access.texts("enrollers")),
        enrol_port=enrolment.convert("port", _port, enrolment.take("port", int))
        if "enrolment" in data
        else None,
    )
    for table in (whole, policy, access, authority, enrolment):
        table.end()
    if VIEW in plan.settings:
        raise Wrong(
            f"settings.{VIEW}: areas belong to one pole: write them into units/UNIT.toml, the unit's file"
        )
    if plan.feeds and plan.policy_file:
        raise Wrong("policy.file: [feeds] is given too; units have feeds of their own or a policy, not both")
    return plan


def _place(table: Table) -> BrokerPlace:
    place = BrokerPlace(
        table.convert("host", _host, table.take("host", str)),
        table.convert("port", _port, table.take("port", int, DEFAULT_PORT)),
    )
    table.end()
    return place


def _consumers(whole: Table) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, table in sorted(whole.sections("consumers").items()):
        whole.convert("consumers", _client_names, (name,))
        found[name] = table.convert("feeds", _feed_names, table.texts("feeds"))
        if not found[name]:
            raise Wrong(f"{table.at('feeds')}: missing; who reads no feed is one of access.watchers")
        table.end()
    return found


def _client_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not clientnames.is_client_name(name):
            raise Wrong(f"{name!r} is no client's name; {clientnames.NAME_HINT}")
    return tuple(sorted(set(names)))


def _feed_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not topics.is_name(name):
            raise Wrong(f"{name!r} is no name; {topics.NAME_HINT}")
    return tuple(sorted(set(names)))


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise Wrong(f"{text!r} is no host name or address alone, without scheme or port")
    return text


def _port(value: int) -> int:
    if not 1 <= value <= 65_535:
        raise Wrong(f"{value} is not a port from 1 to 65535")
    return value
