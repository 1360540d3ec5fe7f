"""`anpr-edge netcheck`: the way of a read, step by step: name, port, TLS, MQTT, publish, the centre's word.

`netcheck --json` is one object as `doctor --json` prints it (anpr_edge.cli.findings).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.findings import EXIT_CODES, exit_code, show, show_json, summarise
from anpr_edge.cli.program import add_config_option

TEXT = """Go the way of a read to its centre, step by step, each timed: the broker's name, its port, TLS,
MQTT, a publish and its PUBACK, and the centre's signed watermark. The first step that fails is
named, with what to do about it. A running uplink is not disturbed; one small message is published,
on the unit's own topic reply/netcheck, and no read. Example:

  sudo anpr-edge netcheck"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `netcheck`."""
    parser = subparsers.add_parser(
        "netcheck",
        help="try the way to the broker and the centre, step by step",
        description=TEXT,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Examine the way there."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.checks import broker, mqtt
    from anpr_edge.diag.examine import examine
    from anpr_edge.diag.registry import ALL_CHECKS
    from anpr_edge.diag.subject import Subject

    clock = SystemClock()
    found = examine(Subject(arguments.config, clock), (broker.CHECK, mqtt.CHECK), ALL_CHECKS)
    lines = [line for line in found if line.condition.code != "broker-standby"]  # no part of the way
    code = exit_code(lines)
    if arguments.json:
        show_json(lines, arguments.config, clock.now(), code)
    else:
        show(lines)
        summarise(lines)
    return code
