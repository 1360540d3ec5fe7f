"""Many looks give one text that is better than any of them. All plates here are made up."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from anpr_edge.plates.fusion import MAX_ALTERNATIVES, MAX_LENGTHS, FusedPlate, Fusion, look_weight
from anpr_edge.records import PlateCandidate

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def look(
    text: str,
    certainty: float = 0.95,
    *,
    instead: dict[int, tuple[str, float]] | None = None,
    length_certainty: float = 0.99,
    sharpness: float = 0.6,
    width_px: float = 130.0,
) -> PlateCandidate:
    """One look at a plate: `instead` gives another character some probability at some places."""
    rows = np.full((len(text), 36), (1 - certainty) / 35, np.float32)
    for place, character in enumerate(text):
        rows[place, ALPHABET.index(character)] = certainty
    for place, (character, probability) in (instead or {}).items():
        rows[place, ALPHABET.index(character)] = probability
    rows /= rows.sum(axis=1, keepdims=True)
    score = float(rows.max(axis=1).prod()) * length_certainty
    best = "".join(ALPHABET[column] for column in rows.argmax(axis=1))
    return PlateCandidate(best, rows, score, sharpness, width_px)


def fuse(*looks: PlateCandidate) -> FusedPlate:
    fusion = Fusion(ALPHABET)
    for one in looks:
        fusion.add(one)
    fused = fusion.best()
    assert fused is not None
    return fused


def test_no_look_no_plate() -> None:
    assert Fusion(ALPHABET).best() is None


def test_one_look_keeps_its_own_probability() -> None:
    one = look("XW34RTK")
    fused = fuse(one)
    assert fused.text == "XW34RTK"
    assert fused.confidence == pytest.approx(one.score, rel=1e-3)
    assert fused.char_confidences == pytest.approx([0.95] * 7, abs=0.005)
    assert fused.frames_used == 1


def test_agreeing_looks_are_surer_than_one() -> None:
    assert fuse(*[look("AB12CDE", 0.9)] * 5).confidence > fuse(look("AB12CDE", 0.9)).confidence


def test_agreeing_looks_are_not_taken_for_independent() -> None:
    four = fuse(*[look("AB12CDE", 0.9)] * 4)
    naive = 0.9**4 / (0.9**4 + 35 * (0.1 / 35) ** 4)
    assert max(four.char_confidences) < naive


def test_errors_at_different_places_outvote_each_other() -> None:
    looks = [look("AB12CDE", instead={place: ("X", 2.0)}) for place in range(7)]
    assert all(one.text != "AB12CDE" for one in looks)
    assert fuse(*looks).text == "AB12CDE"


def test_a_sharp_large_look_weighs_more_than_blurred_small_ones() -> None:
    crisp = look("AB12CDE", 0.97)
    blurred = [look("AB12CDF", 0.6, sharpness=0.05, width_px=40)] * 4
    assert fuse(crisp, *blurred).text == "AB12CDE"
    assert look_weight(crisp) > 20 * look_weight(blurred[0])


def test_a_look_that_lost_a_character_does_not_shift_the_others() -> None:
    fused = fuse(*[look("AB12CDE")] * 3, look("AB12CE"))
    assert fused.text == "AB12CDE"
    assert fused.frames_used == 3
    assert "AB12CE" in [alternative.text for alternative in fused.alternatives]


def test_disagreeing_lengths_lower_the_confidence() -> None:
    assert fuse(look("AB12CDE"), look("AB12CE")).confidence < 0.6 < fuse(look("AB12CDE")).confidence


def test_alternatives_come_from_second_best_characters_most_probable_first() -> None:
    fused = fuse(look("XW34RTK", 0.8, instead={0: ("K", 0.15), 6: ("X", 0.1)}))
    texts = [alternative.text for alternative in fused.alternatives]
    assert texts[:2] == ["KW34RTK", "XW34RTX"]
    confidences = [fused.confidence, *(alternative.confidence for alternative in fused.alternatives)]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1 + 1e-6
    assert len(texts) == MAX_ALTERNATIVES


def test_spelling_of_lookalikes_follows_the_national_pattern() -> None:
    fused = fuse(look("ABI2CDE", 0.55, instead={2: ("1", 0.4)}))
    assert fused.text == "AB12CDE"
    assert fused.alternatives[0].text == "ABI2CDE"


def test_clear_pixels_outweigh_the_pattern() -> None:
    fused = fuse(look("ABI2CDE", 0.995, instead={2: ("1", 0.004)}))
    assert fused.text == "ABI2CDE"


def test_characters_drawn_differently_are_never_exchanged_for_a_pattern() -> None:
    fused = fuse(look("AB1ZCDE", 0.55, instead={3: ("2", 0.4)}))
    assert fused.text == "AB1ZCDE"


def test_lookalikes_share_a_characters_confidence() -> None:
    fused = fuse(look("AB10CDE", 0.98, instead={3: ("O", 0.9)}))
    assert fused.char_confidences[3] > 0.95


def test_a_plate_is_well_seen_even_when_its_spelling_is_open() -> None:
    fused = fuse(look("OXOXOXOX", 0.98, instead={0: ("0", 0.9), 2: ("0", 0.9)}))
    assert fused.confidence > 0.8
    assert 0.1 < fused.alternatives[0].confidence < 0.5
    assert fused.confidence == pytest.approx(0.99 * np.prod(fused.char_confidences), rel=0.01)


def test_the_pixels_own_spelling_is_the_first_alternative_of_the_one_syntax_chose() -> None:
    """However little syntax leaves of it, and however many others are more probable."""
    rivals = dict.fromkeys((0, 1, 3, 4, 5, 6), ("X", 0.4))
    seen = look("ABI2CDE", 0.55, instead={2: ("1", 0.54)} | rivals)
    assert seen.text == "ABI2CDE"
    fused = fuse(seen)
    assert fused.text == "AB12CDE"
    first, *others = fused.alternatives
    assert first.text == seen.text
    assert first.confidence < min(other.confidence for other in others)
    assert len(fused.alternatives) == MAX_ALTERNATIVES
    assert len({other.text for other in fused.alternatives} | {fused.text}) == MAX_ALTERNATIVES + 1


def test_spellings_drawn_alike_stand_together_against_a_text_drawn_differently() -> None:
    seen = look("8X")
    seen.char_probs[0] = 0
    for character, probability in {"8": 0.4, "O": 0.31, "0": 0.29}.items():
        seen.char_probs[0, ALPHABET.index(character)] = probability
    fused = fuse(seen)
    assert fused.text in {"OX", "0X"}
    assert fused.confidence > 0.5 > fused.alternatives[0].confidence
    assert fused.alternatives[0].text == "8X"


def test_memory_does_not_grow_with_the_looks() -> None:
    fusion = Fusion(ALPHABET)
    for length in range(2, 12):
        fusion.add(look("A" * length))
    size = sys.getsizeof(fusion._looks)
    for _ in range(500):
        fusion.add(look("AB12CDE"))
    assert len(fusion._looks) == MAX_LENGTHS
    assert sys.getsizeof(fusion._looks) == size
    fused = fusion.best()
    assert fused is not None
    assert fused.text == "AB12CDE"


def test_an_impossible_row_does_not_veto_forever() -> None:
    broken = look("AB12CDE")
    broken.char_probs[0] = 0
    broken.char_probs[0, ALPHABET.index("X")] = 1
    assert fuse(broken, *[look("AB12CDE", 0.98)] * 6).text == "AB12CDE"


def test_repr_shows_no_plate() -> None:
    assert "AB12" not in repr(fuse(look("AB12CDE")))
