"""Does the lamp board report, and are its lamps cool? What it says of housing and current: housing.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anpr_edge.devices.lamp_board import SILENT_AFTER_S
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject

BOARD = Condition(
    code="lamp-board",
    title="The configured lamp board reports",
    severity=Severity.READS,
    explanation=(
        "The board drives the lamps and reports twice a second. Lamps of a board that hears nothing from the "
        "unit go dark after two seconds, and one that does not report cannot be trusted to hear."
    ),
    depends_on=("illuminator", "service-reader"),
    explained_by=("service-helpers",),
    next_step="look at the board's supply and its two wires; check illuminator.board",
)
HEAT = Condition(
    code="lamp-heat",
    title="The lamps are cool enough to shine at their full level",
    severity=Severity.READS,
    explanation=(
        "Above 85 °C the board dims the lamps to a quarter until they are below 75 °C: they live longer, and "
        "plates are darker meanwhile."
    ),
    depends_on=("lamp-board",),
    next_step="clean the lamps' cooling fins, or lower illuminator.level",
)


def run(subject: Subject) -> Iterator[Finding]:
    """What the reader last heard from the board."""
    lamps = subject.config.illuminator
    if lamps is None or lamps.board is None:
        yield absent(BOARD, "none configured")
        yield absent(HEAT, "no lamp board")
        return
    said = subject.state("reader").get("lamp_board")
    if said is None:
        yield not_checked(BOARD, "the reader has not said anything of it yet")
    elif not _is_heard(said):
        measured = f"{lamps.board}: silent for {said['silent_s']:.0f} s"
        yield fail(BOARD, measured, limit=f"{SILENT_AFTER_S:g} s")
    else:
        yield ok(BOARD, f"reported {said['silent_s']:.1f} s ago, {said['bad_lines']} damaged lines")
        yield _heat(said)


def reported(subject: Subject) -> Mapping[str, Any] | None:
    """What the lamp board says now; None where there is none, or it is silent."""
    said = subject.state("reader").get("lamp_board")
    return said if said is not None and _is_heard(said) else None


def _is_heard(said: Mapping[str, Any]) -> bool:
    return said["level"] is not None and said["silent_s"] <= SILENT_AFTER_S


def _heat(said: Mapping[str, Any]) -> Finding:
    temperature = said["lamp_temperature_c"]
    measured = "no sensor" if temperature is None else f"{temperature:.0f} °C"
    return warn(HEAT, measured, limit="85 °C") if "hot" in said["flags"] else ok(HEAT, measured, "85 °C")


CHECK = Check("lamp-board", (BOARD, HEAT), run)
