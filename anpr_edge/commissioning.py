"""What the camera looked at when the unit was accepted: features by day and by night, to be compared with.

`<state_dir>/commissioning.json`: {"schema": 1, "views": {"day"|"night"|"any": {"utc", "across", "down",
"cells"}}}. No picture can be rebuilt from it (vision.signature).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError, reason
from anpr_edge.vision.signature import ACROSS, DOWN, Signature

SCHEMA: Final = 1
FILE: Final = "commissioning.json"
MODE: Final = 0o644
ANY_LIGHT: Final = "any"
"""Where nobody knows who lights the scene."""


@dataclass(frozen=True, slots=True)
class Commissioned:
    """One kept view: when it was captured, and its features."""

    utc: str
    signature: Signature


def read_views(state_dir: Path) -> dict[str, Commissioned]:
    """The kept views by their light; none before the first capture.

    Raises: AnprError when the file is not what it must be.
    """
    path = state_dir / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        views = document["views"]
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']}")
        return {light: _view(one) for light, one in views.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise AnprError(f"{path}: {error.strerror}", hint="run it as root") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AnprError(
            f"{path}: not a commissioning view of schema {SCHEMA}", hint="capture it again: anpr-edge aim"
        ) from None


def keep_view(state_dir: Path, light: str, features: Mapping[str, Any], utc_ns: int) -> None:
    """Keep what the camera looks at in this light, in the place of what it was before.

    Raises: AnprError when it is no view, or cannot be written.
    """
    when = datetime.fromtimestamp(utc_ns / 1e9, UTC).isoformat(timespec="seconds")
    new = {"utc": when, **features}
    _view(new)
    path = state_dir / FILE
    views = {kept: _as_json(one) for kept, one in read_views(state_dir).items()}
    document = {"schema": SCHEMA, "views": {**views, light: new}}
    try:
        replace_whole(path, json.dumps(document).encode(), MODE)
    except OSError as error:
        raise AnprError(f"{path}: {reason(error)}", hint="the state folder must take writes") from None


def _view(value: Mapping[str, Any]) -> Commissioned:
    if (value["across"], value["down"]) != (ACROSS, DOWN):
        raise ValueError("another grid")
    return Commissioned(str(value["utc"]), Signature.decode(value["cells"]))


def _as_json(view: Commissioned) -> dict[str, Any]:
    return {"utc": view.utc, **view.signature.to_json()}
