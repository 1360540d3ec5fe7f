"""kill -9 of either service in the middle of its work: every committed read still arrives, once, in order.

Real processes, a real broker with TLS, the real models over the rendered road.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import FEED, Rig, build_rig

CLOCK = SystemClock()
CAMERA = {
    "source": "synthetic",
    "frame_rate": 60.0,
    "shutter_us": 500,
    "synthetic": {"vehicles": 4, "seed": 3},
}

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = build_rig(tmp_path, CAMERA, CLOCK)
    with rig.broker():
        yield rig


def wait_until(true: Callable[[], bool], within_s: float = 60.0) -> None:
    deadline = CLOCK.now().mono_ns + within_s * 1e9
    while not true():
        assert CLOCK.now().mono_ns < deadline, "it did not happen in time"
        CLOCK.sleep(0.05)


def committed(rig: Rig) -> int:
    """The number the outbox has given out last, 0 before the first."""
    path = rig.unit.state_dir / "outbox.db"
    if not path.exists():
        return 0
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        try:
            row = db.execute("SELECT last_seq FROM feeds WHERE feed = ?", (FEED,)).fetchone()
        except sqlite3.OperationalError:
            return 0
    return int(row[0]) if row else 0


def arrived(rig: Rig) -> list[dict[str, Any]]:
    """What the centre has stored, in the order of the feed's numbers."""
    if not rig.store.exists():
        return []
    lines = [line for line in rig.store.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return sorted((json.loads(line) for line in lines), key=lambda read: read["seq"])


def stop(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(20)


def are_all_here(rig: Rig) -> bool:
    """Whether every number from the chain's first read to the last that was given out has arrived."""
    reads = arrived(rig)
    if not reads or set(reads[0]["previous"]) != {"0"}:
        return False
    return [read["seq"] for read in reads] == list(range(reads[0]["seq"], committed(rig) + 1))


def assert_complete(rig: Rig) -> None:
    assert are_all_here(rig)
    reads = arrived(rig)
    assert len(reads) >= 2
    for before, after in itertools.pairwise(reads):
        assert after["previous"] == before["hash"]


def test_a_killed_reader_loses_no_committed_read(rig: Rig) -> None:
    centre, uplink = rig.start_centre(), rig.start_uplink()
    for _ in range(2):
        before = committed(rig)
        reader = rig.start_reader()
        wait_until(lambda before=before: committed(rig) > before)  # type: ignore[misc]
        reader.kill()
        reader.wait()
    wait_until(lambda: are_all_here(rig))
    stop(uplink, centre)
    assert_complete(rig)


def test_a_killed_uplink_loses_no_committed_read(rig: Rig) -> None:
    centre, uplink = rig.start_centre(), rig.start_uplink()
    reader = rig.start_reader()
    kills = 0
    while reader.poll() is None:
        CLOCK.sleep(0.7)
        uplink.kill()
        uplink.wait()
        kills += 1
        uplink = rig.start_uplink()
    wait_until(lambda: are_all_here(rig))
    stop(uplink, centre)
    assert kills >= 2
    assert_complete(rig)
