"""Which rendered clips `scripts/bench traffic` judges by: seeds, light, weather, density, situations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice, product
from typing import Final, Literal

from anpr_edge.capture.render.conditions import CONDITIONS, DUSK, IR_NIGHT, RAIN
from anpr_edge.capture.render.flow import Flow
from anpr_edge.capture.render.stage import Stage
from anpr_edge.capture.synthetic import SyntheticRoad
from models.recipe.detector.roads import NoClock

Split = Literal["tune", "report"]
FIRST_SEED: Final[dict[Split, int]] = {"tune": 200_000, "report": 300_000}
"""Nothing is ever tuned while looking at a seed of `report`. The demo and the tests use seeds below 10,000,
the detector's training (models/recipe/detector/roads.py) those from 10,000 on."""
EMPTY_FROM: Final = 50_000
"""Seeds of empty roads begin this far after those of traffic."""
SITUATIONS_FROM: Final = 90_000

FRAME_RATE: Final = 30.0
VEHICLES_A_CLIP: Final = 14
EMPTY_CLIP_S: Final = 60.0
SPACINGS_S: Final = {"light": (3.0, 5.0), "busy": (1.2, 2.2), "dense": (0.2, 0.7)}
ZOOMS: Final = (1.0, 0.75, 1.25)
SWITCH_AT_S: Final = 9.0
EMPTY, VANS = "empty", "vans"
VANS_A_CLIP: Final = 12


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip to be rendered: what it is called in slices, its seed and its stage."""

    name: str
    seed: int
    stage: Stage

    def road(self, width: int = 1280, height: int = 720) -> SyntheticRoad:
        """The clip, ready to be rendered frame by frame."""
        return SyntheticRoad(
            NoClock(),
            width=width,
            height=height,
            frame_rate=FRAME_RATE,
            seed=self.seed,
            paced=False,
            stage=self.stage,
        )


def traffic(split: Split, vehicles: int) -> Iterator[Clip]:
    """Clips of free traffic with `vehicles` vehicles at least, every light at every density and zoom."""
    clips = -(-vehicles // VEHICLES_A_CLIP)
    kinds = cycle(product(ZOOMS, SPACINGS_S.items(), CONDITIONS))
    for number, (zoom, (density, spacing_s), condition) in enumerate(islice(kinds, clips)):
        stage = Stage(
            Flow(VEHICLES_A_CLIP, spacing_s=spacing_s),
            condition,
            then=IR_NIGHT if condition is DUSK and number % 8 == 1 else None,
            then_at_s=SWITCH_AT_S,
            zoom=zoom,
            signs=4 if number % 2 else 0,
            shake_px=2.0 if number % 3 == 0 else 0.0,
            sweeping_lights=condition in (IR_NIGHT, RAIN) and number % 4 < 3 and density != "light",
        )
        yield Clip(density, FIRST_SEED[split] + number, stage)


def situations(split: Split) -> Iterator[Clip]:
    """What trackers and dedupe windows are made for, each under two lights."""
    flows = {
        "queue": Flow(5, situation="queue"),
        "overtaking": Flow(8, situation="overtaking"),
        "parked": Flow(6, situation="parked", gap_s=120.0, spacing_s=(12.0, 20.0)),
        "back after 5 s": Flow(3, situation="return", gap_s=5.0, speed_km_h=(40.0, 90.0)),
        "back after 20 s": Flow(3, situation="return", gap_s=20.0, speed_km_h=(40.0, 90.0)),
    }
    lights = cycle(CONDITIONS)
    for number, (name, flow) in enumerate(flow for flow in flows.items() for _ in range(2)):
        yield Clip(name, FIRST_SEED[split] + SITUATIONS_FROM + number, Stage(flow, next(lights), signs=2))


def empty(split: Split, minutes: int) -> Iterator[Clip]:
    """A minute each of road with boards and lettering; in half of them vans without plates drive."""
    for number, condition in enumerate(islice(cycle(CONDITIONS), minutes)):
        vans = Flow(VANS_A_CLIP, situation="vans", speed_km_h=(20.0, 70.0)) if number // 4 % 2 else Flow(0)
        stage = Stage(
            vans,
            condition,
            zoom=ZOOMS[number % 3],
            signs=3 + number % 6,
            shake_px=2.5 if number % 5 == 1 else 0.0,
            sweeping_lights=number % 3 == 2,
            least_s=EMPTY_CLIP_S,
        )
        yield Clip(VANS if vans.vehicles else EMPTY, FIRST_SEED[split] + EMPTY_FROM + number, stage)
