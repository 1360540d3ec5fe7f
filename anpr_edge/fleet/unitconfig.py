"""A unit's configuration file, made of what the fleet folder says, and checked as the unit will check it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from anpr_edge.config.load import inspect_text
from anpr_edge.errors import ConfigError
from anpr_edge.fleet.fleetfile import FleetPlan
from anpr_edge.fleet.settings import joined
from anpr_edge.fleet.tomltable import toml_text
from anpr_edge.fleet.unitrecord import FleetUnit
from anpr_edge.seal.keys import VerifyKey

PLACE: Final = Path("/etc/anpr-edge/unit.toml")
"""Where it will lie on the unit: relative paths in it are meant from there."""


def unit_toml(plan: FleetPlan, unit: FleetUnit, policy_key: VerifyKey | None = None) -> bytes:
    """The text of a unit's /etc/anpr-edge/unit.toml; the same folder gives the same bytes.

    With a `policy_key` a signed policy says what the feeds are, else fleet.toml does.

    Raises: ConfigError naming every key that the unit would refuse.
    """
    text = toml_text(_document(plan, unit, policy_key))
    problems = inspect_text(PLACE, text).problems
    if problems:
        said = "\n".join(f"unit {unit.name}: {problem.key}: {problem.text}" for problem in problems)
        raise ConfigError(
            said,
            hint="fleet.toml and the unit's file make its configuration: docs/fleet.md",
        )
    return text.encode()


def own_problems(plan: FleetPlan, unit: FleetUnit) -> list[tuple[str, str]]:
    """What the unit would refuse of its own settings, as (key, text): the rest is the whole fleet's."""
    text = toml_text(_document(plan, unit, None))
    problems = inspect_text(PLACE, text).problems
    return [(one.key, one.text) for one in problems if one.key.split(".")[0] in unit.settings]


def _document(plan: FleetPlan, unit: FleetUnit, policy_key: VerifyKey | None) -> dict[str, Any]:
    settings = joined(plan.settings, unit.settings)
    own = {
        "unit": {"fleet": plan.fleet, "id": unit.name},
        "site": {
            key: value
            for key, value in (("name", unit.site), ("lat_deg", unit.lat_deg), ("lon_deg", unit.lon_deg))
            if value not in ("", None)
        },
        **_feeds(plan, unit, policy_key),
        "broker": _broker(plan),
    }
    return {key: value for key, value in joined(own, settings).items() if value}


def _feeds(plan: FleetPlan, unit: FleetUnit, policy_key: VerifyKey | None) -> dict[str, Any]:
    groups = {"groups": list(unit.groups)} if unit.groups else {}
    if policy_key is not None:
        return {"policy": {"key": policy_key.text, **groups}}
    return {"feeds": dict(plan.feeds), "commands": groups}


def _broker(plan: FleetPlan) -> dict[str, Any]:
    if plan.broker is None:
        return {}
    standby = {name: place.table() for name, place in plan.standby.items()}
    return plan.broker.table() | ({"standby": standby} if standby else {})
