"""A read as the record a police back office takes, pipe-delimited or as JSON.

Unverified against the official text, which could not be read: names and order are an independent
implementation's (docs/exports.md). What a feed may not have, or a unit does not know, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anpr_edge.errors import UsageError

FIELDS = (
    "signature",
    "username",
    "vrm",
    "feedID",
    "sourceID",
    "cameraID",
    "captureDate",
    "latitude",
    "longitude",
    "cameraPresetPosition",
    "pan",
    "tilt",
    "zoom",
    "confidencePercentage",
    "motionTowardCamera",
)
"""In the order of the delimited form; the first seven are mandatory."""

DELIMITER = "|"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: what the back office gave out. By default feed, fleet and unit are called what we call them.

    Raises: UsageError when a name cannot stand in a delimited record.
    """

    signature: str
    username: str
    feed_id: str | None = None
    source_id: str | None = None

    def __post_init__(self) -> None:
        for name in (self.signature, self.username, self.feed_id, self.source_id):
            if name is not None and (not name or not name.isprintable() or DELIMITER in name):
                raise UsageError(f"{name!r} cannot stand in a record: printable text without {DELIMITER!r}")


def record(document: Mapping[str, Any], sender: Sender) -> dict[str, str]:
    """The fields there are, by name, from a stored read."""
    read = document["read"]
    fix = read.get("fix") or {}
    direction = read.get("direction")
    values = {
        "signature": sender.signature,
        "username": sender.username,
        "vrm": read["plate_text"],
        "feedID": sender.feed_id or document["feed"],
        "sourceID": sender.source_id or document["fleet"],
        "cameraID": document["unit"],
        "captureDate": read["first_utc"],
        "latitude": _degrees(fix.get("lat_deg")),
        "longitude": _degrees(fix.get("lon_deg")),
        "confidencePercentage": str(round(100 * read["confidence"])),
        "motionTowardCamera": None if direction is None else str(direction == "toward").lower(),
    }
    return {name: values[name] for name in FIELDS if values.get(name) is not None}


def line(fields: Mapping[str, str]) -> str:
    """The delimited form: all fifteen places, empty where there is nothing."""
    return DELIMITER.join(fields.get(name, "").replace(DELIMITER, " ") for name in FIELDS)


def _degrees(value: float | None) -> str | None:
    return None if value is None else f"{value:.7f}".rstrip("0").rstrip(".")
