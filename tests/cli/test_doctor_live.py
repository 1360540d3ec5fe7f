"""`anpr-edge doctor` on a whole unit that works, and on the same unit when one part of it is taken away."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import Rig, build_rig
from anpr_edge.hourly import HOURS_FILE, read_hours
from anpr_edge.statefile import FRESH_S

pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
    ),
]

WITHIN_S = 60.0
OWN = frozenset({"clock-sync", "rtc", "board-watchdog"})
"""The test machine's: its clocks may well be off, and its watchdog not armed."""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """A running unit over a rendered road, connected to a running broker."""
    camera = {"source": "synthetic", "synthetic": {"vehicles": 30}}
    made = build_rig(tmp_path, camera, SystemClock())
    with made.broker():
        processes = [made.start_reader(), made.start_uplink()]
        try:
            wait_for(lambda: made.state("reader").get("state") == "running")
            wait_for(lambda: made.state("uplink").get("link", {}).get("connected"))
            yield made
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(WITHIN_S)


def wait_for(came: Callable[[], object]) -> None:
    clock = SystemClock()
    deadline_ns = clock.now().mono_ns + WITHIN_S * 1e9
    while not came():
        assert clock.now().mono_ns < deadline_ns
        clock.sleep(0.1)


def examined(rig: Rig, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """(verdict, because) of every condition that is not ok."""
    main(["doctor", "--json", "--config", str(rig.config)])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {
        one["code"]: (one["verdict"], one["because"])
        for one in findings
        if one["verdict"] not in ("ok", "absent") and not OWN & {one["code"], one["because"]}
    }


def test_nothing_is_wrong_with_a_unit_that_works(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert examined(rig, capsys) == {}


def test_a_lost_certificate_is_the_one_cause_of_all_that_follows(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    (rig.unit.state_dir / "keys" / "tls.crt").unlink()
    assert examined(rig, capsys) == {
        "certificate": ("fail", ""),
        "certificate-dates": ("not-checked", "certificate"),
        "broker-tls": ("not-checked", "certificate"),
        "broker-standby": ("not-checked", "certificate"),
        "uplink-link": ("not-checked", "certificate"),
        "uplink-certificate": ("not-checked", "certificate"),
        "outbox-backlog": ("not-checked", "certificate"),
    }


def test_doctor_takes_less_than_3_s_of_a_processor(rig: Rig) -> None:
    """Processor time, since other work on the test machine is not the unit's."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "anpr_edge.cli.edge", "doctor", "--config", str(rig.config)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3.0


def test_top_shows_a_running_unit_and_no_plate(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    wait_for(lambda: rig.state("reader")["reads"]["given"] >= 2)
    wait_for((rig.unit.run_dir / "last-reads.json").exists)
    assert main(["top", "--once", "--config", str(rig.config)]) == 0
    shown = capsys.readouterr().out
    assert "frames, 0 of 64 reads" in shown
    assert "•••" in shown


@pytest.mark.parametrize("process", ["reader", "uplink"])
def test_a_stopped_process_is_noticed_within_its_period(
    rig: Rig, capsys: pytest.CaptureFixture[str], process: str
) -> None:
    pid, clock = rig.state(process)["pid"], SystemClock()
    signal.pidfd_send_signal(fd := os.pidfd_open(pid), signal.SIGSTOP)
    try:
        clock.sleep(FRESH_S + 1.0)
        assert examined(rig, capsys)[f"service-{process}"] == ("fail", "")
    finally:
        signal.pidfd_send_signal(fd, signal.SIGCONT)
        os.close(fd)


def test_a_reader_that_stops_leaves_its_hours_and_no_reads_behind(rig: Rig) -> None:
    wait_for(lambda: rig.state("reader")["reads"]["given"] >= 1)
    os.kill(rig.state("reader")["pid"], signal.SIGTERM)
    wait_for((rig.unit.state_dir / HOURS_FILE).exists)
    hours = read_hours(rig.unit.state_dir / HOURS_FILE)
    assert sum(hour["reads"] for hour in hours.values()) >= 1
    assert sum(hour["seconds"] for hour in hours.values()) > 0
    wait_for(lambda: not (rig.unit.run_dir / "last-reads.json").exists())
