"""Slots become a text, rows of probabilities and a score that means what it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.vision.ctc import agreed, greedy, softmax

Floats = NDArray[np.float32]


def slots(path: str, certainty: float = 0.9, classes: int = 5) -> Floats:
    """Probabilities whose best path is `path`: `-` is blank, A is class 1, …"""
    rest = (1 - certainty) / (classes - 1)
    probabilities = np.full((len(path), classes), rest, np.float32)
    for slot, character in enumerate(path):
        probabilities[slot, "-ABCD".index(character)] = certainty
    return probabilities


def text(probabilities: Floats) -> str:
    return "".join("ABCD"[column] for column in greedy(probabilities).columns)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("-----", ""),
        ("A----", "A"),
        ("AABBC", "ABC"),
        ("-AA-A-B", "AAB"),
        ("----D", "D"),
        ("AAAA", "A"),
        ("-A-B-C--C-D-", "ABCCD"),
    ],
)
def test_runs_collapse_and_blanks_part_them(path: str, expected: str) -> None:
    assert text(slots(path)) == expected


def test_rows_sum_to_one_without_blank() -> None:
    reading = greedy(slots("-A-BB-"))
    assert reading.rows.shape == (2, 4)
    np.testing.assert_allclose(reading.rows.sum(axis=1), 1, rtol=1e-5)
    assert reading.rows.argmax(axis=1).tolist() == reading.columns.tolist() == [0, 1]


def test_a_character_is_as_sure_as_its_surest_slot() -> None:
    probabilities = slots("-AAA-", certainty=0.6)
    probabilities[2] = slots("A", certainty=0.98)[0]
    row = greedy(probabilities).rows[0]
    assert row[0] == pytest.approx(0.98 / (1 - 0.005), abs=1e-3)


def test_an_empty_text_has_no_rows() -> None:
    reading = greedy(slots("---"))
    assert reading.rows.shape == (0, 4)


def exact_probability(probabilities: Floats, columns: tuple[int, ...]) -> float:
    """The sum over every path that collapses to `columns`, by trying all of them."""
    total = 0.0
    for path in itertools.product(range(probabilities.shape[1]), repeat=len(probabilities)):
        collapsed = tuple(key - 1 for key, _ in itertools.groupby(path) if key)
        if collapsed == columns:
            total += float(np.prod([row[key] for row, key in zip(probabilities, path, strict=True)]))
    return total


@pytest.mark.parametrize("seed", range(8))
def test_the_score_is_close_to_the_sum_over_all_alignments(seed: int) -> None:
    rng = np.random.default_rng(seed)
    best = rng.choice(4, 7, p=(0.55, 0.15, 0.15, 0.15))
    logits = rng.normal(0, 0.5, (7, 4))
    logits[np.arange(7), best] += 4.5
    probabilities = softmax(logits.astype(np.float32))
    reading = greedy(probabilities)
    exact = exact_probability(probabilities, tuple(reading.columns.tolist()))
    assert reading.score == pytest.approx(exact, abs=0.08)


def test_temperature_makes_it_more_modest() -> None:
    logits = np.array([[4.0, 0.0, 0.0]], np.float32)
    assert softmax(logits, 2.0)[0, 0] < softmax(logits, 1.0)[0, 0]
    assert softmax(logits, 2.0)[0, 0] == pytest.approx(np.exp(2) / (np.exp(2) + 2))


def test_large_logits_do_not_overflow() -> None:
    assert np.isfinite(softmax(np.array([[1e4, -1e4]], np.float32))).all()


def test_looks_that_agree_are_as_sure_as_each_and_a_doubtful_one_is_outvoted() -> None:
    sure, other = slots("-A-B-C"), slots("-A-D-C", certainty=0.6)
    assert agreed([sure, sure]) == pytest.approx(sure, abs=1e-5)
    assert text(agreed([sure, other, sure])) == "ABC"
    assert agreed([sure, other]).sum(axis=1) == pytest.approx(1.0, abs=1e-5)
