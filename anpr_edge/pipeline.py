"""The way of the data on a unit, from a frame to a read. The page to read first.

    Frame → motion gate → Detection → Track → PlateCandidate → fusion → PlateRead

No thread, no clock and no I/O in here: the same frames always give the same reads. What the parts
are is decided elsewhere (daemon.wiring_reader); what happens to a read afterwards is not known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from anpr_edge.plates import syntax
from anpr_edge.plates.fusion import FusedPlate, Fusion
from anpr_edge.plates.repeats import Repeats
from anpr_edge.records import Box, Detection, Direction, Frame, Instant, PlateRead, Track
from anpr_edge.seams import Detector, Recogniser
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.tracker import MAX_MISSES, Matched, Tracker

DIRECTION_GROWTH = 1.15
"""A plate that grew by this factor came toward the camera; one that shrank by it went away."""


@dataclass(slots=True)
class Counts:
    """What has happened so far. Nothing is dropped without being counted here."""

    frames: int = 0
    gated: int = 0
    detections: int = 0
    too_small: int = 0
    reads: int = 0
    repeats: int = 0
    unreadable: int = 0


@dataclass(slots=True)
class _Vehicle:
    """One track's looks at its plate, until its read is given."""

    fusion: Fusion
    first_box: Box
    given: bool = False


class PlateReader:
    """Turns frames into one read for each vehicle."""

    def __init__(
        self,
        detector: Detector,
        recogniser: Recogniser,
        *,
        min_confidence: float = 0.5,
        min_plate_width_px: float = 40.0,
        min_matches: int = 2,
        max_delay_ms: float = 2000.0,
        max_misses: int = MAX_MISSES,
        repeat_within_ms: float = 10_000.0,
        gate: MotionGate | None = None,
        heartbeat_frames: int = 15,
        stills: bool = False,
        lane: str | None = None,
    ) -> None:
        """How large, how sure and how patient.

        A plate narrower than `min_plate_width_px` is followed but not read. A vehicle must be seen in
        `min_matches` frames and read with `min_confidence`, or it is counted as unreadable. Its read
        is given when it leaves, or `max_delay_ms` after it came, whichever is sooner. The same text
        again within `repeat_within_ms` is the same vehicle. With a `gate`, while nothing moves and
        nothing is followed, only every `heartbeat_frames`-th frame is searched.
        With `stills` each frame is a scene of its own: nothing is followed or remembered.
        """
        self._detector = detector
        self._recogniser = recogniser
        self._min_confidence = min_confidence
        self._min_plate_width_px = min_plate_width_px
        self._min_matches = 1 if stills else min_matches
        self._stills = stills
        self._max_delay_ns = round(max_delay_ms * 1e6)
        self._heartbeat_frames = max(1, heartbeat_frames)
        self._lane = lane
        self._gate = gate
        self._tracker = Tracker(max_misses)
        self._vehicles: dict[int, _Vehicle] = {}
        self._repeats = Repeats(-1 if stills else round(repeat_within_ms * 1e6))
        self.counts = Counts()
        self.detections: Sequence[Detection] = ()
        """What was found in the last frame; nothing in one that was not searched."""

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The models every read names: detector, then recogniser."""
        return self._detector.model_id, self._recogniser.model_id

    def step(self, frame: Frame) -> list[PlateRead]:
        """Look at the next frame; the reads that became final with it, usually none.

        Raises: CaptureError when the frame is not a uint8 (height, width) picture.
        """
        self.counts.frames += 1
        if not self._worth_searching(frame):
            self.counts.gated += 1
            self.detections = ()
            return []
        self.detections = detections = self._detector.detect(frame.pixels)
        self.counts.detections += len(detections)
        update = self._tracker.update(detections, frame.taken)
        for matched in update.matched:
            self._look(matched, frame)
        ended = self._tracker.end_all() if self._stills else update.ended
        return [*self._overdue(frame.taken), *self._ended(ended)]

    def finish(self) -> list[PlateRead]:
        """The source has ended: the reads of the vehicles still in view."""
        return list(self._ended(self._tracker.end_all()))

    def _worth_searching(self, frame: Frame) -> bool:
        """Whether something moves, is being followed, or the heartbeat is due."""
        moving = self._gate is None or self._gate.moving(frame.pixels)
        heartbeat = self.counts.frames % self._heartbeat_frames == 0
        return moving or heartbeat or bool(self._tracker.tracks)

    def _look(self, matched: Matched, frame: Frame) -> None:
        """Read one followed plate once more, unless its read is already given."""
        vehicle = self._vehicle(matched.track)
        if vehicle.given:
            return
        if matched.detection.box.width < self._min_plate_width_px:
            self.counts.too_small += 1
            return
        candidate = self._recogniser.recognise(frame.pixels, matched.detection.quad)
        if candidate is not None:
            vehicle.fusion.add(candidate)

    def _vehicle(self, track: Track) -> _Vehicle:
        if track.track_id not in self._vehicles:
            self._vehicles[track.track_id] = _Vehicle(Fusion(self._recogniser.alphabet), track.box)
        return self._vehicles[track.track_id]

    def _overdue(self, now: Instant) -> Iterable[PlateRead]:
        """Reads of vehicles still in view that have been held back as long as they may be."""
        for track in self._tracker.tracks:
            if now.mono_ns - track.first.mono_ns >= self._max_delay_ns:
                yield from self._give(track, self._vehicles[track.track_id])

    def _ended(self, tracks: Iterable[Track]) -> Iterable[PlateRead]:
        """Reads of vehicles that have left, unless already given."""
        for track in tracks:
            vehicle = self._vehicles.pop(track.track_id)
            yield from self._give(track, vehicle)
            if not vehicle.given and track.matches >= self._min_matches:
                self.counts.unreadable += 1

    def _give(self, track: Track, vehicle: _Vehicle) -> Iterable[PlateRead]:
        """The vehicle's read, once in its life and only when it is sure enough."""
        if vehicle.given or track.matches < self._min_matches:
            return
        fused = vehicle.fusion.best()
        if fused is None or fused.confidence < self._min_confidence:
            return
        vehicle.given = True
        if self._repeats.seen(fused.text, track.last.mono_ns):
            self.counts.repeats += 1
            return
        self.counts.reads += 1
        yield self._read(track, vehicle, fused)

    def _read(self, track: Track, vehicle: _Vehicle, fused: FusedPlate) -> PlateRead:
        fits = syntax.match(fused.text)
        return PlateRead(
            plate_text=fused.text,
            confidence=fused.confidence,
            char_confidences=fused.char_confidences,
            alternatives=fused.alternatives,
            syntax=fits.name if fits else None,
            region=fits.region if fits else None,
            first=track.first,
            last=track.last,
            frames_used=fused.frames_used,
            direction=_direction(vehicle.first_box, track.box),
            lane=self._lane,
            fix=None,
            model_ids=self.model_ids,
        )


def _direction(first: Box, last: Box) -> Direction | None:
    """Toward the camera when the plate grew, away when it shrank, None when it did neither clearly."""
    growth = last.width / first.width
    if growth >= DIRECTION_GROWTH:
        return "toward"
    return "away" if growth <= 1 / DIRECTION_GROWTH else None
