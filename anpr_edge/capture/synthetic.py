"""A rendered road with known truth: what the demo watches and the replay tests are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.pacing import Pacer
from anpr_edge.capture.render.camera_look import Window
from anpr_edge.capture.render.conditions import IR_NIGHT
from anpr_edge.capture.render.flow import make_flow
from anpr_edge.capture.render.place import Place
from anpr_edge.capture.render.scene import Camera
from anpr_edge.capture.render.sight import Sight, hidden_share
from anpr_edge.capture.render.stage import Stage
from anpr_edge.capture.render.traffic import make_traffic
from anpr_edge.capture.render.vehicles import Vehicle
from anpr_edge.capture.render.weather import Shake, Sweep
from anpr_edge.records import Direction, Frame, Quad, mask_plate
from anpr_edge.seams import Clock

_EDGE_PX = 2.0
_TAIL_S = 1.0
READABLE_PX = 70.0
"""A plate this wide can be read. Source: two px for each 14 mm stroke of a 520 mm plate."""


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle's plate wholly in the picture, from `first_frame` to `last_frame` inclusive.

    `readable_frames` counts those in which it is at least 70 px wide and no other vehicle hides it.
    `lane` is 1 for the lane away from the kerb, where traffic comes, and 0 for the other.
    """

    plate_text: str
    first_frame: int
    last_frame: int
    max_plate_width_px: float
    style: str
    direction: Direction
    lane: int
    speed_km_h: float
    readable_frames: int
    condition: str

    def __repr__(self) -> str:
        span = f"frames {self.first_frame}..{self.last_frame}"
        return f"Passage({mask_plate(self.plate_text)}, {span}, {self.style})"


