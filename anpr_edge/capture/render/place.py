"""One road under one condition: what it looks like empty, and how what moves on it is exposed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.render.camera_look import CameraLook, Window
from anpr_edge.capture.render.conditions import Condition
from anpr_edge.capture.render.lettering import with_signs
from anpr_edge.capture.render.scene import Camera, empty_road
from anpr_edge.capture.render.vehicles import Canvas, Vehicle
from anpr_edge.capture.render.weather import Rain


class Place:
    """The road without traffic under a condition, ready to be driven on."""

    def __init__(
        self,
        camera: Camera,
        condition: Condition,
        rng: np.random.Generator,
        *,
        signs: int = 0,
        own_blur: bool = False,
    ) -> None:
        """`own_blur` blurs each face by its own speed, not all in a window by the fastest one's."""
        self.condition = condition
        self._camera = camera
        self._own_blur = own_blur
        road = empty_road(camera, rng, lamp=condition.lamp, ambient=condition.ambient)
        self._road = with_signs(road, camera, condition, signs, rng) if signs else road
        self._look = CameraLook(
            camera.width,
            camera.height,
            condition.gain,
            rng,
            veil=condition.veil,
            veil_grey=condition.veil_grey,
        )
        self._still = self._look.still_frames(self._road, rng)
        rainy = condition.rain > 0
        self._rain = Rain(camera.width, camera.height, condition.rain, rng) if rainy else None

    def empty(self, rng: np.random.Generator) -> NDArray[np.uint8]:
        """One exposure of the empty road, uint8 (H, W)."""
        return self._still[rng.integers(len(self._still))].copy()

    def repaint(
        self,
        picture: NDArray[np.uint8],
        window: Window,
        group: list[Vehicle],
        time_s: float,
        rng: np.random.Generator,
    ) -> None:
        """Put vehicles, the farthest first, into a window of the picture."""
        canvas = Canvas(self._road, window, self._camera, self.condition)
        for vehicle in group:
            vehicle.draw(canvas, time_s)
        shutter_s = self.condition.shutter_s
        blur_px = max(vehicle.blur_px(self._camera, time_s, shutter_s) for vehicle in group)
        picture[window.slices] = self._look.develop(canvas.pixels, window, blur_px, rng)
        for vehicle in group if self._own_blur and len(group) > 1 else ():
            face = vehicle.face_window(self._camera, time_s).within(window)
            if face is not None:
                own_px = vehicle.blur_px(self._camera, time_s, shutter_s)
                picture[face.slices] = self._look.develop(canvas.part(face), face, own_px, rng)

    def rained_on(self, picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """The picture with the drops of this frame, if it rains."""
        return picture if self._rain is None else self._rain.over(picture, rng)
