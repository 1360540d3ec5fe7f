"""Areas that a unit brought home: `[settings.view]` of its file in the fleet folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from anpr_edge.config.areas import LARGEST_BYTES, ViewPlan, areas_in, changes, plan_in
from anpr_edge.config.model import ViewSettings
from anpr_edge.errors import UsageError
from anpr_edge.fleet.filing import read_given
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.settings import joined
from anpr_edge.fleet.unitconfig import own_problems
from anpr_edge.fleet.unitrecord import FleetUnit, State

SECTION: Final = "view"


@dataclass(slots=True)
class AreasPlan:
    """What files of areas would do. With `problems`, a line each, nothing is to be done."""

    units: dict[str, FleetUnit] = field(default_factory=dict)
    changes: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def plan_areas(folder: FleetFolder, paths: Sequence[Path]) -> AreasPlan:
    """What files that came from units would change in the fleet folder; nothing is written."""
    plan = AreasPlan()
    for path in paths:
        try:
            unit, changed = _judge(folder, path)
            if unit.name in plan.units:
                raise UsageError(f"{path}: a second file of {unit.name}; give the newer one alone")
        except UsageError as wrong:
            plan.problems.append(str(wrong))
            continue
        plan.units[unit.name], plan.changes[unit.name] = unit, changed
    return plan


def has_areas(folder: FleetFolder, unit: FleetUnit) -> bool:
    """Whether the folder states areas for a unit, be it that there are none."""
    return SECTION in joined(folder.plan.settings, unit.settings)


def _judge(folder: FleetFolder, path: Path) -> tuple[FleetUnit, list[str]]:
    """The unit as a file has it, and what that changes. Raises: UsageError, which begins with the file."""
    areas = areas_in(read_given(path, LARGEST_BYTES, "file of areas"), path)
    if areas.fleet != folder.fleet:
        raise UsageError(f"{path}: of fleet {areas.fleet}, and this is {folder.fleet}")
    try:
        before = folder.unit(areas.unit)
    except UsageError:
        raise UsageError(f"{path}: of unit {areas.unit}, which {folder.directory} does not have") from None
    if before.state is State.RETIRED:
        raise UsageError(f"{path}: of unit {areas.unit}, which is retired")
    table = areas.plan.table()
    settings = {name: values for name, values in before.settings.items() if name != SECTION}
    after = replace(before, settings=settings | ({SECTION: table} if table else {}))
    if found := own_problems(folder.plan, after):
        raise UsageError("\n".join(f"{path}: {key}: {text}" for key, text in found))
    return after, _changes(before, areas.plan)


def _changes(before: FleetUnit, after: ViewPlan) -> list[str]:
    """What differs from what the unit's file states, which somebody may have written by hand."""
    try:
        return changes(plan_in(ViewSettings.model_validate(before.settings.get(SECTION, {}))), after)
    except ValidationError:
        return [f"what stood in [settings.{SECTION}] could not be used, and gives way"]