class SyntheticRoad:
    """A finite clip of a road, by itself at night: vehicles with made-up plates pass an infrared camera.

    The same `seed` gives the same clip, pixel for pixel, whatever the order frames are asked for.
    With `paced` each frame waits for its time on the clock, as a camera would; without, frames come as
    fast as they are asked for and their instants follow from the frame number. A `stage` sets other
    light, weather and traffic; `vehicles` does not count then.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        width: int = 1280,
        height: int = 720,
        frame_rate: float = 30.0,
        vehicles: int = 6,
        seed: int = 1,
        paced: bool = True,
        stage: Stage | None = None,
    ) -> None:
        rng = np.random.default_rng(seed)
        self._pacer = Pacer(clock, frame_rate, paced=paced)
        self._frame_rate = frame_rate
        self._seed = seed
        self._stage = stage
        zoom, signs = (stage.zoom, stage.signs) if stage else (1.0, 0)
        self._camera = Camera.on_pole(width, height, zoom)
        self._traffic = make_flow(stage.flow, stage.condition, rng) if stage else make_traffic(vehicles, rng)
        conditions = [stage.condition if stage else IR_NIGHT, *([stage.then] if stage and stage.then else [])]
        self._places = [
            Place(self._camera, condition, rng, signs=signs, own_blur=stage is not None)
            for condition in conditions
        ]
        self._shake = Shake(stage.shake_px, rng) if stage and stage.shake_px else None
        self._sweep = Sweep(width, height) if stage and stage.sweeping_lights else None
        self._next = 0
        self.truth: tuple[Passage, ...] = tuple(self._passages())
        self.frame_count = self._count_frames()

    def read(self) -> Frame | None:
        """The next frame, at its time when paced; None after the last vehicle has gone."""
        if self._next >= self.frame_count:
            return None
        seq, self._next = self._next, self._next + 1
        taken = self._pacer.taken(seq)
        condition = self._place(seq / self._frame_rate).condition
        shutter_us = condition.shutter_s * 1e6
        return Frame(seq, taken, self.render(seq), shutter_us, condition.gain, illuminated=True)

    def close(self) -> None:
        """End the clip."""
        self._next = self.frame_count

    def render(self, frame_seq: int) -> NDArray[np.uint8]:
        """The picture of one frame, uint8 (H, W), without waiting."""
        time_s = frame_seq / self._frame_rate
        rng = np.random.default_rng((self._seed, frame_seq))
        place = self._place(time_s)
        picture = place.empty(rng)
        for window, group in self._busy(time_s):
            place.repaint(picture, window, group, time_s, rng)
        if self._sweep:
            picture = self._sweep.over(picture, time_s)
        picture = place.rained_on(picture, rng)
        return self._shake.over(picture, time_s) if self._shake else picture

    def truth_at(self, frame_seq: int) -> list[tuple[Quad, str]]:
        """Corners and text of every plate that is wholly inside the picture in one frame."""
        return [(sight.quad, sight.plate_text) for sight in self.sights_at(frame_seq) if sight.inside]

    def sights_at(self, frame_seq: int) -> list[Sight]:
        """Every plate of a vehicle that is at least partly in the picture, the farthest first."""
        time_s = frame_seq / self._frame_rate
        seen = [vehicle for _, vehicle in self._in_sight(time_s)]
        return [
            self._sight(vehicle, seen[i + 1 :], time_s)
            for i, vehicle in enumerate(seen)
            if vehicle.plate_text
        ]

    def _sight(self, vehicle: Vehicle, nearer: list[Vehicle], time_s: float) -> Sight:
        quad = vehicle.plate_quad(self._camera, time_s)
        hidden = hidden_share(quad, [other.outline(self._camera, time_s) + 0.5 for other in nearer])
        if self._shake:
            quad = _moved(quad, self._shake.offset_px(time_s))
        return Sight(self._traffic.index(vehicle), vehicle.plate_text, quad, self._inside(quad), hidden)

    def _place(self, time_s: float) -> Place:
        """The road as it is lit at one moment."""
        if self._stage is None or self._stage.condition_at(time_s) is self._stage.condition:
            return self._places[0]
        return self._places[1]

    def _in_sight(self, time_s: float) -> list[tuple[Window, Vehicle]]:
        """Vehicles in the picture and where, the farthest first."""
        windows = ((vehicle.window(self._camera, time_s), vehicle) for vehicle in self._traffic)
        seen = [(window, vehicle) for window, vehicle in windows if window is not None]
        return sorted(seen, key=lambda one: -one[1].y_m(time_s))

    def _busy(self, time_s: float) -> list[tuple[Window, list[Vehicle]]]:
        """Windows to repaint, none overlapping another, each with its vehicles, the farthest first."""
        groups: list[tuple[Window, list[Vehicle]]] = []
        for seen, vehicle in self._in_sight(time_s):
            window, together = seen, [vehicle]
            while met := next((group for group in groups if group[0].overlaps(window)), None):
                groups.remove(met)
                window, together = window.union(met[0]), met[1] + together
            groups.append((window, sorted(together, key=lambda v: -v.y_m(time_s))))
        return groups

    def _inside(self, quad: Quad) -> bool:
        box = quad.box
        far_x, far_y = self._camera.width - _EDGE_PX, self._camera.height - _EDGE_PX
        return box.x0 >= _EDGE_PX and box.y0 >= _EDGE_PX and box.x1 <= far_x and box.y1 <= far_y

    def _passages(self) -> Iterator[Passage]:
        """When each vehicle's plate can be seen; nothing of one whose plate never is."""
        end_s = max((vehicle.span_s()[1] for vehicle in self._traffic), default=0.0)
        seen: dict[int, dict[int, Sight]] = {number: {} for number in range(len(self._traffic))}
        for seq in range(round(end_s * self._frame_rate) + 1):
            for sight in self.sights_at(seq):
                if sight.inside:
                    seen[sight.vehicle][seq] = sight
        for number, sights in seen.items():
            if sights:
                yield self._passage(self._traffic[number], sights)

    def _passage(self, vehicle: Vehicle, sights: dict[int, Sight]) -> Passage:
        return Passage(
            vehicle.plate_text,
            min(sights),
            max(sights),
            max(sight.width_px for sight in sights.values()),
            vehicle.plate_style,
            vehicle.direction,
            lane=int(vehicle.x_m > 0),
            speed_km_h=vehicle.speed_m_s * 3.6,
            readable_frames=sum(one.readable and one.width_px >= READABLE_PX for one in sights.values()),
            condition=self._place(min(sights) / self._frame_rate).condition.name,
        )

    def _count_frames(self) -> int:
        """Until a little after the last plate has gone, and as long as the stage wants."""
        last = max((passage.last_frame for passage in self.truth), default=0)
        least_s = self._stage.least_s if self._stage else 0.0
        return max(last + round(_TAIL_S * self._frame_rate), round(least_s * self._frame_rate))


def _moved(quad: Quad, by: tuple[float, float]) -> Quad:
    tl, tr, br, bl = ((x + by[0], y + by[1]) for x, y in quad.points)
    return Quad(tl, tr, br, bl)
