"""What the pipeline gave for each vehicle of a clip, set against the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from anpr_edge.capture.synthetic import Passage
from anpr_edge.plates.syntax import fold
from anpr_edge.records import Direction, PlateRead
from models.recipe.ocr.measures import edit_distance
from scripts.benchmarks.traffic_clips import FRAME_RATE

READABLE_FRAMES: Final = 3
"""A vehicle whose plate can be read in so many frames must give exactly one read."""
SAME_WITHIN_S: Final = 10.0
"""A vehicle that is back within this time gives one read. Source: PlateReader, repeat_within_ms."""
SLACK_FRAMES: Final = 90
"""A plate may be read before it is wholly in the picture, and after: in a queue, seconds before."""
ALIKE_SHARE: Final = 0.5
"""A read whose characters differ by more than this share from every plate near it belongs to none."""


@dataclass(frozen=True, slots=True)
class Read:
    """One read with the frames it spans."""

    text: str = field(repr=False)
    first_frame: int
    last_frame: int
    confidence: float
    frames_used: int
    direction: Direction | None

    @classmethod
    def of(cls, read: PlateRead) -> Read:
        """The read as the pipeline gave it, its times as frame numbers."""
        first, last = (round(at.mono_ns * FRAME_RATE / 1e9) for at in (read.first, read.last))
        return cls(read.plate_text, first, last, read.confidence, read.frames_used, read.direction)


@dataclass(frozen=True, slots=True)
class Visit:
    """One vehicle's way through the picture, and what was read of it."""

    clip: str
    seed: int
    passages: tuple[Passage, ...] = field(repr=False)
    reads: tuple[Read, ...] = field(repr=False)

    @property
    def text(self) -> str:
        """What its plate says."""
        return self.passages[0].plate_text

    @property
    def judged(self) -> bool:
        """Whether its plate is large enough for long enough to ask for a read."""
        return sum(passage.readable_frames for passage in self.passages) >= READABLE_FRAMES

    @property
    def once(self) -> bool:
        """Exactly one read, right or wrong."""
        return len(self.reads) == 1

    @property
    def right(self) -> bool:
        """Exactly one read, and its text is the plate's, O, 0 and Q taken as one, I and 1 too."""
        return self.once and fold(self.reads[0].text) == fold(self.text)

    @property
    def strict(self) -> bool:
        """Exactly one read, right to the letter."""
        return self.once and self.reads[0].text == self.text

    @property
    def way_right(self) -> bool:
        """Exactly one read, and it says which way the vehicle went."""
        return self.once and self.reads[0].direction == self.passages[0].direction


def judge(
    clip: str, seed: int, truth: Sequence[Passage], reads: Sequence[Read]
) -> tuple[list[Visit], list[Read]]:
    """Every vehicle with its reads, and the reads that belong to none."""
    visits = _visits(truth)
    given: list[list[Read]] = [[] for _ in visits]
    stray: list[Read] = []
    for read in reads:
        owner = _owner(read, visits)
        (given[owner] if owner is not None else stray).append(read)
    return [
        Visit(clip, seed, tuple(passages), tuple(own)) for passages, own in zip(visits, given, strict=True)
    ], stray


def _visits(truth: Sequence[Passage]) -> list[list[Passage]]:
    """Passages of the same plate soon after each other are one visit."""
    visits: list[list[Passage]] = []
    for passage in sorted(truth, key=lambda one: one.first_frame):
        for visit in visits:
            gap = passage.first_frame - visit[-1].last_frame
            if visit[-1].plate_text == passage.plate_text and gap <= SAME_WITHIN_S * FRAME_RATE:
                visit.append(passage)
                break
        else:
            visits.append([passage])
    return visits


def _owner(read: Read, visits: Sequence[Sequence[Passage]]) -> int | None:
    """The vehicle in view whose plate is the most like the read; None when no plate is like it."""
    best, least = None, ALIKE_SHARE
    for number, visit in enumerate(visits):
        if visit[0].first_frame - SLACK_FRAMES > read.last_frame:
            continue
        if visit[-1].last_frame + SLACK_FRAMES < read.first_frame:
            continue
        text = visit[0].plate_text
        differs = edit_distance(fold(read.text), fold(text)) / len(text)
        if differs < least or (best is None and differs <= least):
            best, least = number, differs
    return best
