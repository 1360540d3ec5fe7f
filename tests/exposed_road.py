"""A rendered road that answers to shutter, gain, lamps and the sun, and a detector that sees what is there.

What a point sends to the lens is light per µs: the sun's times how bright the point is, and the lamps',
which a plate throws back many times better than anything else. The sensor gathers it over shutter × gain;
lens, noise, saturation and motion blur are the renderer's own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.camera_look import CameraLook, Window
from anpr_edge.capture.render.plates import UK_SINGLE_ROW, draw_plate
from anpr_edge.capture.render.scene import Camera, empty_road, lamp_light
from anpr_edge.devices.exposure import ExposureController
from anpr_edge.records import Box, Brightness, Detection, Exposure, Frame, Instant, PlateCandidate, Quad
from anpr_edge.seams import Detector
from anpr_edge.vision.brightness import measure

NOON, OVERCAST, DUSK, NIGHT = 0.01, 0.002, 0.00012, 0.0
"""The sun: grey levels a µs at gain 1, for each grey level the renderer's own lighting gives."""
LAMPS = 1 / 1300
"""The lamps at full, likewise."""
PLATE_GREY = 260.0
"""How bright a white plate is where the renderer's tarmac is 26."""
RETRO = 6.0
"""How much more of the lamps' light a plate sends back than a white wall would."""
BODY_GREY = 45.0
MARK = "AB12 CDE"
FAR_M, NEAR_M = 24.0, 9.5
LEAST_CONTRAST_GREY = 20.0

Floats = NDArray[np.float32]


@dataclass
class ExposedRoad:
    """A FrameSource and an Illuminator in one; `headway_s` apart a vehicle comes, or none if None.

    What it is told counts after `latency_frames` that are already under way, with `most_gain` at most.
    """

    sun: float = NIGHT
    headway_s: float | None = 3.0
    frame_rate: float = 6.0
    speed_km_h: float = 45.0
    shine: float = 1.0
    frames: int | None = None
    lamps: float = LAMPS
    gamma: float = 1.0
    width: int = 400
    most_gain: float = 64.0
    latency_frames: int = 2

    def __post_init__(self) -> None:
        self.exposure = Exposure(500.0, 4.0, 1.0)
        self.camera = Camera.on_pole(self.width, self.width * 9 // 16)
        self._by_lamps = empty_road(self.camera, np.random.default_rng(1))
        self._by_sun = self._by_lamps / self._lamp_map()
        self._plate = draw_plate([MARK], UK_SINGLE_ROW, 0.84).reflectance
        self._looks: dict[float, CameraLook] = {}
        self._empty: tuple[object, NDArray[np.uint8]] | None = None
        self._under_way = deque([self.exposure] * self.latency_frames)
        self._lamp_level = self.exposure.lamp_level
        self._rng = np.random.default_rng(2)
        self.at = 0
        self.told: list[Exposure] = []

    # ── the seams ───────────────────────────────────────────────────────────────────────────

    def expose(self, exposure: Exposure) -> None:
        """Count for frames to come; the one after the next few."""
        self.exposure = exposure
        self.told.append(exposure)

    def set_level(self, level: float) -> None:
        """The lamps answer at once."""
        if not 0 <= level <= 1:
            raise ValueError(f"level {level} is outside 0 to 1")
        self._lamp_level = level

    def read(self) -> Frame | None:
        """The next picture, as the exposure that counts for it makes it."""
        if self.at == self.frames:
            return None
        self._under_way.append(replace(self.exposure, gain=min(self.exposure.gain, self.most_gain)))
        taken = self._under_way.popleft()
        seq, self.at = self.at, self.at + 1
        pixels = self._develop(taken, seq)
        return Frame(seq, self.instant(seq), pixels, taken.shutter_us, taken.gain)

    def close(self) -> None:
        """No more pictures."""
        self.frames = self.at

    def instant(self, seq: int) -> Instant:
        """When a frame is taken."""
        return Instant(0, round((1 + seq / self.frame_rate) * 1e9))

    # ── what there is to see ────────────────────────────────────────────────────────────────

    def plate_at(self, seq: int) -> Quad | None:
        """Where the plate in a frame is."""
        y_m = self._y_m(seq)
        return None if y_m is None else self._quad(y_m)

    def _y_m(self, seq: int) -> float | None:
        if self.headway_s is None:
            return None
        y_m = FAR_M - (seq / self.frame_rate % self.headway_s) * self.speed_km_h / 3.6
        return y_m if y_m >= NEAR_M else None

    def _quad(self, y_m: float) -> Quad:
        return Quad(*self._corners((-0.26, 0.26), (0.611, 0.5), y_m))

    def _corners(
        self, x_m: tuple[float, float], z_m: tuple[float, float], y_m: float
    ) -> list[tuple[float, float]]:
        (left, right), (top, bottom), lane = x_m, z_m, 1.75
        places = [(left, top), (right, top), (right, bottom), (left, bottom)]
        points = self.camera.project(np.array([[lane + x, y_m, z] for x, z in places]))
        return [(float(x), float(y)) for x, y in points]

    def _lamp_map(self) -> Floats:
        x, y = self.camera.ground()
        distance = np.sqrt((x - self.camera.x_m) ** 2 + y**2 + self.camera.z_m**2)
        light = np.interp(distance, steps := np.linspace(1, 200, 2000), [lamp_light(one) for one in steps])
        return np.asarray(light, np.float32)

    # ── the sensor ──────────────────────────────────────────────────────────────────────────

    def _develop(self, taken: Exposure, seq: int) -> NDArray[np.uint8]:
        """One picture; an empty road in the same light is not painted a second time."""
        y_m = self._y_m(seq)
        if y_m is not None:
            return self._picture(taken, y_m)
        wanted = (taken, self.sun, self.lamps, self._lamp_level)
        if self._empty is None or self._empty[0] != wanted:
            self._empty = wanted, self._picture(taken, None)
        return self._empty[1]

    def _picture(self, taken: Exposure, y_m: float | None) -> NDArray[np.uint8]:
        lamps = self.lamps * self._lamp_level
        light = self.sun * self._by_sun + lamps * self._by_lamps
        blur_px = 0.0
        if y_m is not None:
            self._draw_vehicle(light, y_m, lamps)
            travel_m = self.speed_km_h / 3.6 * taken.shutter_us / 1e6
            blur_px = abs(self._quad(y_m - travel_m).box.centre[1] - self._quad(y_m).box.centre[1])
        whole = Window(0, 0, self.camera.width, self.camera.height)
        grey = light * np.float32(taken.shutter_us * taken.gain)
        linear = self._look(taken.gain).develop(grey, whole, blur_px, self._rng)
        return linear if self.gamma == 1 else (255 * (linear / 255) ** (1 / self.gamma)).astype(np.uint8)

    def _draw_vehicle(self, light: Floats, y_m: float, lamps: float) -> None:
        at = lamps * lamp_light(self.camera.distance_m((1.75, y_m, 0.5)))
        body = np.array(self._corners((-0.85, 0.85), (1.4, 0.3), y_m)).round().astype(np.int32)
        cv2.fillConvexPoly(light, body, (BODY_GREY * (self.sun + at),))
        self._draw_plate(light, self._quad(y_m), PLATE_GREY * self.shine * (self.sun + RETRO * at))

    def _draw_plate(self, light: Floats, quad: Quad, brightness: float) -> None:
        box = quad.box
        x0, y0 = max(0, int(box.x0) - 2), max(0, int(box.y0) - 2)
        part = light[y0 : int(box.y1) + 3, x0 : int(box.x1) + 3]
        if not part.size:
            return
        tall, wide = self._plate.shape
        edges = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32)
        corners = np.array(quad.points, np.float32) - np.array((x0, y0), np.float32)
        to_part = cv2.getPerspectiveTransform(edges, corners)
        reflected = cv2.warpPerspective(self._plate, to_part, part.shape[::-1], flags=cv2.INTER_AREA)
        part *= 1 - cv2.warpPerspective(np.ones_like(self._plate), to_part, part.shape[::-1])
        part += reflected * np.float32(brightness)

    def _look(self, gain: float) -> CameraLook:
        step = round(gain, 1)
        if step not in self._looks:
            rng = np.random.default_rng(3)
            self._looks[step] = CameraLook(self.camera.width, self.camera.height, step, rng)
        return self._looks[step]


