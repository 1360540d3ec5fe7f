"""The demo as a user runs it: it captures, it reads right, and it leaves nothing behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]
DEMO = [sys.executable, "-m", "anpr_edge.cli.edge", "demo"]


def run(*options: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    environment = {"TMPDIR": str(temporary), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
    return subprocess.run([*DEMO, *options], capture_output=True, text=True, env=environment, check=False)


def test_every_vehicle_of_the_default_road_is_read_right_and_nothing_stays(tmp_path: Path) -> None:
    done = run("--json", temporary=tmp_path)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["vehicles"] == summary["captured"] == summary["read_right"] == 6
    assert (summary["duplicates"], summary["false"]) == (0, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "limit"),
    [("--vehicles=0", "1 to 1000"), ("--seconds=nan", "0.1 or more"), ("--seed=-1", "0 to 2147483647")],
)
def test_a_wrong_number_is_refused_before_anything_starts(option: str, limit: str, tmp_path: Path) -> None:
    done = run(option, temporary=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith(limit)
    assert str(tmp_path) not in done.stderr


def test_still_pictures_are_read_and_masked(tmp_path: Path) -> None:
    import cv2

    from anpr_edge.capture.synthetic import SyntheticRoad
    from anpr_edge.devices.clock import SystemClock

    road = SyntheticRoad(SystemClock(), vehicles=2, seed=5, paced=False)
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number, passage in enumerate(road.truth):
        middle = (passage.first_frame + passage.last_frame) // 2
        cv2.imwrite(str(pictures / f"{number}.png"), road.render(middle))
    kept = tmp_path / "kept"

    done = run("--images", str(pictures), "--keep", str(kept), temporary=tmp_path)

    assert done.returncode == 0, done.stderr
    stored = [json.loads(line)["read"]["plate_text"] for line in (kept / "centre" / "reads.jsonl").open()]
    assert sorted(stored) == sorted(passage.plate_text for passage in road.truth)
    plates = [passage.plate_text for passage in road.truth]
    assert not any(plate in done.stdout + done.stderr for plate in plates)
    assert any_in_report(kept, tmp_path, plates) == []
    state = kept / "run/reader.json"
    state.write_text(state.read_text().replace('"finished"', f'"{plates[0]}"'))
    assert any_in_report(kept, tmp_path, plates) == [plates[0]], "the search finds one that is there"


def any_in_report(kept: Path, folder: Path, words: list[str]) -> list[str]:
    """Which of these words stand in a support report of the demo's unit, in whatever part and spelling."""
    out = folder / "report.zip"
    command = [*DEMO[:-1], "report", "--config", str(kept / "unit.toml"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(out) as archive:
        assert {"reader.json", "uplink.json", "unit.toml"} <= set(archive.namelist())
        parts = [archive.read(name) for name in archive.namelist()]
    everything = re.sub(rb"[\W_]", b"", b"".join(parts)).upper()
    everything += re.sub(r"[\W_]", "", done.stdout + done.stderr).upper().encode()
    return [word for word in words if re.sub(r"[\W_]", "", word).upper().encode() in everything]


def test_what_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    done = run("--images", str(tmp_path / "nowhere"), temporary=tmp_path)
    assert done.returncode == 2
    assert "no such file or folder" in done.stderr
