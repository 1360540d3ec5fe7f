"""The power is cut at 50 random moments of an update: always one good system boots.

A cut is a kill -9 of everything the update runs, RAUC's service included. Then the firmware starts: by
`autoboot.txt`, and by the one-shot flag when the cut was the restart that was asked for.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.unit.update.samples import Board
from tests.update.rig import Unit, kill_group, missing

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(bool(missing()), reason=missing())]

CUTS = 50
WORDS, SHARES = ("ready", "installed", "started"), (0.7, 0.15, 0.15)
"""After which of the update's words a cut comes. Installing takes longest, and gets most of the cuts."""


def spans_s(unit: Unit, bundle: Path) -> dict[str, float]:
    """How long it takes from each word to the next, here and now."""
    running = unit.start(bundle, "gate")
    assert running.stdout is not None
    heard = {line.strip(): time.monotonic() for line in running.stdout}
    assert list(heard) == [*WORDS, "done"], running.communicate()
    running.wait()
    times = list(heard.values())
    return {word: later - at for word, at, later in zip(WORDS, times, times[1:], strict=False)}


def cut(running: subprocess.Popen[str], spans: dict[str, float], rng: Random) -> str:
    """Let the update come to a random moment, and end it; says where that was."""
    word = rng.choices(WORDS, SHARES)[0]
    assert running.stdout is not None
    heard = ""
    for line in running.stdout:
        heard = line.strip()
        if heard == word:
            time.sleep(rng.uniform(0, 1.2 * spans[word]))
            break
    kill_group(running)
    return heard


def free_loops(folder: Path) -> None:
    """RAUC, killed between taking a loop device and mounting it, leaves it: a start would free it."""
    ask = ["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"]
    listed = subprocess.run(ask, capture_output=True, text=True, check=False)
    for line in listed.stdout.splitlines():
        if str(folder) in line:
            subprocess.run(["losetup", "--detach", line.split()[0]], capture_output=True, check=False)


def boots_well(unit: Unit, new: str, slot: str) -> None:
    """The slot that was booted holds one whole system: the one that belongs there."""
    assert unit.held(slot) == {"A": unit.old, "B": new}[slot]


def test_whenever_the_power_is_cut_one_good_system_boots(tmp_path: Path) -> None:
    seed = int(os.environ.get("ANPR_SEED", "20261127"))
    rng, unit, seen = Random(seed), Unit(tmp_path), Counter[str]()
    bundle, new = unit.bundle("1.1.0")
    spans = spans_s(unit, bundle)
    for _ in range(CUTS):
        unit.reset()
        where = cut(unit.start(bundle, "gate"), spans, rng)
        free_loops(tmp_path)
        restarted = rng.random() < 0.5  # the cut was a restart: the flag, where one was set, counts
        slot = unit.board.start() if restarted else unit.board.cut_power()
        boots_well(unit, new, slot)
        committed = unit.board.store.load().committed
        after = unit.board.cut_power()
        boots_well(unit, new, after)
        assert after == committed
        seen[f"{where}: {slot} then {after}, B {'whole' if unit.held('B') == new else 'not whole'}"] += 1
    print(f"seed {seed}: {dict(seen)}")
    assert unit.update(bundle, "gate", "older")[0] == 0, "the unit can still be updated"
    halves = sum(count for what, count in seen.items() if "not whole" in what)
    assert 0 < halves < CUTS, "the cuts come before and after the writing"


def test_a_cut_is_put_down_to_what_it_hit(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    bundle, _ = unit.bundle("1.1.0")
    running = unit.start(bundle)
    assert running.stdout is not None
    while Board.found(tmp_path).audit() == [] and "installing" not in str(phase(unit)):
        time.sleep(0.005)
    kill_group(running)
    assert unit.board.cut_power() == "A"
    assert unit.update(bundle)[0] == 0
    assert unit.board.cut_power() == "A"
    assert unit.update(bundle, "gate")[0] == 0
    assert unit.board.audit()[:3] == ["update-failed", "update-installed", "update-rolled-back"]


def phase(unit: Unit) -> object:
    try:
        return unit.board.record()["phase"]
    except (OSError, ValueError):
        return ""
