"""`anpr-edge doctor`: is the unit healthy, and if not, what to do next.

`doctor --json` prints one object (anpr_edge.cli.findings); with `--watch` one a look at which anything
changed, with the changed findings alone. `doctor --list --json` gives {"schema": 1, "conditions": [{"check",
"code", "title", "severity", "explanation", "next", "visible_after_s", "depends_on",
"explained_by"}]}.

Exit code: 0 all is well (warnings included), 1 a check failed or could not be made, 2 no such check,
78 the configuration cannot be used. With `--watch`: that of the last look.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anpr_edge.cli.findings import EXIT_CODES, SCHEMA, exit_code, show, show_json, summarise
from anpr_edge.cli.numbers import between
from anpr_edge.cli.output import json_line, table
from anpr_edge.cli.program import add_config_option

if TYPE_CHECKING:
    from anpr_edge.diag.examine import Line
    from anpr_edge.seams import Clock

DOCTOR_HELP = """Check the unit: configuration, clock, board, disk, keys, models, camera, broker, services,
outbox. One line a condition: verdict, code, measured value, limit; what is wrong is followed by
`next:`, what to do about it. Nothing is changed. Run it as root: what may not be looked at
is not checked, and that is never shown as ok. What the unit does not have, or not
know yet, is `none`. Examples:

  sudo anpr-edge doctor
  sudo anpr-edge doctor broker keys
  anpr-edge doctor --explain uplink-link"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `doctor`."""
    doctor = subparsers.add_parser(
        "doctor",
        help="check the unit, and say what to do about what is wrong",
        description=DOCTOR_HELP,
        epilog=f"{EXIT_CODES}; with --watch that of the last look",
        formatter_class=RawDescriptionHelpFormatter,
    )
    doctor.add_argument("names", nargs="*", metavar="NAME", help="only these checks (see --list)")
    add_config_option(doctor)
    doctor.add_argument("--json", action="store_true", help="print one JSON object")
    doctor.add_argument("--list", action="store_true", help="list every check and condition")
    doctor.add_argument("--explain", metavar="CODE", help="say what a condition means")
    doctor.add_argument(
        "--watch", action="store_true", help="look again and again until Ctrl-C, and tell what changes"
    )
    doctor.add_argument(
        "--every",
        type=between(1.0),
        default=5.0,
        metavar="SECONDS",
        help="how often --watch looks (%(default)g)",
    )
    doctor.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Examine the unit, or explain what is examined."""
    if arguments.explain:
        return _explain(arguments.explain)
    if arguments.list:
        return _list(as_json=arguments.json)
    return _watch(arguments) if arguments.watch else _examine(arguments)


def _examine(arguments: Namespace) -> int:
    from anpr_edge.devices.clock import SystemClock

    clock = SystemClock()
    lines = _look(arguments, clock)
    code = exit_code(lines)
    if arguments.json:
        show_json(lines, arguments.config, clock.now(), code)
    else:
        show(lines)
        summarise(lines)
    return code


def _watch(arguments: Namespace) -> int:
    """Tell what changes until interrupted."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.watch import Watch

    clock, watch, code = SystemClock(), Watch(), 0
    try:
        while True:
            lines, now = _look(arguments, clock), clock.now()
            code = exit_code(lines)
            if news := watch.changes(lines, now.mono_ns / 1e9):
                if arguments.json:
                    show_json(news, arguments.config, now, code)
                else:
                    print(f"{datetime.fromtimestamp(now.utc_ns / 1e9, UTC):%H:%M:%S} UTC")
                    show(news)
                sys.stdout.flush()
            clock.sleep(arguments.every)
    except KeyboardInterrupt:
        return code


def _look(arguments: Namespace, clock: Clock) -> list[Line]:
    from anpr_edge.diag.examine import examine
    from anpr_edge.diag.registry import CHECKS, select
    from anpr_edge.diag.subject import Subject

    return examine(Subject(arguments.config, clock), select(arguments.names), CHECKS)


def _list(*, as_json: bool) -> int:
    from anpr_edge.diag.registry import CHECKS

    known = [(check.name, condition) for check in CHECKS for condition in check.conditions]
    if as_json:
        conditions = [
            {
                "check": name,
                "code": condition.code,
                "title": condition.title,
                "severity": condition.severity,
                "explanation": condition.explanation,
                "next": condition.next_step,
                "visible_after_s": condition.visible_after_s,
                "depends_on": list(condition.depends_on),
                "explained_by": list(condition.explained_by),
            }
            for name, condition in known
        ]
        json_line({"schema": SCHEMA, "conditions": conditions})
    else:
        rows = [(name, condition.code, condition.title) for name, condition in known]
        table(("check", "code", "right when"), rows)
    return 0


def _explain(code: str) -> int:
    from textwrap import fill

    from anpr_edge.diag.registry import find_condition

    condition = find_condition(code)
    print(f"{condition.code}: {condition.title}.")
    print(fill(condition.explanation, 88))
    print(fill(f"Next: {condition.next_sentence}", 88, break_on_hyphens=False))
    print(f"At stake: {condition.severity}.")
    if condition.visible_after_s:
        print(f"Wrong for less than {condition.visible_after_s:.0f} s it is a hiccup.")
    if condition.explained_by:
        print(fill(f"A consequence when one of these is wrong too: {', '.join(condition.explained_by)}.", 88))
    if condition.depends_on:
        print(f"Checked only when these are right: {', '.join(condition.depends_on)}.")
    return 0
