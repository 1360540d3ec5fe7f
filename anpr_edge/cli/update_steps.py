"""What does the steps of `anpr-edge update` on this unit, from its configuration and its slots."""

from __future__ import annotations

from argparse import Namespace

from anpr_edge.config import load_config
from anpr_edge.devices.clock import SystemClock
from anpr_edge.statefile import is_fresh, read_state
from anpr_edge.update.layout import load_layout
from anpr_edge.update.record import Recorder
from anpr_edge.update.updater import Updater


def updater_of(arguments: Namespace) -> Updater:
    """The updater of the unit that the arguments name.

    Raises: ConfigError, UpdateError when its configuration or its layout is not what it must be.
    """
    config, layout, clock = load_config(arguments.config), load_layout(arguments.layout), SystemClock()

    def broker_reached() -> bool | None:
        state = read_state(config.unit.run_dir / "uplink.json")
        if state is None or not is_fresh(state, clock.now().mono_ns / 1e9):
            return None
        return bool(state["link"]["connected"])

    recorder = Recorder(layout.state_dir, config.unit.state_dir)
    return Updater(layout, recorder, clock, broker_reached=broker_reached)
