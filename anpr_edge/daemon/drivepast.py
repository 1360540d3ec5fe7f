"""The unit's own camera, lamps and models, once round without an outbox: what a test vehicle's plate gives.

Nothing is sealed, stored or sent; nothing of a read outlives the process.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, closing
from typing import Any

from anpr_edge.config import Config
from anpr_edge.daemon.alone import alone
from anpr_edge.daemon.wiring_reader import build_exposure, build_lamps, build_plates, build_source
from anpr_edge.pipeline import Counts, PlateReader
from anpr_edge.records import PlateRead
from anpr_edge.seams import Clock
from anpr_edge.vision.sight import Sight


class DrivePast:
    """A run over the unit's own source; it takes the reader's place, which must not run."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._sight = Sight()
        self._plates: PlateReader | None = None

    def reads(self, seconds: float) -> Generator[PlateRead, None, None]:
        """Each read as it becomes final, for `seconds` or until the source ends.

        Raises: AnprError when the unit's reader runs; what opening the camera, lamps and models raises.
        """
        config = self._config
        with ExitStack() as opened:
            opened.enter_context(alone(config.unit.state_dir, "reader"))
            lamps = build_lamps(config, self._clock)
            if lamps is not None and config.illuminator is not None:
                opened.enter_context(closing(lamps))
                lamps.set_level(config.illuminator.level)
            plates = self._plates = build_plates(config)
            source = opened.enter_context(closing(build_source(config, self._clock)))
            exposure = build_exposure(config, source, lamps)
            until_ns = self._clock.now().mono_ns + round(seconds * 1e9)
            while self._clock.now().mono_ns < until_ns and (frame := source.read()) is not None:
                yield from plates.step(frame)
                self._sight.look(frame, plates.detections, plates.looks)
                if exposure is not None:
                    exposure.look(frame, plates.detections)
            yield from plates.finish()

    @property
    def counts(self) -> Counts:
        """What has happened to frames and plates so far."""
        return self._plates.counts if self._plates else Counts()

    @property
    def sight(self) -> dict[str, Any]:
        """How well the camera saw (docs/diagnostics.md, `sight`); empty before the first frame."""
        return self._sight.state()
