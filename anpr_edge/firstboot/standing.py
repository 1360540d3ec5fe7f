"""Who this unit is already, and what it took last."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anpr_edge.durable import write_whole
from anpr_edge.errors import AnprError, KeyFileError, reason
from anpr_edge.firstboot.places import Places
from anpr_edge.seal.tls_request import requested_name

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Record:
    """The bundle that was taken last. `anchored`: its key was the image's, not the first to come."""

    fleet: str
    unit: str
    sha256: str
    made_utc_s: int
    key: str
    anchored: bool
    enrolment: str
    utc_s: int

    def save(self, places: Places) -> None:
        """Keep it. Raises: OSError."""
        document = {"schema": SCHEMA, **asdict(self)}
        write_whole(places.record, json.dumps(document, indent=1).encode() + b"\n")


def last_taken(places: Places) -> Record | None:
    """What was taken last; None when nothing was. Raises: AnprError when the record cannot be used."""
    try:
        document: Any = json.loads(places.record.read_text(encoding="utf-8"))
        if document.pop("schema") != SCHEMA:
            raise ValueError("of another version")
        return Record(**document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise AnprError(
            f"{places.record}: not a record of a bundle: {reason(error)}",
            hint="move it away; the unit's configuration still says who it is",
        ) from None


def own_name(places: Places) -> tuple[str, str] | None:
    """The fleet and unit that this machine is; None when it is none yet.

    The configuration says so, and the certificate request of its keys, whose fleet is then not known.

    Raises: AnprError when its configuration and its keys are of different units.
    """
    configured = _configured(places.config_file)
    request = places.state / "keys" / "tls.csr"
    if not request.exists():
        return configured
    try:
        keyed = requested_name(request)
    except KeyFileError:
        return configured
    if configured is None:
        return "", keyed
    if configured[1] != keyed:
        raise AnprError(
            f"{places.config_file} is of unit {configured[1]}, and the keys in {request.parent} of {keyed}",
            hint="anpr-edge retire clears the unit",
        )
    return configured


def _configured(path: Path) -> tuple[str, str] | None:
    try:
        unit = tomllib.loads(path.read_text(encoding="utf-8")).get("unit")
    except (OSError, ValueError):
        return None
    names = (unit.get("fleet"), unit.get("id")) if isinstance(unit, dict) else (None, None)
    return (str(names[0]), str(names[1])) if all(isinstance(name, str) for name in names) else None
