"""The health message against its schema: every field, and a reason for every null."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anpr_edge.central.fleet_health import read_health
from anpr_edge.central.fleet_updates import Progress, progress
from anpr_edge.daemon.unithealth import Board, System, UnitHealth
from anpr_edge.devices.lamp_line import LampBoardState
from anpr_edge.statefile import StateFile
from anpr_edge.update.layout import Layout
from anpr_edge.update.record import Phase, Record, Recorder
from tests.fakes import FakeClock

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "health.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
FULL = Board(51.5, None, 0.4, {"total_mb": 30_000.0, "free_mb": 12_000.0})
BARE = Board(None, None, 0.0, None, "/nowhere: No such file or directory")


def check(document: dict[str, Any]) -> None:
    """Against the schema; and each null has a reason, each reason a null."""
    document = json.loads(json.dumps(document))
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []
    unknown = document["unknown"]
    assert set(nulls(document)) == set(unknown)
    assert all(unknown.values())


def nulls(value: Any, path: str = "") -> Iterator[str]:
    """The path of every null."""
    if value is None:
        yield path.lstrip(".")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from nulls(inner, f"{path}.{key}")


def uplink(**changes: Any) -> dict[str, Any]:
    feed = {"waiting": 3, "sent": 1, "oldest_age_s": 4.5, "dropped": {"full": 2}, "restarts": 0}
    idle: dict[str, Any] = {"waiting": 0, "sent": 0, "oldest_age_s": None, "dropped": {}, "restarts": 0}
    commands = {"trouble": "", "key": True, "taken": 1, "refused": {"replay": 2}, "paused": [], "last": None}
    return {
        "state": "running",
        "uptime_s": 10.0,
        "rss_mb": 50.0,
        "link": {
            "connected": True,
            "detail": "connected to broker:8883",
            "since_s": 3.0,
            "cause": "",
            "last_cause": "lost",
        },
        **dict.fromkeys(("published", "accepted", "refused", "acks_refused", "set_aside"), 1),
        "broker": {"address": "b:8883", "preferred": "a:8883", "on_standby": True, "failovers": 2},
        "certificate": {"until": "2027-01-01 00:00 UTC", "days_left": 99.5, "trouble": ""},
        "traffic": {"today_bytes": 12_345, "limit_bytes": None, "budget": "none"},
        "acked": {"charging": 17},
        "outbox": {"charging": feed, "police": idle},
        "outbox_trouble": "",
        "outbox_rebuilds": 0,
        "commands": commands,
        **changes,
    }


def reader(clock: FakeClock, **changes: Any) -> dict[str, Any]:
    beat = {"age_s": 0.1, "limit_s": 10.0}
    return {
        "schema": 1,
        "state": "running",
        "mono_s": clock.now().mono_ns / 1e9,
        "uptime_s": 10.0,
        "rss_mb": 150.0,
        "stages": {name: dict(beat) for name in ("capture", "infer", "commit")},
        "rates": {"capture": 30.0, "infer": 29.0, "commit": None},
        "frames": {
            "taken": 300,
            "processed": 290,
            "dropped": {"queue-full": 10, "unusable": 0},
            "faults": {"black": {"count": 3, "for_s": None}, "slow": {"count": 1, "for_s": 2.0}},
        },
        "reads": {
            "committed": 9,
            "unreadable": 1,
            "unsealable": 0,
            "lost": 0,
            "in_memory": 2,
            "dropped": {"no-outbox": 0},
            "last_age_s": 3.0,
            "last_utc": "2026-09-21T13:33+00:00",
        },
        "plates": None,
        "plates_why": "fewer than 20 reads in the last hour",
        "latency_ms": {"frame_p50": 20.0, "frame_p95": None},
        "exposure": None,
        "lamp_board": None,
        "policy": {"version": 0, "valid": True, "until": None, "refused": "", "withheld": {}, "lists": {}},
        "outbox_down": False,
        "fix": {"mode": 3},
        "models": ["detector-1", "recogniser-1"],
        **changes,
    }


def health(folder: Path, clock: FakeClock, board: Board, state: dict[str, Any] | None) -> UnitHealth:
    file = StateFile(folder / "reader.json")
    if state is not None:
        file.write(state)
    return UnitHealth(
        "demo",
        "unit-0001",
        clock,
        reader_file=file.path,
        ask_board=lambda: board,
        ask_system=lambda: System.asked(Layout(release_file=folder / "release"), folder / "update"),
    )


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("board", [FULL, BARE], ids=["board", "no board"])
@pytest.mark.parametrize("error_ms", [1.5, None])
@pytest.mark.parametrize("there", [True, False], ids=["reader", "no reader"])
def test_a_message_fits_the_schema_and_says_why_what_is_null(
    tmp_path: Path, board: Board, error_ms: float | None, there: bool
) -> None:
    clock = FakeClock(utc_error_ms=error_ms)
    check(health(tmp_path, clock, board, reader(clock) if there else None).document(uplink()))


@pytest.mark.parametrize(
    "state",
    [
        {"state": "starting"},
        {"state": "failed"},
        {"exposure": {}},
        {
            "exposure": {
                "shutter_us": 500,
                "gain": 4.0,
                "lamp_level": None,
                "lamp_fault": "",
                "profile": "day",
                "held_by": "plates",
                "plate_grey": None,
                "scene_grey": 80.0,
                "limit": None,
                "limit_s": 0.0,
            }
        },
        {
            "policy": {
                "version": 3,
                "valid": True,
                "until": "2027-01-01 00:00 UTC",
                "refused": "",
                "withheld": {"charging": {"out-of-hours": 4}},
                "lists": {},
                "paused": {},
            }
        },
        {"lamp_board": asdict(LampBoardState(0.2, 0, 0.7, 1050, None, 12.04, ("door-opened",)))},
        {"lamp_board": asdict(LampBoardState(9.0, 3))},
    ],
    ids=["starting", "failed", "no frame yet", "exposure", "policy", "lamp board", "silent lamp board"],
)
def test_whatever_the_reader_says_fits(tmp_path: Path, state: dict[str, Any]) -> None:
    clock = FakeClock()
    check(health(tmp_path, clock, FULL, reader(clock, **state)).document(uplink()))


@pytest.mark.parametrize(
    "changes",
    [{"commands": {}}, {"commands": {"trouble": "locked"}}, {"outbox": {}, "outbox_trouble": "disk full"}],
)
def test_whatever_the_uplink_cannot_know_is_null(tmp_path: Path, changes: dict[str, Any]) -> None:
    clock = FakeClock()
    document = health(tmp_path, clock, FULL, reader(clock)).document(uplink(**changes))
    check(document)
    part = next(iter(changes))
    assert document[part] is None


def test_a_reader_that_has_fallen_silent_is_gone_and_its_numbers_with_it(tmp_path: Path) -> None:
    clock = FakeClock()
    made = health(tmp_path, clock, FULL, reader(clock))
    clock.advance(60)
    document = made.document(uplink())
    check(document)
    assert document["services"]["reader"]["state"] == "gone"
    assert document["reads"] is None


@pytest.mark.parametrize("phase", list(Phase))
def test_an_update_and_how_it_ended_are_told(tmp_path: Path, phase: Phase) -> None:
    clock = FakeClock()
    record = Record(phase, "1.4.0", "1.3.2", "B", why="it was cut off").now(phase, clock.now().utc_ns, "why")
    Recorder(tmp_path / "update", tmp_path).write(record, clock.now().utc_ns)
    (tmp_path / "release").write_text("1.3.2\n")
    fetch = {"version": "1.5.0", "bytes": 10, "of_bytes": 100, "trouble": ""}
    document = health(tmp_path, clock, FULL, None).document(uplink(update=fetch))
    check(document)
    update = document["update"]
    assert (update["system"], update["last"]["phase"], update["fetch"]) == ("1.3.2", phase, fetch)


def test_an_order_that_was_refused_is_told_in_the_place_of_the_last_update(tmp_path: Path) -> None:
    clock = FakeClock()
    utc_ns = clock.now().utc_ns
    recorder = Recorder(tmp_path / "update", tmp_path)
    recorder.write(Record(Phase.COMMITTED, "1.3.2", "1.3.1", "B").now(Phase.COMMITTED, utc_ns), utc_ns)
    refused = Record(Phase.FAILED, "1.4.0", "1.3.2", "", number=7)
    recorder.refuse(refused.now(Phase.FAILED, utc_ns, "no certificate here signed it"), utc_ns)
    document = health(tmp_path, clock, FULL, None).document(uplink())
    check(document)
    last = document["update"]["last"]
    assert (last["version"], last["phase"], last["slot"]) == ("1.4.0", "failed", None)
    systems = read_health(json.dumps(document).encode())
    assert systems is not None
    assert progress(systems.systems, "1.4.0") is Progress.FAILED


def test_a_record_that_is_damaged_says_so(tmp_path: Path) -> None:
    (tmp_path / "update").mkdir()
    (tmp_path / "update" / "update.json").write_text("{")
    document = health(tmp_path, FakeClock(), FULL, None).document(uplink())
    check(document)
    assert "update.json" in document["unknown"]["update.last"]


def test_the_page_names_every_field_and_no_other() -> None:
    page = (ROOT / "docs" / "health.md").read_text()
    named = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert named == list(paths(SCHEMA))


def paths(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every field of the schema; `*` stands for any name, `[]` for a list's items."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{path}{name}"
        yield from paths(inner, f"{path}{name}.")
    for key, mark in (("additionalProperties", "*."), ("items", "[].")):
        inner = schema.get(key)
        if isinstance(inner, dict):
            yield from paths(inner, path + mark)
