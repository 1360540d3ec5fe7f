"""A policy as people write it, in TOML, compiled into what is signed. See docs/policy.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import PolicyError
from anpr_edge.fleet.tomltable import Table
from anpr_edge.seal.policy.codec import policy_of, values_of
from anpr_edge.seal.policy.model import (
    ALWAYS_ON,
    MINUTES_OF_DAY,
    WEEK,
    Calendar,
    FeedTerms,
    Hours,
    ListTerms,
    Policy,
    Recipient,
)
from anpr_edge.seal.policy.words import DAYS
from anpr_edge.seal.wire import Field
from anpr_edge.seal.wire_values import Wrong

FIELD_NAMES: Final[Mapping[str, Field]] = {
    "character-confidences": Field.CHAR_CONFIDENCES,
    "alternatives": Field.ALTERNATIVES,
    "syntax": Field.SYNTAX,
    "region": Field.REGION,
    "direction": Field.DIRECTION,
    "lane": Field.LANE,
    "place": Field.FIX,
    "models": Field.MODEL_IDS,
}

_CLOCK = r"([01][0-9]|2[0-3]):([0-5][0-9])"
_HOURS = re.compile(rf"([A-Za-z,-]+) {_CLOCK}-(?:{_CLOCK}|24:00)")


def load_source(path: Path, now_utc_s: int) -> Policy:
    """The policy that a TOML file describes, issued now, checked as the signed one will be.

    Raises: PolicyError naming the file and the key.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: not TOML: {error}") from None
    try:
        policy = compile_source(data, now_utc_s)
    except Wrong as wrong:
        hint = "docs/policy.md has every key; docs/examples has whole policies"
        raise PolicyError(f"{path}: {wrong}", hint=hint) from None
    return policy


def compile_source(data: Mapping[str, Any], now_utc_s: int) -> Policy:
    """The policy in a parsed source. Raises: Wrong, with the key's path."""
    whole = Table(data, "source")
    head, feeds = Table(whole.take("policy", dict), "policy"), whole.take("feeds", dict, {})
    whole.end()
    policy = Policy(
        fleet=head.take("fleet", str),
        version=head.take("version", int),
        issued_utc_s=now_utc_s,
        from_utc_s=head.convert("valid_from", _moment, head.take("valid_from", datetime)),
        until_utc_s=head.convert("valid_until", _moment, head.take("valid_until", datetime)),
        units=_texts(head, "units"),
        groups=_texts(head, "groups"),
        reason=head.take("reason", str),
        feeds=tuple(_feed(name, Table(feeds[name], f"feeds.{name}")) for name in sorted(feeds)),
    )
    head.end()
    return policy_of(values_of(policy))


def _feed(name: str, table: Table) -> FeedTerms:
    kept = table.take("kept_days", int, None)
    terms = FeedTerms(
        name=name,
        purpose=table.take("purpose", str),
        controller=table.take("controller", str),
        legal_basis=table.take("legal_basis", str),
        recipients=_recipients(table),
        ack_key=table.take("ack_key", str),
        fields=frozenset(
            table.convert("fields", _field, one) for one in _texts(table, "fields", required=True)
        ),
        time_ms=table.convert("time_step_s", _milliseconds, table.take("time_step_s", (int, float), 0.001)),
        place_m=table.take("place_step_m", int, 0),
        calendar=_calendar(table),
        reads=table.take("reads", str, "all"),
        min_confidence=table.convert("min_confidence", _share, table.take("min_confidence", (int, float), 0)),
        share=table.convert("share", _share, table.take("share", (int, float), 1)),
        waits_s=table.convert("waits_hours", _seconds, table.take("waits_hours", (int, float))),
        kept_days=kept,
        most_per_minute=table.take("most_per_minute", int, None),
        watch=_list(table),
        first=table.convert("priority", _is_first, table.take("priority", str, "normal")),
        previews=table.take("previews", bool, False),
    )
    table.end()
    return terms


def _recipients(table: Table) -> tuple[Recipient, ...]:
    written = table.take("recipients", dict)
    named = Table(written, table.at("recipients"))
    return tuple(Recipient(name, named.take(name, str)) for name in written)


def _list(table: Table) -> ListTerms | None:
    written = table.take("list", dict, None)
    if written is None:
        return None
    inner = Table(written, table.at("list"))
    terms = ListTerms(inner.take("name", str), inner.take("key", str))
    inner.end()
    return terms


def _is_first(value: str) -> bool:
    if value not in ("first", "normal"):
        raise Wrong('needs "first" or "normal"')
    return value == "first"


def _calendar(table: Table) -> Calendar:
    when = table.take("when", (str, dict))
    if when == "always":
        return ALWAYS_ON
    if when == "off":
        return Calendar("UTC", ())
    if isinstance(when, str):
        raise Wrong(f'{table.at("when")}: needs "always", "off" or a section with zone and hours')
    inner = Table(when, table.at("when"))
    calendar = Calendar(
        zone=inner.take("zone", str),
        weekly=tuple(
            inner.convert("hours", parse_hours, one) for one in _texts(inner, "hours", required=True)
        ),
        first_day=inner.take("first_day", date, None),
        last_day=inner.take("last_day", date, None),
        off_days=tuple(sorted(set(_days(inner, "off_days")))),
    )
    inner.end()
    return calendar


def parse_hours(text: str) -> Hours:
    """`Mon-Fri 07:00-18:00` or `Sat,Sun 22:00-06:00`, as the calendar has it. Raises: Wrong."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise Wrong("not like Mon-Fri 07:00-18:00")
    days, from_hour, from_minute, to_hour, to_minute = found.groups()
    end_min = MINUTES_OF_DAY if to_hour is None else int(to_hour) * 60 + int(to_minute)
    weekdays = {day for part in days.split(",") for day in _weekdays(part)}
    return Hours(tuple(sorted(weekdays)), int(from_hour) * 60 + int(from_minute), end_min or MINUTES_OF_DAY)


def _weekdays(text: str) -> tuple[int, ...]:
    first, _, last = text.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise Wrong(f"days are {', '.join(DAYS)}")
    start, length = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7 + 1
    return tuple(WEEK[(start + step) % 7] for step in range(length))


def _texts(table: Table, name: str, *, required: bool = False) -> tuple[str, ...]:
    found = table.take(name, list, ... if required else [])
    if not all(isinstance(one, str) for one in found):
        raise Wrong(f"{table.at(name)}: needs texts in quotes")
    return tuple(found) if required else tuple(sorted(found))


def _days(table: Table, name: str) -> tuple[date, ...]:
    found = table.take(name, list, [])
    if not all(type(one) is date for one in found):
        raise Wrong(f"{table.at(name)}: needs dates such as 2026-12-25, without quotes")
    return tuple(found)


def _field(text: str) -> Field:
    if text not in FIELD_NAMES:
        raise Wrong(f"{text} is none of {', '.join(FIELD_NAMES)}")
    return FIELD_NAMES[text]


def _moment(value: datetime) -> int:
    if value.tzinfo is None:
        raise Wrong("needs a time zone, such as 2026-12-01T00:00:00Z")
    return int(value.astimezone(UTC).timestamp())


def _share(value: float) -> float:
    if not 0 <= value <= 1:
        raise Wrong("not from 0 to 1")
    return float(value)


def _milliseconds(value: float) -> int:
    return round(value * 1000) if 0 < value <= 86_400 else 0


def _seconds(hours: float) -> int:
    return round(hours * 3600) if 0 < hours <= 1e6 else 0
