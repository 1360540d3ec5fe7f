"""Keeps the exposure of camera and lamps where plates want it, frame after frame."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from anpr_edge.devices.exposure import ExposureController
from anpr_edge.errors import DeviceError
from anpr_edge.records import Brightness, Detection, Exposure, Frame
from anpr_edge.seams import Exposable, Illuminator
from anpr_edge.vision.brightness import measure

log = logging.getLogger(__name__)


class ExposureKeeper:
    """Measures each frame and sets camera and `lamps` to what the controller makes of it.

    A unit without lamps of its own has None. Lamps that refuse are logged and shown in the state, and
    reading goes on with the light there is.
    """

    def __init__(
        self, controller: ExposureController, camera: Exposable, lamps: Illuminator | None = None
    ) -> None:
        self._controller = controller
        self._camera = camera
        self._lamps = lamps
        self._set: Exposure | None = None
        self._profile = ""
        self._lamp_fault = ""
        self._state: dict[str, Any] = {}

    def look(self, frame: Frame, plates: Sequence[Detection]) -> None:
        """Take a frame and the plates found in it into account, and change what has to be changed."""
        seen = measure(frame.pixels, [plate.quad for plate in plates])
        wanted = self._controller.update(
            seen, frame.taken.mono_ns, shutter_us=frame.exposure_us, gain=frame.gain
        )
        if wanted != self._set:
            self._camera.expose(wanted)
            self._set_lamps(wanted.lamp_level)
            self._set = wanted
        if self._controller.profile != self._profile:
            self._profile = self._controller.profile
            log.info("exposure: by %s", self._profile)
        self._state = self._describe(frame, seen, wanted)

    def state(self) -> dict[str, Any]:
        """The `exposure` part of the reader's state, as of the last frame; empty before the first."""
        return self._state

    def _set_lamps(self, level: float) -> None:
        if self._lamps is None:
            return
        try:
            self._lamps.set_level(level)
        except DeviceError as error:
            if not self._lamp_fault:
                log.error("lamps: %s", error)
            self._lamp_fault = str(error)
        else:
            self._lamp_fault = ""

    def _describe(self, frame: Frame, seen: Brightness, wanted: Exposure) -> dict[str, Any]:
        before = self._state.get("plate_grey")
        controller = self._controller
        return {
            "shutter_us": round(frame.exposure_us or wanted.shutter_us),
            "gain": round(frame.gain or wanted.gain, 2),
            "lamp_level": None if self._lamps is None else round(wanted.lamp_level, 3),
            "lamp_fault": self._lamp_fault,
            "profile": controller.profile,
            "held_by": controller.held_by,
            "plate_grey": before if seen.plate_grey is None else seen.plate_grey,
            "scene_grey": seen.scene_grey,
            "limit": controller.limit,
            "limit_s": round(controller.limit_s, 1),
        }
