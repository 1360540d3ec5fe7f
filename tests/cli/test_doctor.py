"""`anpr-edge doctor` as people and scripts call it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.diag.registry import CHECKS
from tests.unit.diag.bench import Bench, make_bench

CODES = [condition.code for check in CHECKS for condition in check.conditions]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def test_a_named_check_that_is_well_ends_with_0(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "keys", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == ["ok"] * 5
    assert shown.err == "5 ok\n"


def test_a_fault_is_followed_by_its_next_step_and_ends_with_1(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.keys / "tls.pem").chmod(0o644)
    assert main(["doctor", "keys", "--config", str(bench.config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("fail tls-key"))
    assert "mode 0644" in lines[at]
    assert lines[at].endswith("(limit 0600)")
    assert lines[at + 1].startswith("     next: chmod 600 ")
    assert [line.split()[:2] for line in lines[at + 2 :]] == [
        ["skip", "certificate"],
        ["skip", "certificate-dates"],
    ]


def test_an_unusable_configuration_is_the_one_failure_and_ends_with_78(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.config.write_text("[unit]\n")
    assert main(["doctor", "--json", "--config", str(bench.config)]) == 78
    report = json.loads(capsys.readouterr().out)
    assert report["healthy"] is False
    failed = [finding["code"] for finding in report["findings"] if finding["verdict"] == "fail"]
    assert failed[0] == "config"
    assert set(failed) <= {"config", "clock-sync"}  # the test machine's own clock
    because = {finding["because"] for finding in report["findings"] if finding["verdict"] == "not-checked"}
    assert "config" in because
    assert because <= {"config", "clock-sync"}


def test_a_missing_configuration_says_where_one_was_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "config", "--config", str(tmp_path / "unit.toml")]) == 78
    assert "no such configuration file" in capsys.readouterr().out


def test_json_has_every_field_for_every_condition(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json", "--config", str(bench.config)])
    report = json.loads(capsys.readouterr().out)
    assert report["schema"] == 1
    assert [finding["code"] for finding in report["findings"]] == CODES
    fields = {"check", "code", "title", "severity", "verdict", "measured", "limit", "next", "because"}
    assert {frozenset(finding) for finding in report["findings"]} == {frozenset(fields)}
    assert all(finding["next"] for finding in report["findings"] if finding["verdict"] == "fail")


def test_list_names_every_condition(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--list"]) == 0
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]] == CODES
    assert main(["doctor", "--list", "--json"]) == 0
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["conditions"]] == CODES


@pytest.mark.parametrize("code", CODES)
def test_every_condition_can_be_explained(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--explain", code]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"{code}: ")
    assert "At stake: " in shown


def test_an_unknown_name_is_a_mistake_of_the_caller(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "brokr"]) == 2
    assert "did you mean broker?" in capsys.readouterr().err


def test_watching_tells_what_changes_and_ends_with_the_last_looks_code(bench: Bench) -> None:
    options = ["keys", "--watch", "--every", "1", "--json", "--config", str(bench.config)]
    command = [sys.executable, "-m", "anpr_edge.cli.edge", "doctor", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as doctor:
        assert doctor.stdout
        first = json.loads(doctor.stdout.readline())
        (bench.keys / "tls.pem").chmod(0o644)
        second = json.loads(doctor.stdout.readline())
        doctor.send_signal(signal.SIGINT)
        rest = doctor.stdout.read()
    assert (first["healthy"], len(first["findings"])) == (True, 5)
    assert [(one["code"], one["verdict"]) for one in second["findings"]] == [("tls-key", "fail")]
    assert rest == ""
    assert doctor.returncode == 1
