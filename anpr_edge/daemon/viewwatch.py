"""Does the camera still look at what it looked at when it was accepted? Asked every few minutes, aside."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from threading import Thread
from typing import Any, Final

from anpr_edge.commissioning import ANY_LIGHT, Commissioned, read_views
from anpr_edge.errors import AnprError
from anpr_edge.records import Frame
from anpr_edge.vision.signature import Comparison, Signature, ViewGatherer

log = logging.getLogger(__name__)

FRAME_EVERY_S: Final = 10.0
FRAMES: Final = 30
"""Five minutes of the road: what passes, and what waits at a light, is gone from most of them."""


class ViewWatch:
    """Gathers frames, and compares them with the view that was captured in the same light.

    The comparison runs in a thread of its own: it takes a tenth of a second on a desktop processor.
    """

    def __init__(self, views: Mapping[str, Commissioned]) -> None:
        self._views = views
        self._light = ""
        self._gatherer = ViewGatherer()
        self._next_ns: int | None = None
        self._found: Comparison | None = None
        self._light_found = ""
        self._since_ns = self._compared_ns = 0
        self._comparing: Thread | None = None
        self.comparing: Callable[[], AbstractContextManager[None]] = nullcontext
        """What surrounds each comparison: who wants to know of one that hangs puts something here."""

    def look(self, frame: Frame, light: str | None) -> None:
        """Take a frame into account, now and then. `light` is exposure control's profile, if there is one."""
        light = light if light and light in self._views else ANY_LIGHT
        now_ns = frame.taken.mono_ns
        due = self._next_ns is None or now_ns >= self._next_ns or light != self._light
        if light not in self._views or not due:
            return
        if light != self._light:
            self._light, self._gatherer = light, ViewGatherer()
        self._next_ns = now_ns + round(FRAME_EVERY_S * 1e9)
        self._gatherer.add(frame.pixels)
        if self._gatherer.frames >= FRAMES:
            self._compare(self._gatherer, self._views[light].signature, now_ns)
            self._gatherer = ViewGatherer()

    def state(self) -> dict[str, Any] | None:
        """What was found last, and for how long it has stood; None before the first comparison."""
        found = self._found
        if found is None:
            return None
        return {
            "verdict": found.verdict,
            "light": self._light_found,
            "agreement": found.agreement,
            "shift_x": found.shift_x,
            "shift_y": found.shift_y,
            "turn_deg": found.turn_deg,
            "for_s": round((self._compared_ns - self._since_ns) / 1e9),
        }

    def wait(self) -> None:
        """Until a comparison that has begun is made."""
        if self._comparing is not None:
            self._comparing.join()

    def _compare(self, gatherer: ViewGatherer, known: Signature, now_ns: int) -> None:
        if self._comparing is not None and self._comparing.is_alive():
            return  # it hangs, which is known; frames go on
        light = self._light

        def work() -> None:
            with self.comparing():
                compare()

        def compare() -> None:
            found, before = gatherer.compare(known), self._found
            if before is None or found.verdict != before.verdict:
                self._since_ns = now_ns
                log.log(
                    logging.WARNING if found.verdict == "moved" else logging.INFO,
                    "view: %s (agreement %.2f)",
                    found.verdict,
                    found.agreement,
                )
            self._compared_ns, self._light_found, self._found = now_ns, light, found

        self._comparing = Thread(target=work, name="view", daemon=True)
        self._comparing.start()


def build_view_watch(state_dir: Path) -> ViewWatch | None:
    """A watch over the commissioning view; None when none was captured, or it cannot be read."""
    try:
        views = read_views(state_dir)
    except AnprError as error:
        log.warning("%s", error)
        return None
    return ViewWatch(views) if views else None
