"""Many looks at one plate, one text: probabilities combined position by position.

Looks of the same length are aligned character by character and their log-probabilities averaged,
each look weighing by how sure, how sharp and how large it was. n looks do not count as n independent
ones, since what blurs one frame blurs the next: they count as n to the power of 0.3. The length itself is
decided the same way, so that a look that lost a character cannot shift the others.

The text is the most probable reading, spellings that are drawn alike (O and 0, I and 1) taken as one.
Between those spellings national syntax decides, unless the pixels speak clearly; when it chooses another
than the pixels alone would, the pixels' own is the first alternative.
Memory is bounded: one matrix for each length, whatever the number of looks.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anpr_edge.plates import syntax
from anpr_edge.records import Alternative, PlateCandidate

MAX_ALTERNATIVES = 5
MAX_LENGTHS = 8
"""Lengths kept apart; a plate has 2 to 9 characters."""
INDEPENDENCE = 0.3
"""n looks count as n to this power. Source: our measurement on rendered traffic: at 0.5, fifteen blurred
looks agreed on a wrong text with confidence 0.999; nine blurred looks are right no more often than five."""
FULL_WEIGHT_WIDTH_PX = 120.0
"""From this plate width on, more pixels add nothing. Source: our own choice; 74 px, two for each
stroke of 14 mm, are the floor."""
FULL_WEIGHT_SHARPNESS = 0.5
ALIKE_TRUST = 0.3
"""Power to which the pixels' odds between two spellings drawn alike are believed. Source: rendered UK plates,
on which O and 0 are one glyph: the recogniser's odds for the wrong one reached 10,000."""
_LEAST_PROBABILITY = 1e-5
_READINGS_RANKED = 32
_LONGEST_ODDS = math.log(200)
"""A reading two hundred times less probable than the best is not worth naming."""


@dataclass(frozen=True, slots=True)
class FusedPlate:
    """What all looks together say.

    `confidence` is the probability that `text` is right, spellings that are drawn alike counted as one: a
    plate is seen well even when O or 0 cannot be told. An alternative's is that of its own spelling. The
    most probable spelling by the pixels alone is `text` or else the first alternative.
    """

    text: str
    confidence: float
    char_confidences: tuple[float, ...]
    alternatives: tuple[Alternative, ...]
    frames_used: int

    def __repr__(self) -> str:
        return f"FusedPlate({len(self.alternatives)} alternatives, {self.confidence:.3f})"


@dataclass(slots=True)
class _Looks:
    """The looks of one length: weighted sums, never the looks themselves."""

    log_probs: NDArray[np.float64]
    length_logit: float = 0.0
    weight: float = 0.0
    count: int = 0


@dataclass(slots=True)
class Fusion:
    """Gathers the candidates of one track; `alphabet` names the columns of their probabilities."""

    alphabet: str
    _looks: dict[int, _Looks] = field(default_factory=dict)
    _weight: float = 0.0
    _best_weight: float = 0.0

    def add(self, candidate: PlateCandidate) -> None:
        """Take one more look into account."""
        length = len(candidate.text)
        if length not in self._looks and len(self._looks) == MAX_LENGTHS:
            return
        weight = look_weight(candidate)
        probabilities = np.maximum(candidate.char_probs.astype(np.float64), _LEAST_PROBABILITY)
        looks = self._looks.setdefault(length, _Looks(np.zeros(probabilities.shape)))
        looks.log_probs += weight * np.log(probabilities)
        looks.length_logit += weight * _length_logit(candidate)
        looks.weight += weight
        looks.count += 1
        self._weight += weight
        self._best_weight = max(self._best_weight, weight)

    def best(self) -> FusedPlate | None:
        """The most probable text so far, or None before the first look."""
        if not self._looks:
            return None
        length, looks = max(self._looks.items(), key=lambda item: item[1].weight)
        rows = _softmax(looks.log_probs / looks.weight * self._evidence(looks.weight))
        length_confidence = self._length_confidence(looks)
        readings = list(_likeliest(rows, self.alphabet))
        ranked = _rank(readings, length_confidence)
        drawn = _drawn(ranked)
        text = max(ranked, key=lambda reading: (drawn[syntax.fold(reading)], ranked[reading]))
        others = {reading: p for reading, p in ranked.items() if reading != text}
        raw = readings[0][0]
        return FusedPlate(
            text=text,
            confidence=drawn[syntax.fold(text)],
            char_confidences=_char_confidences(rows, text, self.alphabet),
            alternatives=_alternatives(others | self._other_lengths(length), first=raw),
            frames_used=looks.count,
        )

    def _evidence(self, weight: float) -> float:
        """How many independent looks of the best kind this weight amounts to; 1 for a single look."""
        return float(max(1.0, weight / self._best_weight) ** INDEPENDENCE)

    def _length_confidence(self, looks: _Looks) -> float:
        """The probability that the plate has as many characters as these looks say."""
        against = sum(max(0.0, other.length_logit) for other in self._looks.values() if other is not looks)
        logit = (looks.length_logit - against) / self._weight * self._evidence(self._weight)
        return float(1 / (1 + math.exp(-logit)))

    def _other_lengths(self, length: int) -> dict[str, float]:
        """The best text of every other length seen, with its probability."""
        found = {}
        for other, looks in self._looks.items():
            if other != length:
                rows = _softmax(looks.log_probs / looks.weight)
                text = "".join(self.alphabet[column] for column in rows.argmax(axis=1))
                found[text] = self._length_confidence(looks) * float(rows.max(axis=1).prod())
        return found


