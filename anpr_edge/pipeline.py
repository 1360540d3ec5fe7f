"""The way of the data on a unit, from a frame to a read. The page to read first.

    Frame → motion gate → Detection → Track → PlateCandidate → fusion → PlateRead

No thread, no clock and no I/O in here: the same frames always give the same reads. What the parts
are is decided elsewhere (daemon.wiring_reader); what happens to a read afterwards is not known here.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from anpr_edge.plates import syntax
from anpr_edge.plates.fusion import FusedPlate, Fusion
from anpr_edge.plates.repeats import Repeats
from anpr_edge.records import Box, Detection, Direction, Frame, Instant, PlateCandidate, PlateRead, Track
from anpr_edge.seams import Detector, Recogniser
from anpr_edge.vision.motion import MotionGate
from anpr_edge.vision.pixels import check_picture
from anpr_edge.vision.rest import Rest
from anpr_edge.vision.tracker import MAX_MISSES, Matched, Tracker
from anpr_edge.vision.view import View

DIRECTION_GROWTH = 1.06
"""A plate that grew by this factor came toward the camera; one that shrank by it went away. Source: our own
measurement: the mean of three widths is right to 1.5 %."""
WIDTHS_COMPARED = 3
ENOUGH_LOOKS = 3
"""After so many looks, and as often again, it is asked whether more are needed. Fewer cannot outvote one."""
ENOUGH_CONFIDENCE = 0.98
ENOUGH_GROWTH = 1.15
"""A plate read as surely as that is looked at again only when it has grown by this factor."""
EVERY_LOOK = 3
"""A plate is read in its first so many frames; from then on when it has grown by `LOOK_GROWTH`, or in every
third frame: what blurs one frame blurs the next."""
LOOK_GROWTH = 1.04
PREVIEW_LOOKS = 3
"""Looks that a preview waits for: fewer cannot outvote one."""
DOUBTFUL_DELAY = 4
"""A text that does not speak for itself, perhaps half hidden by the vehicle ahead, waits so much longer."""


@dataclass(slots=True)
class Counts:
    """What has happened so far. Nothing is dropped without being counted here."""

    frames: int = 0
    gated: int = 0
    restarts: int = 0
    detections: int = 0
    outside: int = 0
    too_small: int = 0
    spared: int = 0
    previews: int = 0
    reads: int = 0
    reminders: int = 0
    repeats: int = 0
    unreadable: int = 0
    lettering: int = 0


@dataclass(slots=True)
class _Vehicle:
    """One track's looks at its plate, and what was given of them."""

    fusion: Fusion
    rest: Rest
    lanes: Counter[str | None] = field(default_factory=Counter)
    first_widths: list[float] = field(default_factory=list)
    last_widths: deque[float] = field(default_factory=lambda: deque(maxlen=WIDTHS_COMPARED))
    looks: int = 0
    last_look_px: float = 0.0
    since_look: int = 0
    enough_at_px: float = 0.0
    previewed: bool = False
    given: FusedPlate | None = None

    def saw(self, box: Box) -> None:
        """Note how wide the plate was in one more frame."""
        if len(self.first_widths) < WIDTHS_COMPARED:
            self.first_widths.append(box.width)
        self.last_widths.append(box.width)

    @property
    def direction(self) -> Direction | None:
        """Toward the camera when the plate grew, away when it shrank, None when it did neither clearly."""
        growth = fmean(self.last_widths) / fmean(self.first_widths)
        if growth >= DIRECTION_GROWTH:
            return "toward"
        return "away" if growth <= 1 / DIRECTION_GROWTH else None

    @property
    def under_way(self) -> bool:
        """Whether it is surely no sign. Of what may be one, only a close look says that it does not move."""
        return self.rest.moved or self.given is not None

    def worth_a_look(self, width_px: float) -> bool:
        """Whether reading the plate, this wide by now, may tell more than what was read so far."""
        if self.given or width_px < self.enough_at_px:
            return False
        soon = self.looks < EVERY_LOOK or self.since_look >= EVERY_LOOK - 1
        return soon or width_px >= LOOK_GROWTH * self.last_look_px

    def read(self, candidate: PlateCandidate | None, width_px: float) -> None:
        """Take one more look into account, and now and then ask whether it is enough."""
        self.last_look_px, self.since_look = width_px, 0
        if candidate is None:
            return
        self.fusion.add(candidate)
        self.looks += 1
        if self.looks % ENOUGH_LOOKS == 0:
            fused = self.fusion.best()
            sure = fused is not None and fused.confidence >= ENOUGH_CONFIDENCE
            self.enough_at_px = ENOUGH_GROWTH * width_px if sure else 0.0


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
        remind_every_s: float = 0.0,
        any_text: bool = False,
        previews: bool = False,
        gate: MotionGate | None = None,
        heartbeat_frames: int = 5,
        view: View | None = None,
        stills: bool = False,
    ) -> None:
        """How large, how sure and how patient.

        A plate outside the `view` is not seen at all; one narrower than `min_plate_width_px` is followed but
        not read. A vehicle must be seen in `min_matches` frames and read with `min_confidence`, or it is
        counted as unreadable. Its read is given when it leaves, or `max_delay_ms` after it came, whichever
        is sooner. The same text again within `repeat_within_ms` is the same vehicle; one that stays is
        given again every `remind_every_s`, never when that is 0. Unless `any_text` is to be read, what never
        moved needs a text that fits a narrow national pattern, and what moves one of a plate's shape: the
        rest are signs and lettering. With `previews` each vehicle's read is announced as soon as it is sure
        enough, as a read of its own marked `preview`. With a `gate`, while nothing moves
        and nothing is followed that has not settled, only every `heartbeat_frames`-th frame is searched.
        With `stills` each frame is a scene of its own: nothing is followed or remembered.
        """
        self._detector = detector
        self._recogniser = recogniser
        self._min_confidence = min_confidence
        self._min_plate_width_px = min_plate_width_px
        self._min_matches = 1 if stills else min_matches
        self._stills = stills
        self._any_text = any_text or stills
        self._previews = previews and not stills
        self._max_delay_ns = round(max_delay_ms * 1e6)
        self._heartbeat_frames = max(1, heartbeat_frames)
        self._view = view or View()
        self._gate = gate
        self._tracker = Tracker(max_misses)
        self._vehicles: dict[int, _Vehicle] = {}
        self._repeats = Repeats(-1 if stills else round(repeat_within_ms * 1e6), round(remind_every_s * 1e9))
        self._last: tuple[int, tuple[int, ...]] = 0, ()
        self.counts = Counts()
        self._spared: frozenset[int] = frozenset()
        self.detections: Sequence[Detection] = ()
        """What was found in view in the last frame; nothing in one that was not searched."""
        self.looks: list[PlateCandidate] = []
        """What was read of plates in the last frame, each a look of its own."""

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The models every read names: detector, then recogniser."""
        return self._detector.model_id, self._recogniser.model_id

    def step(self, frame: Frame) -> list[PlateRead]:
        """Look at the next frame; the reads that became final with it, usually none.

        Raises: CaptureError when the frame is not a uint8 (height, width) picture.
        """
        check_picture(frame.pixels)
        self.counts.frames += 1
        self.looks = []
        reads = self._restarted() if self._breaks_off(frame) else []
        if not self._worth_searching(frame):
            self.counts.gated += 1
            self.detections = ()
            return reads
        self.detections = self._in_view(frame)
        update = self._tracker.update(self.detections, frame.taken)
        for matched in update.matched:
            reads += self._look(matched, frame)
        ended = self._tracker.end_all() if self._stills else update.ended
        return [*reads, *self._overdue(frame.taken), *self._ended(ended)]

    def finish(self) -> list[PlateRead]:
        """The source has ended: the reads of the vehicles still in view."""
        return list(self._ended(self._tracker.end_all()))

    def _breaks_off(self, frame: Frame) -> bool:
        """Whether nothing can be followed into this frame: time ran backwards, or its size is another."""
        (last_ns, last_shape), now_ns, shape = self._last, frame.taken.mono_ns, frame.pixels.shape
        self._last = now_ns, shape
        return not self._stills and bool(last_shape) and (now_ns < last_ns or shape != last_shape)

    def _restarted(self) -> list[PlateRead]:
        """The reads of what was followed so far; what comes now is followed afresh."""
        self.counts.restarts += 1
        reads = self.finish()
        self._repeats.forget()
        return reads

    def _worth_searching(self, frame: Frame) -> bool:
        """Whether something moves, is followed and has not settled, or the heartbeat is due."""
        moving = self._gate is None or self._gate.moving(frame.pixels)
        heartbeat = self.counts.frames % self._heartbeat_frames == 0
        return moving or heartbeat or not self._all_settled(frame.taken)

    def _all_settled(self, now: Instant) -> bool:
        """Whether every plate in view stands still and has been looked at for as long as it may be."""
        return all(
            self._vehicles[track.track_id].rest.settled(now.mono_ns) and self._is_overdue(track, now)
            for track in self._tracker.tracks
        )

    def _is_overdue(self, track: Track, now: Instant, times: int = 1) -> bool:
        return now.mono_ns - track.first.mono_ns >= times * self._max_delay_ns

    def _in_view(self, frame: Frame) -> list[Detection]:
        """The frame's plates, but for those where nobody asked for any."""
        spared = self._spare(frame.taken)
        found = self._detector.detect(frame.pixels, known=spared)
        height, width = frame.pixels.shape
        seen = [one for one in found if self._view.counts(one.box.centre, width, height)]
        self.counts.detections += len(found)
        self.counts.outside += len(found) - len(seen)
        return seen

    def _spare(self, now: Instant) -> list[Box]:
        """Remember which plates need not be read in this frame; where those are that surely are vehicles'."""
        spared = {
            track.track_id: box
            for track, box in self._tracker.expected(now)
            if not self._vehicles[track.track_id].worth_a_look(track.box.width)
        }
        self._spared = frozenset(spared)
        return [box for track_id, box in spared.items() if self._vehicles[track_id].under_way]

    def _look(self, matched: Matched, frame: Frame) -> Iterable[PlateRead]:
        """Read one followed plate once more; when its read is given already, a reminder if one is due."""
        track, box = matched.track, matched.detection.box
        vehicle = self._vehicle(track)
        vehicle.rest.follow(box, track.last.mono_ns)
        vehicle.saw(box)
        vehicle.lanes[self._view.lane_at(box.centre, frame.pixels.shape[1], frame.pixels.shape[0])] += 1
        if vehicle.given:
            return self._reminder(track, vehicle, vehicle.given)
        if box.width < self._min_plate_width_px:
            self.counts.too_small += 1
            return ()
        if track.track_id in self._spared:
            vehicle.since_look += 1
            self.counts.spared += 1
            return ()
        candidate = self._recogniser.recognise(frame.pixels, matched.detection.quad)
        if candidate is not None:
            self.looks.append(candidate)
        vehicle.read(candidate, box.width)
        return self._preview(track, vehicle) if self._previews else ()

    def _vehicle(self, track: Track) -> _Vehicle:
        if track.track_id not in self._vehicles:
            rest = Rest(track.box, track.first.mono_ns)
            self._vehicles[track.track_id] = _Vehicle(Fusion(self._recogniser.alphabet), rest)
        return self._vehicles[track.track_id]

    def _overdue(self, now: Instant) -> Iterable[PlateRead]:
        """Reads of vehicles still in view that have been held back as long as they may be."""
        for track in self._tracker.tracks:
            vehicle = self._vehicles[track.track_id]
            if not vehicle.given and self._is_overdue(track, now):
                fused = self._surely(vehicle)
                if fused and (
                    syntax.speaks_for_itself(fused.text) or self._is_overdue(track, now, DOUBTFUL_DELAY)
                ):
                    yield from self._give(track, vehicle)

    def _ended(self, tracks: Iterable[Track]) -> Iterable[PlateRead]:
        """Reads of vehicles that have left, unless already given."""
        for track in tracks:
            vehicle = self._vehicles.pop(track.track_id)
            yield from self._give(track, vehicle)
            if vehicle.given or track.matches < self._min_matches:
                continue
            if self._surely(vehicle):
                self.counts.lettering += 1
            else:
                self.counts.unreadable += 1

    def _give(self, track: Track, vehicle: _Vehicle) -> Iterable[PlateRead]:
        """The vehicle's read, once in its life and only when it is sure enough."""
        if vehicle.given or track.matches < self._min_matches:
            return
        fused = self._surely(vehicle)
        if fused is None or not self._is_vehicle(vehicle, fused):
            return
        vehicle.given = fused
        if not self._repeats.due(fused.text, track.last.mono_ns):
            self.counts.repeats += 1
            return
        self.counts.reads += 1
        yield self._read(track, vehicle, fused)

    def _surely(self, vehicle: _Vehicle) -> FusedPlate | None:
        """The vehicle's text when it is sure enough."""
        fused = vehicle.fusion.best()
        return fused if fused and fused.confidence >= self._min_confidence else None

    def _is_vehicle(self, vehicle: _Vehicle, fused: FusedPlate) -> bool:
        """Whether this is a vehicle's plate: signs never moved, and words on vans have no plate's shape."""
        if self._any_text or syntax.speaks_for_itself(fused.text):
            return True
        return vehicle.rest.moved and syntax.could_be_plate(fused.text)

    def _preview(self, track: Track, vehicle: _Vehicle) -> Iterable[PlateRead]:
        """What the vehicle's read will probably be, once, as soon as it is sure enough to be given."""
        if vehicle.previewed or vehicle.looks < PREVIEW_LOOKS:
            return
        fused = self._surely(vehicle)
        if (
            fused
            and self._is_vehicle(vehicle, fused)
            and self._repeats.is_new(fused.text, track.last.mono_ns)
        ):
            vehicle.previewed = True
            self.counts.previews += 1
            yield replace(self._read(track, vehicle, fused), preview=True)

    def _reminder(self, track: Track, vehicle: _Vehicle, fused: FusedPlate) -> Iterable[PlateRead]:
        """The read of a vehicle that stays, once more when it has stayed long; `first` is as it was."""
        if self._repeats.reminder_due(fused.text, track.last.mono_ns):
            self.counts.reminders += 1
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
            direction=vehicle.direction,
            lane=vehicle.lanes.most_common(1)[0][0],
            fix=None,
            model_ids=self.model_ids,
            plate_width_px=max(*vehicle.first_widths, *vehicle.last_widths),
        )
