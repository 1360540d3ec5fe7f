"""The unit that is being looked at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from anpr_edge.config import Config, Inspection, inspect_config
from anpr_edge.diag.machine import Machine
from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock
from anpr_edge.statefile import read_state


class Subject:
    """One unit, known by its configuration file. What is expensive to learn is learnt once, when needed."""

    def __init__(self, config_path: Path, clock: Clock, machine: Machine | None = None) -> None:
        self.config_path = config_path
        self.clock = clock
        self.machine = machine or Machine()

    @cached_property
    def inspection(self) -> Inspection:
        """Everything there is to say about the configuration file.

        Raises: ConfigError when the file itself cannot be read.
        """
        return inspect_config(self.config_path)

    @property
    def config(self) -> Config:
        """The configuration.

        Raises: ConfigError when it cannot be used; checks that depend on `config` are not run then.
        """
        return self.inspection.usable()

    def state(self, process: str) -> dict[str, Any]:
        """What a service last said of itself; nothing when it never did, or in a damaged file.

        Which of these it is, and whether the service still runs, is the `services` check's to say.
        """
        try:
            return read_state(self.config.unit.run_dir / f"{process}.json") or {}
        except AnprError:
            return {}

    def elapsed_ms(self, since_mono_ns: int) -> float:
        """Milliseconds since an earlier `clock.now().mono_ns`."""
        return (self.clock.now().mono_ns - since_mono_ns) / 1e6