def look_weight(candidate: PlateCandidate) -> float:
    """What one look counts, 0 to 1: its score, its sharpness and its size, each up to full weight."""
    size = min(1.0, candidate.plate_width_px / FULL_WEIGHT_WIDTH_PX)
    crisp = min(1.0, candidate.sharpness / FULL_WEIGHT_SHARPNESS)
    return max(candidate.score, 0.01) * max(size, 0.1) * max(crisp, 0.1)


def _length_logit(candidate: PlateCandidate) -> float:
    """Log-odds that the candidate's length is right: what its score holds beside its characters."""
    characters = float(candidate.char_probs.max(axis=1).prod())
    share = min(max(candidate.score / max(characters, 1e-9), 1e-3), 1 - 1e-3)
    return math.log(share / (1 - share))


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), np.float64)


def _likeliest(rows: NDArray[np.float64], alphabet: str) -> Iterator[tuple[str, float]]:
    """The most probable texts with their probabilities, best first: a walk over swaps by cost.

    Places are swapped from left to right only, so that no text is come to twice.
    """
    order = np.argsort(-rows, axis=1)
    logs = np.log(np.take_along_axis(rows, order, axis=1))
    best = float(logs[:, 0].sum())
    columns, costs = order.tolist(), (logs[:, :1] - logs).tolist()
    heap = [(0.0, (0,) * len(rows), 0)]
    for _ in range(_READINGS_RANKED):
        if not heap:
            return
        cost, choice, first = heapq.heappop(heap)
        text = "".join(alphabet[row[rank]] for row, rank in zip(columns, choice, strict=True))
        yield text, math.exp(best - cost)
        for place in range(first, len(choice)):
            rank = choice[place] + 1
            if rank == len(alphabet):
                continue
            dearer = cost + costs[place][rank] - costs[place][rank - 1]
            if dearer <= _LONGEST_ODDS:
                heapq.heappush(heap, (dearer, (*choice[:place], rank, *choice[place + 1 :]), place))


def _rank(readings: list[tuple[str, float]], length_confidence: float) -> dict[str, float]:
    """Readings with their probabilities after national syntax has had its say.

    Syntax speaks only where the pixels cannot: readings whose characters are drawn alike (O and 0)
    share what the pixels gave them together by how well each fits a national pattern. What the pixels say
    of which of the two it is counts for little: on many plates it is the same drawing.
    """
    seen: dict[str, float] = {}
    fitting: dict[str, float] = {}
    weighed = []
    for text, probability in readings:
        drawn, weight = syntax.fold(text), probability**ALIKE_TRUST * syntax.prior(text)
        weighed.append((text, drawn, weight))
        seen[drawn] = seen.get(drawn, 0.0) + probability
        fitting[drawn] = fitting.get(drawn, 0.0) + weight
    return {
        text: length_confidence * seen[drawn] * weight / fitting[drawn] for text, drawn, weight in weighed
    }


def _drawn(ranked: dict[str, float]) -> dict[str, float]:
    """The probability of each folded text: of all its spellings together."""
    drawn: dict[str, float] = {}
    for text, probability in ranked.items():
        drawn[syntax.fold(text)] = drawn.get(syntax.fold(text), 0.0) + probability
    return drawn


def _char_confidences(rows: NDArray[np.float64], text: str, alphabet: str) -> tuple[float, ...]:
    """The probability of each character, counting those drawn alike as one."""
    alike = _drawn_alike(alphabet)
    return tuple(
        sum(row[column] for column in alike[character])
        for row, character in zip(rows.tolist(), text, strict=True)
    )


@cache
def _drawn_alike(alphabet: str) -> dict[str, list[int]]:
    """For each character the columns of all that are drawn like it."""
    drawn = syntax.fold(alphabet)
    return {
        character: [column for column, other in enumerate(drawn) if other == drawn[place]]
        for place, character in enumerate(alphabet)
    }


def _alternatives(others: dict[str, float], *, first: str) -> tuple[Alternative, ...]:
    """The most probable others, led by `first` when it is one of them."""
    best = heapq.nsmallest(MAX_ALTERNATIVES, others.items(), key=lambda item: (item[0] != first, -item[1]))
    return tuple(Alternative(text, probability) for text, probability in best)
