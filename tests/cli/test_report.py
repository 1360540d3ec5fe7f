"""`anpr-edge report` and what audit and status show of commands."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from anpr_edge.auditlog import AUDIT_FILE, append
from anpr_edge.cli.edge import main
from anpr_edge.cli.status import command_rows
from tests.unit.diag.bench import Bench, make_bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def test_a_report_says_what_is_in_it(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.zip"
    assert main(["report", "--config", str(bench.config), "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    with zipfile.ZipFile(out) as archive:
        contents = json.loads(archive.read("contents.json"))
        assert set(archive.namelist()) == {
            "contents.json",
            *(name for name, part in contents["parts"].items() if "missing" not in part),
        }
    assert said["path"] == str(out)
    assert contents["parts"]["reader.json"]["missing"] == "No such file or directory"
    assert contents["parts"]["unit.toml"]["bytes"] > 0


def test_what_will_be_in_it_is_said_before_anything_is_written(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.zip"
    assert main(["report", "--config", str(bench.config), "--out", str(out), "--dry-run"]) == 0
    assert not out.exists()
    told = capsys.readouterr()
    assert told.out == ""
    assert main(["report", "--config", str(bench.config), "--out", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        for name in archive.namelist():
            assert name == "contents.json" or f"{name} " in told.err
    assert "reader.json" in told.err
    assert "not in it: No such file or directory" in told.err


def test_a_folder_that_takes_no_writes_is_said_so(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--config", str(bench.config), "--out", "/nowhere/report.zip"]) == 1
    assert "/nowhere/report.zip" in capsys.readouterr().err


def test_audit_show_tells_of_commands(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    log = bench.state_dir / AUDIT_FILE
    taken = {"command": "pause", "number": 7, "by": "reader", "arguments": {"feed": "access", "minutes": 5}}
    append(log, 0, "command-taken", {**taken, "request": "00"})
    append(log, 0, "command-refused", {"kind": "malformed", "why": "no", "by": "uplink", "unlisted": 3})
    assert main(["audit", "show", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr().out
    assert "command-taken pause feed=access minutes=5, number 7, by the reader" in shown
    assert "command-refused malformed, by the uplink, 3 more before it" in shown


def test_status_shows_the_last_command_pauses_and_a_missing_key() -> None:
    last = {"name": "ping", "number": 9, "utc": "2026-11-26T22:00:00+00:00", "outcome": "done"}
    paused = [{"feed": "access", "until_utc": "2026-11-26T23:00:00+00:00"}]
    state = {"trouble": "", "key": True, "taken": 1, "refused": {"replay": 2}, "paused": paused, "last": last}
    assert list(command_rows(state)) == [
        ("commands", "the last ping, number 9: done, 2026-11-26T22:00:00+00:00; 2 refused"),
        ("paused", "access until 2026-11-26T23:00:00+00:00"),
    ]
    none = {**state, "key": False, "last": None, "paused": []}
    assert list(command_rows(none)) == [
        ("commands", "none are taken: command.pub is not there (docs/commands.md)")
    ]
    assert list(command_rows({})) == []
