"""The names under which units and centres meet at the broker (docs/topics.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROOT = "anpr/v1"

READS_CONTENT_TYPE = "application/cose"
"""MQTT 5 content type of a sealed read. Source: RFC 9052 §11.2."""

JSON_CONTENT_TYPE = "application/json"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Fleet, unit and feed names: they are topic levels, ACL users and certificate names at once."""

NAME_HINT = "use letters, digits, '-', '_' and '.', beginning with a letter or digit, at most 64"


@dataclass(frozen=True, slots=True)
class ReadsTopic:
    """Whose reads a message claims to be, by its topic alone."""

    fleet: str
    unit: str
    feed: str


def is_name(text: str) -> bool:
    """Whether `text` can name a fleet, unit or feed: letters, digits, `-`, `_`, `.`, at most 64."""
    return _NAME.fullmatch(text) is not None


def reads(fleet: str, unit: str, feed: str) -> str:
    """Where a unit publishes sealed reads; `+` as `unit` makes the filter a consumer subscribes to."""
    return f"{ROOT}/{fleet}/{unit}/reads/{feed}"


def shared(group: str, topic_filter: str) -> str:
    """A filter whose messages the members of `group` share, each message for one of them.

    Source: MQTT 5.0 §4.8.2.
    """
    return f"$share/{group}/{topic_filter}"


def ack(fleet: str, unit: str, feed: str) -> str:
    """Where a feed's centre leaves its signed watermark for one unit, retained."""
    return f"{ROOT}/{fleet}/{unit}/ack/{feed}"


def command(fleet: str, unit: str, name: str) -> str:
    """Where a command of the fleet's authority goes to one unit; `+` as `name` is what a unit listens to."""
    return f"{ROOT}/{fleet}/{unit}/cmd/{name}"


def reply(fleet: str, unit: str, name: str) -> str:
    """Where a unit replies to the command `name`: the only response topic it takes, and netcheck tries."""
    return f"{ROOT}/{fleet}/{unit}/reply/{name}"


def status(fleet: str, unit: str) -> str:
    """Where a unit says whether it is on line, retained; its will goes there too."""
    return f"{ROOT}/{fleet}/{unit}/status"


def health(fleet: str, unit: str) -> str:
    """Where a unit says how it is."""
    return f"{ROOT}/{fleet}/{unit}/health"


def policy(fleet: str, unit: str) -> str:
    """Where a unit leaves its signed policy in words and in full, retained; no personal data."""
    return f"{ROOT}/{fleet}/{unit}/policy"


def enrol_request(fleet: str, unit: str) -> str:
    """Where a unit without a certificate leaves its request; `+` as `unit` is what an enroller listens to."""
    return f"{ROOT}/{fleet}/{unit}/enrol/request"


def enrol_reply(fleet: str, unit: str) -> str:
    """Where the workshop leaves its answer to a unit's request."""
    return f"{ROOT}/{fleet}/{unit}/enrol/reply"


def parse_reads(topic: str) -> ReadsTopic | None:
    """The parts of a reads topic, or None when `topic` is not one."""
    parts = topic.split("/")
    if len(parts) != 6 or "/".join(parts[:2]) != ROOT or parts[4] != "reads":
        return None
    fleet, unit, feed = parts[2], parts[3], parts[5]
    if not all(map(is_name, (fleet, unit, feed))):
        return None
    return ReadsTopic(fleet, unit, feed)


def parse_ack(topic: str, fleet: str, unit: str) -> str | None:
    """The feed whose watermark for this unit `topic` carries, or None when it is something else."""
    return _last_part(topic, ack(fleet, unit, ""))


def parse_command(topic: str, fleet: str, unit: str) -> str | None:
    """The name of the command to this unit that `topic` carries, or None when it is something else."""
    return _last_part(topic, command(fleet, unit, ""))


def _last_part(topic: str, prefix: str) -> str | None:
    name = topic.removeprefix(prefix)
    return name if topic.startswith(prefix) and is_name(name) else None
