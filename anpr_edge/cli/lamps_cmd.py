"""`anpr-edge lamps`: what a technician does to the lamp board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import TYPE_CHECKING

from anpr_edge.cli.output import finding, note
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.config import Config

CLEAR_TEXT = """The lamp board remembers, without power too, that the housing was opened or the head tilted.
Once you know who it was, this makes it forget, takes where the head points now for its place,
and enters that in the audit log of a unit with a signed policy. The reader must not run:
it has the board's line open.

  sudo systemctl stop anpr-edge-reader
  sudo anpr-edge lamps clear-tamper
  sudo systemctl start anpr-edge-reader"""

EXIT_CODES = """exit code: 0 forgotten, 1 the board does not answer, or the housing is open,
78 the configuration cannot be used"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `lamps` with its command clear-tamper."""
    from argparse import RawDescriptionHelpFormatter

    group = subparsers.add_parser("lamps", help="make the lamp board forget that the housing was opened")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    clear = commands.add_parser(
        "clear-tamper",
        help="forget that the housing was opened or the head tilted",
        description=CLEAR_TEXT,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(clear)
    clear.set_defaults(run=run_clear)


def run_clear(arguments: Namespace) -> int:
    """Clear it, and say so in the audit log."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.lamp_board import clear_tamper

    config = load_config(arguments.config)
    lamps = config.illuminator
    if lamps is None or lamps.board is None:
        raise UsageError(
            f"{arguments.config}: this unit has no lamp board", hint="illuminator.board names its serial line"
        )
    clear_tamper(lamps.board)
    finding("ok", "tamper", "forgotten")
    _enter(config)
    return 0


def _enter(config: Config) -> None:
    from anpr_edge.auditlog import TAMPER_CLEARED, append
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.unitpolicy import store_of

    policies = store_of(config)
    if policies is None:
        note("no signed policy, so there is no audit log to enter it in")
        return
    with policies.locked():
        append(policies.audit_log, SystemClock().now().utc_ns, TAMPER_CLEARED, {})
