"""How an examination is shown: lines for people, one JSON object for scripts, and the exit code.

The object: {"schema": 1, "config", "utc", "healthy", "findings": [{"check", "code", "title",
"severity": reads|delivery|evidence, "verdict": ok|warn|fail|not-checked|absent, "measured", "limit", "next",
"because": code of the root cause or ""}]}.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.output import Verdict as Mark
from anpr_edge.cli.output import finding, json_line, note
from anpr_edge.errors import ConfigError

if TYPE_CHECKING:
    from anpr_edge.diag.examine import Line
    from anpr_edge.records import Instant

SCHEMA = 1
EXIT_FAILED = 1

EXIT_CODES = """exit code: 0 all is well (warnings included), 1 something failed or could not be checked,
2 no such check, 78 the configuration cannot be used"""

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
    "absent": "not there or not known yet",
}


def exit_code(lines: Sequence[Line]) -> int:
    """0 when all is well, 78 when the configuration cannot be used, else 1."""
    bad = [line.condition.code for line in lines if line.finding.verdict in ("fail", "not-checked")]
    if "config" in bad:
        return ConfigError.exit_code
    return EXIT_FAILED if bad else 0


def show(lines: Sequence[Line]) -> None:
    """One line a finding on stdout, and what to do below it."""
    width = max(len(line.condition.code) for line in lines)
    for line in lines:
        found = line.finding
        mark = _MARKS[found.verdict]
        finding(mark, line.condition.code, found.measured, found.limit, found.next, width=width)


def summarise(lines: Sequence[Line]) -> None:
    """How many of each verdict, for people."""
    counts = Counter(line.finding.verdict.value for line in lines)
    note(", ".join(f"{counts[verdict]} {words}" for verdict, words in _COUNTED.items() if counts[verdict]))


def show_json(lines: Sequence[Line], config: Path, now: Instant, code: int) -> None:
    """The object described above."""
    utc = datetime.fromtimestamp(now.utc_ns / 1e9, UTC).isoformat(timespec="milliseconds")
    head = {"schema": SCHEMA, "config": str(config), "utc": utc, "healthy": code == 0}
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
