"""The unit that is being looked at."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from anpr_edge.config import Config, Inspection, inspect_config
from anpr_edge.seams import Clock


class Subject:
    """One unit, known by its configuration file. What is expensive to learn is learnt once, when needed."""

    def __init__(self, config_path: Path, clock: Clock) -> None:
        self.config_path = config_path
        self.clock = clock

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

    def elapsed_ms(self, since_mono_ns: int) -> float:
        """Milliseconds since an earlier `clock.now().mono_ns`."""
        return (self.clock.now().mono_ns - since_mono_ns) / 1e6
