"""Two processes at once, killed at any moment: every acknowledged read is there, once, in its chain."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from time import sleep

from tests.fakes import FakeClock
from tests.unit.outbox.samples import opened

ROUNDS = 6
ROOT = Path(__file__).parents[3]


def started(what: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.unit.outbox.worker", what, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def acknowledged(process: subprocess.Popen[str], enough: int, grace_s: float = 0.0) -> list[int]:
    """The numbers a process was given until it is killed, `grace_s` after it had `enough`."""
    assert process.stdout is not None
    seen: list[int] = []
    for line in process.stdout:
        seen += [int(number) for number in line.split()] if line.endswith("\n") else []
        if len(seen) >= enough and process.poll() is None:
            sleep(grace_s)
            process.kill()
    return seen


def rows(path: Path) -> list[tuple[int, bytes]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT seq, blob FROM reads WHERE feed = 'charging' ORDER BY seq").fetchall()


def test_a_killed_appender_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    chance = random.Random(5)
    seen: list[int] = []
    for _ in range(ROUNDS):
        with started("append", path) as process:
            seen += acknowledged(process, chance.randrange(1, 60), chance.uniform(0, 0.01))
        assert process.returncode == -9
    kept = rows(path)

    assert len(seen) > ROUNDS
    assert seen == sorted(set(seen))
    assert set(seen) <= {seq for seq, _ in kept}
    assert [seq for seq, _ in kept] == list(range(1, len(kept) + 1))
    hashes = [bytes(32)] + [hashlib.sha256(blob).digest() for _, blob in kept]
    assert all(blob.startswith(b"charging %d " % seq + hashes[seq - 1]) for seq, blob in kept)


def test_appending_and_draining_at_once(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    settled = set(range(1, 51)) - set(range(10, 21))
    with closing(opened(path, FakeClock())), started("drain", path) as drain:
        assert drain.stdout is not None
        assert drain.stdout.readline() == "ready\n"
        with started("append", path) as process:
            seen = acknowledged(process, 300)
        while drain.poll() is None and {seq for seq, _ in rows(path)} & settled:
            sleep(0.02)
        assert drain.poll() is None, drain.stderr and drain.stderr.read()
        drain.kill()
    kept = {seq for seq, _ in rows(path)}

    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 300
    assert set(seen) - kept == settled


def test_both_may_make_the_file_at_once(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / f"{number}.db"
        with started("drain", path) as one, started("drain", path) as two:
            for process in (one, two):
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
            one.kill()
            two.kill()


def test_a_killed_uplink_leaves_a_sound_outbox(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    with started("append", path) as process:
        acknowledged(process, 210)
    before = [seq for seq, _ in rows(path)]
    for _ in range(3):
        with started("drain", path) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()
    with closing(opened(path, FakeClock())) as outbox:
        stats = outbox.stats()["charging"]
    after = [seq for seq, _ in rows(path)]
    assert stats.waiting + stats.sent == len(after)
    assert set(before) - set(after) <= set(range(1, 51))
