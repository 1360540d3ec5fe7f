"""A machine that computes the same is told from one that does not, stage by stage."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from scripts.platforms.__main__ import table
from scripts.platforms.comparison import READS, RENDERING, Outcome, compare, compare_reads, compare_steps
from scripts.platforms.recording import Recording, record
from scripts.platforms.stages import Stages, Step
from tests import shipped_models


@cache
def recorded() -> Recording:
    return record(shipped_models.DIRECTORY, vehicles=1, seed=1)


def spoilt(step: Step) -> Step:
    """The step with one bit of its first output's first number other."""
    first = step.outputs[0].copy()
    first.view(np.uint8).flat[0] ^= 1
    return replace(step, outputs=(first, *step.outputs[1:]))


def test_the_same_machine_computes_the_same_also_from_a_file(tmp_path: Path) -> None:
    recorded().save(tmp_path / "clip.npz")
    _, found = compare(Recording.load(tmp_path / "clip.npz"), shipped_models.DIRECTORY, vehicles=1, seed=1)
    assert recorded().reads
    assert {"recogniser, int8", "close-up, int8", "detector, int8", RENDERING, READS} <= {
        one.stage for one in found
    }
    assert all(one.same and one.done and one.numbers for one in found)


@pytest.mark.parametrize("stage", ["recogniser, int8", "plate, flat", "text and score"])
def test_one_other_bit_shows_in_its_stage_alone(stage: str) -> None:
    stages = Stages(shipped_models.DIRECTORY)
    number = next(n for n, step in enumerate(recorded().steps) if step.stage == stage)
    steps = [spoilt(step) if n == number else step for n, step in enumerate(recorded().steps)]
    (differing,) = [one for one in compare_steps(stages, steps) if not one.same]
    assert (differing.stage, differing.done - differing.equal, differing.other) == (stage, 1, 1)
    assert differing.acceptable == stage.endswith("int8")
    assert any(line.startswith(stage) and "none" not in line for line in table([differing]))


def test_other_reads_show() -> None:
    (read,) = recorded().reads
    surer = read | {"confidence": read["confidence"] + 1}
    assert compare_reads([read], [read]).same
    assert compare_reads([surer], [read]).largest == 1
    assert compare_reads([read | {"text": "AB12 CDE"}], [read]).largest == np.inf
    assert not compare_reads([read | {"direction": None}], [read]).same
    for here, there in (([], [read]), ([read, read], [read])):
        assert not compare_reads(here, there).same


def test_the_runtime_may_round_otherwise_now_and_then_and_nobody_else() -> None:
    def kernel(equal: int, apart: float) -> Outcome:
        return Outcome("recogniser, int8", 20, equal, 1000, 9, apart)

    assert [kernel(19, 2).acceptable, kernel(17, 2).acceptable, kernel(19, 7).acceptable] == [
        True,
        False,
        False,
    ]
    assert not Outcome("plate, flat", 20, 19, 1000, 1, 1).acceptable
    assert Outcome(RENDERING, 20, 3, 1000, 9, 1).acceptable
