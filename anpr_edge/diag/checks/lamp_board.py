"""What the lamp board says of the lamps, and of who was at the housing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from anpr_edge.devices.lamp_board import SILENT_AFTER_S
from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.statefile import read_state

BOARD = Condition(
    code="lamp-board",
    title="The configured lamp board reports",
    severity=Severity.READS,
    explanation=(
        "The board drives the lamps and reports twice a second. Lamps of a board that hears nothing from the "
        "unit go dark after two seconds, and one that does not report cannot be trusted to hear."
    ),
    depends_on=("service-reader",),
)
LAMPS = Condition(
    code="lamp-current",
    title="The lamps take the current they should",
    severity=Severity.READS,
    explanation=(
        "The board compares the lamps' current with what their level should take. Less means broken lamps or "
        "a loose wire: plates stay dark by night. More means a short circuit, or another lamp than the "
        "board was made for."
    ),
    depends_on=("lamp-board",),
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
)
TAMPER = Condition(
    code="tamper",
    title="The housing is shut, and the head is where it was left",
    severity=Severity.EVIDENCE,
    explanation=(
        "The board remembers, without power too, that the housing was opened or the head tilted by more than "
        "5 degrees since somebody last cleared it. The one may be a visit nobody was told of, the other a "
        "camera that looks elsewhere than it should."
    ),
    depends_on=("lamp-board",),
)

CLEAR = "systemctl stop anpr-edge-reader; anpr-edge lamps clear-tamper; systemctl start anpr-edge-reader"


def run(subject: Subject) -> Iterator[Finding]:
    """What the reader last heard from the board."""
    lamps = subject.config.illuminator
    if lamps is None or lamps.board is None:
        yield ok(BOARD, "none configured")
        return
    said = (read_state(subject.config.unit.run_dir / "reader.json") or {}).get("lamp_board")
    if said is None:
        yield not_checked(BOARD, "the reader has not said anything of it yet")
        return
    yield _reports(lamps.board, said)
    if said["level"] is not None:
        yield from (_current(said), _heat(said), _tamper(said))


def _reports(device: Path, said: Mapping[str, Any]) -> Finding:
    if said["silent_s"] > SILENT_AFTER_S or said["level"] is None:
        return fail(
            BOARD,
            f"{device}: silent for {said['silent_s']:.0f} s",
            limit=f"{SILENT_AFTER_S:g} s",
            next_step="look at the board's supply and its two wires; check illuminator.board",
        )
    return ok(BOARD, f"reported {said['silent_s']:.1f} s ago, {said['bad_lines']} damaged lines")


def _current(said: Mapping[str, Any]) -> Finding:
    measured = f"{said['current_ma']} mA at level {said['level']:.2f}"
    if "lamp-fault" in said["flags"]:
        return fail(
            LAMPS, measured, next_step="look at the lamps by a camera that sees infrared, and their plug"
        )
    return ok(LAMPS, measured)


def _heat(said: Mapping[str, Any]) -> Finding:
    temperature = said["lamp_temperature_c"]
    measured = "no sensor" if temperature is None else f"{temperature:.0f} °C"
    if "hot" in said["flags"]:
        return warn(
            HEAT, measured, limit="85 °C", next_step="clean the lamps' cooling fins; lower illuminator.level"
        )
    return ok(HEAT, measured, "85 °C")


def _tamper(said: Mapping[str, Any]) -> Finding:
    now = [words for flag, words in (("door", "open now"), ("moved", "tilted now")) if flag in said["flags"]]
    was = [
        words
        for flag, words in (("door-opened", "was opened"), ("was-moved", "was tilted"))
        if flag in said["flags"]
    ]
    if now:
        return fail(
            TAMPER, ", ".join(now), next_step="shut the housing, aim the head as it was; then " + CLEAR
        )
    if was:
        return warn(TAMPER, ", ".join(was), next_step="find out who was there; then " + CLEAR)
    return ok(TAMPER, "shut, not moved")


CHECK = Check("lamp-board", (BOARD, LAMPS, HEAT, TAMPER), run)
