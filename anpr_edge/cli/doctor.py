"""`anpr-edge doctor`: is the unit healthy, and if not, what to do next.

`doctor --json`: {"schema": 1, "config", "utc", "healthy", "findings": [{"check", "code", "title",
"severity": reads|delivery|evidence, "verdict": ok|warn|fail|not-checked, "measured", "limit", "next",
"because": code of the root cause or ""}]}. `doctor --list --json` gives {"schema": 1, "conditions":
[{"check", "code", "title", "severity", "explanation", "depends_on"}]}.

Exit code: 0 all is well (warnings included), 1 a check failed or could not be made, 2 no such check,
78 the configuration cannot be used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anpr_edge.cli.output import Verdict as Mark
from anpr_edge.cli.output import finding, json_line, note, table
from anpr_edge.cli.program import add_config_option
from anpr_edge.errors import ConfigError

if TYPE_CHECKING:
    from anpr_edge.diag.examine import Line

SCHEMA = 1
EXIT_FAILED = 1

DOCTOR_HELP = """Check the unit: configuration, clock, disk, keys, models, camera, broker, services, outbox.
One line a condition: verdict, code, measured value, limit; what is wrong is followed by
`next:`, what to do about it. Nothing is changed. Run it as root: what may not be looked at
is not checked, and that is never shown as ok."""

EXIT_CODES = """exit code: 0 all is well (warnings included), 1 something failed or could not be checked,
2 no such check, 78 the configuration cannot be used"""

_MARKS: dict[str, Mark] = {"ok": "ok", "warn": "warn", "fail": "fail", "not-checked": "skip"}
_COUNTED = {"ok": "ok", "warn": "to watch", "fail": "failed", "not-checked": "not checked"}


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
    doctor.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Examine the unit, or explain what is examined."""
    if arguments.explain:
        return _explain(arguments.explain)
    if arguments.list:
        return _list(as_json=arguments.json)
    return _examine(arguments)


def _examine(arguments: Namespace) -> int:
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.diag.examine import examine
    from anpr_edge.diag.registry import CHECKS, select
    from anpr_edge.diag.subject import Subject

    subject = Subject(arguments.config, SystemClock())
    lines = examine(subject, select(arguments.names), CHECKS)
    code = exit_code(lines)
    if arguments.json:
        utc = datetime.fromtimestamp(subject.clock.now().utc_ns / 1e9, UTC).isoformat(timespec="milliseconds")
        findings = [_as_json(line) for line in lines]
        head = {"schema": SCHEMA, "config": str(arguments.config), "utc": utc, "healthy": code == 0}
        json_line({**head, "findings": findings})
    else:
        _show(lines)
    return code


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
    counts = Counter(line.finding.verdict.value for line in lines)
    note(", ".join(f"{counts[verdict]} {words}" for verdict, words in _COUNTED.items() if counts[verdict]))


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
    print(f"At stake: {condition.severity}.")
    if condition.depends_on:
        print(f"Checked only when these are right: {', '.join(condition.depends_on)}.")
    return 0
