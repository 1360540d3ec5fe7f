"""Areas from units' poles, imported into the fleet folder as `[settings.view]` of the unit's file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import ValidationError

from anpr_edge.config.areas import LARGEST_BYTES, ViewPlan, areas_in, changes, plan_in
from anpr_edge.config.model import ViewSettings
from anpr_edge.errors import UsageError
from anpr_edge.fleet.filing import read_given
from anpr_edge.fleet.folder import FLEET_FILE, FleetFolder
from anpr_edge.fleet.settings import VIEW
from anpr_edge.fleet.unitconfig import own_problems
from anpr_edge.fleet.unitrecord import FleetUnit, State


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


def has_areas(unit: FleetUnit) -> bool:
    """Whether the unit's file states areas, be it that there are none: an empty section states nothing."""
    return bool(unit.settings.get(VIEW))


def _judge(folder: FleetFolder, path: Path) -> tuple[FleetUnit, list[str]]:
    """The unit as a file has it, and what that changes.

    Raises: UsageError, which begins with the file that is wrong: this one or, of what else the unit's
    configuration is made of, the fleet folder's.
    """
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
    settings = {name: values for name, values in before.settings.items() if name != VIEW}
    after = replace(before, settings=settings | ({VIEW: table} if table else {}))
    if found := own_problems(folder.plan, after):
        raise UsageError("\n".join(f"{_stating(folder, after, path, key)}: {text}" for key, text in found))
    return after, _changes(before, areas.plan)


def _stating(folder: FleetFolder, unit: FleetUnit, path: Path, key: str) -> str:
    """The file that states a configuration's key, and the key as it is called there."""
    section, name, *_ = [*key.split("."), ""]
    if section == VIEW:
        return f"{path}: {key}"
    common = name in folder.plan.settings.get(section, {}) and name not in unit.settings[section]
    file = folder.directory / FLEET_FILE if common else folder.unit_file(unit.name)
    return f"{file}: settings.{key}"


def _changes(before: FleetUnit, after: ViewPlan) -> list[str]:
    """What differs from what the unit's file states, which somebody may have written by hand."""
    try:
        found = changes(plan_in(ViewSettings.model_validate(before.settings.get(VIEW, {}))), after)
    except ValidationError:
        return [f"what stood in [settings.{VIEW}] could not be used, and gives way"]
    if not found and has_areas(before) and not after.table():
        return [f"[settings.{VIEW}], which said that there are none, is gone"]
    return found