class SeesPlates:
    """The detector's and recogniser's fake: finds the road's plate wherever its text stands out."""

    model_id = "sees-plates-1+00000000"
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

    def __init__(self, road: ExposedRoad) -> None:
        self._road = road
        self._at = 0
        self.found = 0

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """The plate in the next frame, if ink and face can be told apart in it."""
        quad, self._at = self._road.plate_at(self._at), self._at + 1
        if quad is None or contrast(pixels, quad.box) < LEAST_CONTRAST_GREY:
            return []
        self.found += 1
        return [Detection(quad.box, quad, 0.9)]

    def recognise(self, pixels: NDArray[np.uint8], quad: Quad) -> PlateCandidate | None:
        """Reads nothing: how bright it was is all that is asked."""
        return None


class Drive:
    """The loop closed: what the road shows is measured, and what the controller says is set."""

    def __init__(
        self, road: ExposedRoad, controller: ExposureController, detector: Detector | None = None
    ) -> None:
        self.road, self.controller = road, controller
        self._detector = detector or SeesPlates(road)
        self.looks: list[Brightness] = []
        self.profiles: list[str] = []

    def run(self, seconds: float, change: Callable[[float], None] = lambda share: None) -> None:
        """Let time pass; `change` is told before each frame which share of it has, 0 to 1."""
        self.looks.clear()
        self.profiles.clear()
        self.road.told.clear()
        frames = round(seconds * self.road.frame_rate)
        for number in range(frames):
            change(number / frames)
            self._step()

    def _step(self) -> None:
        frame = self.road.read()
        assert frame is not None
        quads = [found.quad for found in self._detector.detect(frame.pixels)]
        seen = measure(frame.pixels, quads)
        if quads:
            self.looks.append(seen)
        wanted = self.controller.update(
            seen, frame.taken.mono_ns, shutter_us=frame.exposure_us, gain=frame.gain
        )
        if self.controller.profile not in self.profiles[-1:]:
            self.profiles.append(self.controller.profile)
        if wanted != self.road.exposure:
            self.road.expose(wanted)
            self.road.set_level(wanted.lamp_level)

    @property
    def plate_grey(self) -> float:
        """The median of all looks at plates."""
        return median(look.plate_grey or 0.0 for look in self.looks)

    @property
    def clipped(self) -> float:
        """The share of looks at plates in which more than a fifth was white."""
        return sum((look.plate_clipped or 0.0) > 0.2 for look in self.looks) / len(self.looks)


def contrast(pixels: NDArray[np.uint8], box: Box) -> float:
    """How far the brightest and the darkest tenth of a plate's middle are apart, in grey levels."""
    x, y = (slice(round(low) + 1, round(high) - 1) for low, high in ((box.x0, box.x1), (box.y0, box.y1)))
    dark, bright = np.percentile(pixels[y, x], (10, 90))
    return float(bright - dark)
