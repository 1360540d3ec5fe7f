"""What systemd runs of `anpr-edge update`: the health gate after a start, and taking an ordered update."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import finding, note, progress
from anpr_edge.errors import AnprError, UpdateError

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.daemon.updateagent import UpdateAgent
    from anpr_edge.update.gate import Sight
    from anpr_edge.update.updater import Updater


def run_gate(arguments: Namespace) -> int:
    """Commit a trial or go back; 0 when the system that runs may stay, 1 when it may not."""
    from anpr_edge.cli.update_steps import updater_of

    try:
        updater = updater_of(arguments)
    except AnprError as error:
        _give_up_without_config(arguments.layout, error)
        raise
    settled = updater.settle()
    if settled is not None:
        finding("ok" if settled.phase == "committed" else "warn", f"update {settled.phase}", settled.why)
        _agent(arguments, updater).tell_end(settled)
    _agent(arguments, updater).clean_up()
    if not updater.store.load().on_trial:
        return 0
    passed = _watch(arguments, updater)
    ended = updater.recorder.last()
    if ended is not None:
        _agent(arguments, updater).tell_end(ended)
    if not passed:
        updater.reboot()
    return 0 if passed else 1


def run_take(arguments: Namespace) -> int:
    """Install the order that lies ready, and restart into it; without one there is nothing to do."""
    from anpr_edge.cli.update_steps import updater_of

    updater = updater_of(arguments)
    record = _agent(arguments, updater).take(progress)
    if record is None:
        note("nothing was ordered")
        return 0
    finding("ok", f"slot {record.slot}", f"holds version {record.version}, as ordered")
    updater.reboot_to_try()
    return 0


def looks_now(arguments: Namespace, updater: Updater) -> list[str]:
    """What is not as the gate wants it, at this moment."""
    from anpr_edge.config import load_config
    from anpr_edge.update.gate import troubles

    record = updater.recorder.last()
    sight = sight_of(load_config(arguments.config), models_trouble(arguments.config))
    return troubles(sight, broker_before=None if record is None else record.broker_before)


def _agent(arguments: Namespace, updater: Updater) -> UpdateAgent:
    from anpr_edge.config import load_config
    from anpr_edge.daemon.updateagent import UpdateAgent
    from anpr_edge.daemon.wiring_common import identity_of
    from anpr_edge.devices.clock import SystemClock

    config = load_config(arguments.config)
    return UpdateAgent(updater, identity_of(config), config.unit.state_dir, SystemClock())


def sight_of(config: Config, models: str) -> Sight:
    """The unit as its services say it is now."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.update.gate import Sight

    run_dir = config.unit.run_dir
    reader, uplink = _state(run_dir / "reader.json"), _state(run_dir / "uplink.json")
    return Sight(SystemClock().now().mono_ns / 1e9, reader, uplink, models)


def models_trouble(config_file: Path) -> str:
    """What doctor finds wrong with the models, by hash and by a run; nothing when all is well."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.checks.models import CHECK
    from anpr_edge.diag.condition import Verdict
    from anpr_edge.diag.subject import Subject

    found = [one for one in CHECK.run(Subject(config_file, SystemClock())) if one.verdict is not Verdict.OK]
    return "; ".join(f"{one.code}: {one.measured}" for one in found)


def _watch(arguments: Namespace, updater: Updater) -> bool:
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.update.trial import watch_trial

    config = load_config(arguments.config)
    models = models_trouble(arguments.config)
    note(f"slot {updater.store.running()} is on trial, for {config.update.gate_minutes:g} minutes at most")
    try:
        return watch_trial(
            updater,
            SystemClock(),
            look=lambda: sight_of(config, models),
            limit_s=config.update.gate_minutes * 60,
            hold_s=arguments.hold,
            say=note,
        )
    except UpdateError as error:
        updater.give_up(f"it cannot be committed: {error}")
        return False


def _give_up_without_config(layout_file: Path, why: AnprError) -> None:
    """A new system that cannot use the unit's configuration goes back, and says so."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.update.layout import load_layout
    from anpr_edge.update.record import Recorder
    from anpr_edge.update.updater import Updater

    layout = load_layout(layout_file)
    updater = Updater(layout, Recorder(layout.state_dir, layout.state_dir.parent), SystemClock())
    if updater.store.load().on_trial:
        updater.give_up(f"it cannot use the unit's configuration: {why}")
        updater.reboot()


def _state(path: Path) -> dict[str, Any] | None:
    from anpr_edge.statefile import read_state

    try:
        return read_state(path)
    except AnprError:
        return None
