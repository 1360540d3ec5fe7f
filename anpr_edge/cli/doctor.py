"""`anpr-edge doctor`: is the unit healthy, and if not, what to do next.

`doctor --json`: {"schema": 1, "config", "utc", "healthy", "findings": [{"check", "code", "title",
"severity": reads|delivery|evidence, "verdict": ok|warn|fail|not-checked|absent, "measured", "limit", "next",
"because": code of the root cause or ""}]}. With `--watch` one such object a look at which anything changed,
with the changed findings alone. `doctor --list --json` gives {"schema": 1, "conditions": [{"check", "code",
"title", "severity", "explanation", "next", "visible_after_s", "depends_on"}]}.

Exit code: 0 all is well (warnings included), 1 a check failed or could not be made, 2 no such check,
78 the configuration cannot be used. With `--watch`: that of the last look.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anpr_edge.cli.numbers import between
from anpr_edge.cli.output import Verdict as Mark
from anpr_edge.cli.output import finding, json_line, note, table
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import ConfigError

if TYPE_CHECKING:
    from anpr_edge.diag.examine import Line

SCHEMA = 1
EXIT_FAILED = 1

DOCTOR_HELP = """Check the unit: configuration, clock, board, disk, keys, models, camera, broker, services,
outbox. One line a condition: verdict, code, measured value, limit; what is wrong is followed by
`next:`, what to do about it. Nothing is changed. Run it as root: what may not be looked at
is not checked, and that is never shown as ok. What the unit does not have is `none`."""

EXIT_CODES = """exit code: 0 all is well (warnings included), 1 something failed or could not be checked,
2 no such check, 78 the configuration cannot be used; with --watch that of the last look"""

_MARKS: dict[str, Mark] = {
    "ok": "ok",
    "warn": "warn",
    "fail": "fail",
    "not-checked": "skip",
    "absent": "none",
}
_COUNTED = {
    "ok": "ok",
    "warn": "to watch",
    "fail": "failed",
    "not-checked": "not checked",
    "absent": "not on this unit",
}


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `doctor`."""
    doctor = subparsers.add_parser(
        "doctor",
        help="check the unit, and say what to do about what is wrong",
        description=DOCTOR_HELP,
        epilog=EXIT_CODES,
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
    lines = _look(arguments)
    code = exit_code(lines)
    if arguments.json:
        _show_json(arguments, lines, code)
    else:
        _show(lines)
        counts = Counter(line.finding.verdict.value for line in lines)
        note(
            ", ".join(f"{counts[verdict]} {words}" for verdict, words in _COUNTED.items() if counts[verdict])
        )
    return code


def _watch(arguments: Namespace) -> int:
    """Tell what changes until interrupted."""
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.watch import Watch

    clock, watch, code = SystemClock(), Watch(), 0
    try:
        while True:
            lines = _look(arguments)
            code = exit_code(lines)
            if news := watch.changes(lines, clock.now().mono_ns / 1e9):
                if arguments.json:
                    _show_json(arguments, news, code)
                else:
                    print(f"{_now():%H:%M:%S}")
                    _show(news)
                sys.stdout.flush()
            clock.sleep(arguments.every)
    except KeyboardInterrupt:
        return code


def _look(arguments: Namespace) -> list[Line]:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.examine import examine
    from anpr_edge.diag.registry import CHECKS, select
    from anpr_edge.diag.subject import Subject

    return examine(Subject(arguments.config, SystemClock()), select(arguments.names), CHECKS)


def _now() -> datetime:
    from anpr_edge.devices.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().now().utc_ns / 1e9, UTC)


def exit_code(lines: Sequence[Line]) -> int:
    """0 when all is well, 78 when the configuration cannot be used, else 1."""
    bad = [line.condition.code for line in lines if line.finding.verdict in ("fail", "not-checked")]
    if "config" in bad:
        return ConfigError.exit_code
    return EXIT_FAILED if bad else 0


def _show(lines: Sequence[Line]) -> None:
    width = max(len(line.condition.code) for line in lines)
    for line in lines:
        found = line.finding
        mark = _MARKS[found.verdict]
        finding(mark, line.condition.code, found.measured, found.limit, found.next, width=width)


def _show_json(arguments: Namespace, lines: Sequence[Line], code: int) -> None:
    utc = _now().isoformat(timespec="milliseconds")
    head = {"schema": SCHEMA, "config": str(arguments.config), "utc": utc, "healthy": code == 0}
    json_line({**head, "findings": [_as_json(line) for line in lines]})


def _as_json(line: Line) -> dict[str, str]:
    condition, found = line.condition, line.finding
    return {
        "check": line.check,
        "code": condition.code,
        "title": condition.title,
        "severity": condition.severity,
        "verdict": found.verdict,
        "measured": found.measured,
        "limit": found.limit,
        "next": found.next,
        "because": found.because,
    }


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
    print(fill(f"Next: {condition.next_step}.", 88, break_on_hyphens=False))
    print(f"At stake: {condition.severity}.")
    if condition.visible_after_s:
        print(f"Wrong for less than {condition.visible_after_s:.0f} s it is a hiccup.")
    if condition.depends_on:
        print(f"Checked only when these are right: {', '.join(condition.depends_on)}.")
    return 0
