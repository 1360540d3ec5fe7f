"""`anpr-edge status` shows running services on one screen and never calls a dead one alive."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.cli.status import duration, exposure_rows, policy_rows
from anpr_edge.statefile import StateFile
from tests.unit.diag.bench import Bench, make_bench

HEAD = {"schema": 1, "pid": 1, "version": "0", "utc": "", "uptime_s": 3700.0, "rss_mb": 120.5}
READER = {
    "process": "reader",
    "state": "running",
    "stages": {
        "capture": {"age_s": 0.03, "limit_s": 5.0},
        "infer": {"age_s": 31.0, "limit_s": 10.0},
        "gps": {"age_s": None, "limit_s": 5.0},
    },
    "frames": {"taken": 900, "processed": 880, "dropped": {"queue-full": 20}},
    "reads": {"committed": 7, "unreadable": 2, "last_age_s": 65.0},
    "latency_ms": {"frame_p50": 12.2, "frame_p95": 20.0},
    "clock": {"utc_error_ms": None},
    "fix": {"mode": 1},
    "models": ["detector-1.0+abcd1234"],
}
UPLINK = {
    "process": "uplink",
    "state": "running",
    "link": {"connected": False, "detail": "nothing listens there", "since_s": 12.0},
    "published": 5,
    "accepted": 4,
    "refused": 1,
    "acked": {},
    "outbox": {"access": {"waiting": 3, "sent": 1, "oldest_age_s": 7300.0}},
}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def say(bench: Bench, state: dict[str, Any], age_s: float = 0.0) -> None:
    mono_s = time.monotonic() - age_s
    StateFile(bench.run_dir / f"{state['process']}.json").write({**HEAD, "mono_s": mono_s, **state})


def test_one_screen(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    say(bench, READER)
    say(bench, UPLINK)
    assert main(["status", "--config", str(bench.config)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "testfleet/unit-0001",
        "reader   running, up 1 h 2 min, 120.5 MB",
        "  stages    capture 0.0 s, infer LATE 31 s, gps idle",
        "  frames    900 taken, 880 processed, dropped: 20 queue-full",
        "  reads     7 kept, the last 1 min ago; 2 plates unreadable",
        "  latency   12 ms half, 20 ms 95 % of frames",
        "  clock     not synchronised",
        "  position  no fix",
        "  models    detector-1.0+abcd1234",
        "uplink   running, up 1 h 2 min, 120.5 MB",
        "  link      not connected for 12 s (nothing listens there)",
        "  sent      5 published, 4 accepted, 1 refused",
        "  access    3 waiting, 1 sent and unconfirmed, oldest 2 h 2 min; nothing confirmed yet",
    ]


def test_a_unit_without_services(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--config", str(bench.config)]) == 1
    shown = capsys.readouterr().out
    assert shown.splitlines()[1:] == ["reader   not running", "uplink   not running"]


@pytest.mark.parametrize(
    ("age_s", "own", "words"),
    [
        (60.0, {}, "not running, last seen 1 min ago"),
        (0.0, {"state": "finished"}, "finished 0.0 s ago, its source came to its end"),
        (300.0, {"state": "stopped"}, "stopped 5 min ago, as told"),
        (12.0, {"state": "failed", "why": "no camera"}, "failed 12 s ago: no camera"),
        (-100.0, {}, "not running, last seen before the boot"),
        (-100.0, {"state": "stopped"}, "not running, last seen before the boot"),
    ],
)
def test_a_dead_service_is_not_shown_as_running(
    bench: Bench, capsys: pytest.CaptureFixture[str], age_s: float, own: dict[str, Any], words: str
) -> None:
    say(bench, {**READER, **own}, age_s)
    say(bench, UPLINK)
    assert main(["status", "--config", str(bench.config)]) == 1
    shown = capsys.readouterr()
    age = re.compile(r"\d\.\d s ago")  # a moment passes between writing and reading
    assert f"reader   {age.sub('0.0 s ago', words)}" in age.sub("0.0 s ago", shown.out)
    assert "anpr-edge doctor" in shown.err


def test_a_damaged_state_does_not_hide_the_other_service(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    say(bench, UPLINK)
    (bench.run_dir / "reader.json").write_text("{")
    assert main(["status", "--config", str(bench.config)]) == 1
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[1].startswith("reader   unknown, ")
    assert "not a state file" in lines[1]
    assert lines[2].startswith("uplink   running")
    assert "anpr-edge doctor" in shown.err
    assert main(["status", "--json", "--config", str(bench.config)]) == 1
    assert set(json.loads(capsys.readouterr().out)["reader"]) == {"error", "fresh"}


def test_a_service_that_starts_has_nothing_to_show_yet(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    say(bench, {"process": "reader", "state": "starting"}, 20.0)
    say(bench, {**UPLINK, "link": {"connected": True, "detail": "connected", "since_s": 3.0}})
    assert main(["status", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1].startswith("reader   starting, up")
    assert shown.err == ""


def test_an_outbox_that_gave_trouble_shows(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    say(bench, {**READER, "outbox_down": True, "outbox_rebuilds": 2})
    say(bench, UPLINK)
    assert main(["status", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr()
    assert "outbox    takes NO READS" in shown.out
    assert "begun anew 2 times" in shown.out
    assert "anpr-edge doctor" in shown.err


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_help_tells_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    assert "exit code: 0 " in capsys.readouterr().out


def test_json(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    say(bench, READER)
    assert main(["status", "--json", "--config", str(bench.config)]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["schema"], shown["running"], shown["uplink"]) == (1, False, None)
    assert shown["reader"]["fresh"] is True
    assert shown["reader"]["reads"]["committed"] == 7


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (42.0, "42 s"),
        (61.0, "1 min"),
        (12_000.0, "3 h 20 min"),
        (200_000.0, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_policy_says_its_version_its_end_and_what_it_keeps_back() -> None:
    policy = {"version": 2, "valid": True, "until": "2027-12-01 00:00 UTC", "refused": "", "withheld": {}}
    assert list(policy_rows(policy)) == [("policy", "2, until 2027-12-01 00:00 UTC")]
    over = {**policy, "valid": False, "refused": "policy 1 is older"}
    kept_back = {**over, "withheld": {"police": {}, "charging": {"out-of-hours": 3, "other-reads": 1}}}
    assert list(policy_rows(kept_back)) == [
        (
            "policy",
            "2, NOT VALID NOW, its end is 2027-12-01 00:00 UTC; the file there is refused: policy 1 is older",
        ),
        ("", "kept back from charging: 3 out-of-hours, 1 other-reads"),
    ]


def test_feeds_of_the_configurations_own_have_no_policy_line() -> None:
    assert list(policy_rows(None)) == []
    assert list(policy_rows({"version": 0})) == []


EXPOSURE = {
    "shutter_us": 804,
    "gain": 8.0,
    "lamp_level": 1.0,
    "lamp_fault": "",
    "profile": "night",
    "held_by": "plates",
    "limit": "dark",
    "limit_s": 720.0,
}


def test_the_exposure_and_its_limit_show(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    say(bench, {**READER, "stages": {}, "exposure": EXPOSURE})
    say(bench, {**UPLINK, "link": {"connected": True, "detail": "connected", "since_s": 3.0}})
    assert main(["status", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    at = lines.index("  exposure  night, 804 µs, gain 8.0, lamps 100 %, by plates")
    assert lines[at + 1].strip() == "at its limit for 12 min: too dark"
    assert "anpr-edge doctor" in shown.err


def test_an_exposure_that_is_not_controlled_has_no_line() -> None:
    assert list(exposure_rows(None)) == list(exposure_rows({})) == []


@pytest.mark.parametrize(
    ("own", "well"),
    [
        ({"limit": None}, True),
        ({"limit_s": 60.0}, True),
        ({}, False),
        ({"limit": None, "lamp_fault": "no"}, False),
    ],
)
def test_only_what_lasts_sends_people_to_doctor(
    bench: Bench, capsys: pytest.CaptureFixture[str], own: dict[str, Any], well: bool
) -> None:
    say(bench, {**READER, "stages": {}, "exposure": {**EXPOSURE, **own}})
    say(bench, {**UPLINK, "link": {"connected": True, "detail": "connected", "since_s": 3.0}})
    main(["status", "--config", str(bench.config)])
    assert ("anpr-edge doctor" not in capsys.readouterr().err) == well
