"""A rendered road with known truth: what the demo watches and the replay tests are judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.pacing import Pacer
from anpr_edge.capture.render.camera_look import CameraLook, Window
from anpr_edge.capture.render.scene import Camera, empty_road
from anpr_edge.capture.render.traffic import make_traffic
from anpr_edge.capture.render.vehicles import Canvas, Vehicle
from anpr_edge.records import Frame, Quad, mask_plate
from anpr_edge.seams import Clock

_SHUTTER_S = 1 / 1500
_GAIN = 2.0
_EDGE_PX = 2.0
_TAIL_S = 1.0


@dataclass(frozen=True, slots=True)
class Passage:
    """One vehicle's plate wholly in the picture, from `first_frame` to `last_frame` inclusive."""

    plate_text: str
    first_frame: int
    last_frame: int
    max_plate_width_px: float
    style: str

    def __repr__(self) -> str:
        span = f"frames {self.first_frame}..{self.last_frame}"
        return f"Passage({mask_plate(self.plate_text)}, {span}, {self.style})"


class SyntheticRoad:
    """A finite clip of a road at night: vehicles with made-up plates pass an infrared camera.

    The same `seed` gives the same clip, pixel for pixel, whatever the order frames are asked for.
    With `paced` each frame waits for its time on the clock, as a camera would; without, frames come as
    fast as they are asked for and their instants follow from the frame number.
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
    ) -> None:
        rng = np.random.default_rng(seed)
        self._pacer = Pacer(clock, frame_rate, paced=paced)
        self._frame_rate = frame_rate
        self._seed = seed
        self._camera = Camera.on_pole(width, height)
        self._traffic = make_traffic(vehicles, rng)
        self._road = empty_road(self._camera, rng)
        self._look = CameraLook(width, height, _GAIN, rng)
        self._still = self._look.still_frames(self._road, rng)
        self._next = 0
        self.truth: tuple[Passage, ...] = tuple(
            passage for vehicle in self._traffic if (passage := self._passage(vehicle))
        )
        self.frame_count = self._count_frames()

    def read(self) -> Frame | None:
        """The next frame, at its time when paced; None after the last vehicle has gone."""
        if self._next >= self.frame_count:
            return None
        seq, self._next = self._next, self._next + 1
        taken = self._pacer.taken(seq)
        return Frame(seq, taken, self.render(seq), _SHUTTER_S * 1e6, _GAIN, illuminated=True)

    def close(self) -> None:
        """End the clip."""
        self._next = self.frame_count

    def render(self, frame_seq: int) -> NDArray[np.uint8]:
        """The picture of one frame, uint8 (H, W), without waiting."""
        time_s = frame_seq / self._frame_rate
        rng = np.random.default_rng((self._seed, frame_seq))
        picture = self._still[rng.integers(len(self._still))].copy()
        for window, group in self._busy(time_s):
            canvas = Canvas(self._road, window, self._camera)
            for vehicle in group:
                vehicle.draw(canvas, time_s)
            blur_px = max(vehicle.blur_px(self._camera, time_s, _SHUTTER_S) for vehicle in group)
            picture[window.slices] = self._look.develop(canvas.pixels, window, blur_px, rng)
        return picture

    def truth_at(self, frame_seq: int) -> list[tuple[Quad, str]]:
        """Corners and text of every plate that is wholly inside the picture in one frame."""
        time_s = frame_seq / self._frame_rate
        seen = [(vehicle.plate_quad(self._camera, time_s), vehicle) for _, vehicle in self._in_sight(time_s)]
        return [(quad, vehicle.plate_text) for quad, vehicle in seen if self._inside(quad)]

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

    def _passage(self, vehicle: Vehicle) -> Passage | None:
        """When this vehicle's plate can be seen; None when it never is."""
        first, last = (round(edge * self._frame_rate) for edge in vehicle.span_s())
        seen = {}
        for seq in range(max(0, first), last + 1):
            quad = vehicle.plate_quad(self._camera, seq / self._frame_rate)
            if self._inside(quad):
                seen[seq] = quad.box.width
        if not seen:
            return None
        return Passage(vehicle.plate_text, min(seen), max(seen), max(seen.values()), vehicle.plate_style)

    def _count_frames(self) -> int:
        """Until a little after the last plate has gone."""
        last = max((passage.last_frame for passage in self.truth), default=0)
        return last + round(_TAIL_S * self._frame_rate)
