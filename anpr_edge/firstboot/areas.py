"""What becomes of a unit's own areas when a bundle's configuration takes its place.

They were drawn under the pole, and what is excluded is a promise to neighbours. So a bundle that says nothing
of areas leaves the unit's; one that has `[view]` puts its own in their place.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from anpr_edge.config.areas import ViewPlan, changes, plan_in
from anpr_edge.config.model import ViewSettings

SECTION = "view"


@dataclass(frozen=True, slots=True)
class Settled:
    """A bundle's configuration as the unit is to have it; `words` say what becomes of the unit's own areas.

    `lost` is the unit's own file, when areas in it have no place in the new one.
    """

    config: bytes
    words: Sequence[str] = ()
    lost: bytes | None = None


def settle_areas(bundled: bytes, own: Path) -> Settled:
    """A bundle's configuration, with the areas of the file `own` when it says nothing of any.

    The same a second time, when `own` is what came of it. Raises: OSError.
    """
    text = bundled.decode()
    new: dict[str, Any] = tomllib.loads(text)
    if not own.exists():
        return Settled(bundled)
    before_text = own.read_bytes()
    try:
        before = plan_in(ViewSettings.model_validate(tomllib.loads(before_text.decode()).get(SECTION, {})))
    except (ValueError, ValidationError):
        words = "areas: those of the configuration before, if there were any, could not be read"
        return Settled(bundled, [words], before_text)
    if SECTION in new:
        found = changes(before, plan_in(ViewSettings.model_validate(new[SECTION])))
        replaced = before_text if found and before != ViewPlan() else None
        return Settled(bundled, [f"areas: {words}" for words in found], replaced)
    if before == ViewPlan():
        return Settled(bundled)
    kept = tomli_w.dumps({SECTION: before.table()})
    return Settled(f"{text.rstrip()}\n\n{kept}".encode(), [f"areas: kept, {before.words()}"])
