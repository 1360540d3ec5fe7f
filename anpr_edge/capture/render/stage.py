"""What a rendered clip shows when it is not the demo's road at night."""

from __future__ import annotations

from dataclasses import dataclass

from anpr_edge.capture.render.conditions import IR_NIGHT, Condition
from anpr_edge.capture.render.flow import Flow


@dataclass(frozen=True, slots=True)
class Stage:
    """Light, weather, traffic and what else is beside the road.

    The light becomes `then`'s from `then_at_s` on, at once, as when a camera's infrared filter moves.
    `zoom` makes everything that many times as large. The clip lasts `least_s` at least.
    """

    flow: Flow
    condition: Condition = IR_NIGHT
    then: Condition | None = None
    then_at_s: float = 0.0
    zoom: float = 1.0
    signs: int = 0
    shake_px: float = 0.0
    sweeping_lights: bool = False
    least_s: float = 0.0

    def condition_at(self, time_s: float) -> Condition:
        """The condition that rules at one moment."""
        return self.then if self.then is not None and time_s >= self.then_at_s else self.condition
