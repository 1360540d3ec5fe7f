"""Every fault alone, and random combinations: each committed read arrives exactly once, in a chain.

    ANPR_FAULT_SEED=7 scripts/test tests/faults -k seed7                  one combination again
    ANPR_FAULT_RUNS=200 scripts/test tests/faults -k combination          a long run
    ANPR_FAULT_READS=5000 scripts/test tests/faults                       more reads in every trial

Faults that are tried alone share a fleet, so that each begins where the last one ended; one that fails takes
its fleet with it.
"""

from __future__ import annotations

import os
from functools import partial

import pytest

from tests.faults.table import FAULTS
from tests.faults.trial import SEED, Outcome, alone, combination

RUNS = int(os.environ.get("ANPR_FAULT_RUNS", "2"))

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]


@pytest.mark.parametrize(
    "fault",
    [pytest.param(each, marks=pytest.mark.trial(plan=partial(alone, each)), id=each.name) for each in FAULTS],
)
def test_a_fault_alone(fault: object, outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", f"{fault}\n{outcome.words}"


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(each, marks=pytest.mark.trial(plan=partial(combination, each)), id=f"seed{each}")
        for each in range(SEED, SEED + RUNS)
    ],
)
def test_a_random_combination(seed: int, outcome: Outcome) -> None:
    assert outcome.line.verdict == "holds", f"seed {seed}\n{outcome.words}"
