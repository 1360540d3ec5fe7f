"""`anpr-edge transparency`: how many reads each feed got and did not get, day by day. No plate is in it.

`--json`: {"schema": 1, "fleet", "unit", "days": [{"day", "feed", "reads", "given", "sent", "withheld":
{cause: count}}]}, with `policy.withheld`'s causes (docs/policy.md).
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, note, table
from anpr_edge.cli.program import add_config_option

SCHEMA = 1
PROCESSES = ("reader", "uplink")
TEXT = """Print for each day (UTC) and feed: vehicles read, reads given to the feed, messages a broker took,
and reads withheld by the policy's rules. A read may be sent more than once. The last minute's counts may be
missing.

  anpr-edge transparency --days 7"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `transparency`."""
    parser = subparsers.add_parser(
        "transparency",
        help="print daily counts of what each feed got and did not get",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--days", type=whole(1, 400), default=30, metavar="N", help="the last N days (30)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print the counts."""
    from anpr_edge.config import load_config

    unit = load_config(arguments.config).unit
    rows = list(_rows(unit.state_dir, arguments.days))
    if arguments.json:
        json_line({"schema": SCHEMA, "fleet": unit.fleet, "unit": unit.id, "days": rows})
        return 0
    cells = [(*(row[key] for key in ("day", "feed", "reads", "given", "sent")), _words(row)) for row in rows]
    table(("day", "feed", "reads", "given", "sent", "withheld"), cells)
    if not rows:
        note("Nothing has been counted yet.")
    return 0


def _rows(state_dir: Path, days: int) -> Iterator[dict[str, Any]]:
    from anpr_edge.dailycounts import SENT, counts_file, merged, read_counts
    from anpr_edge.seal.policy.decide import Ruling

    counted = merged(*(read_counts(counts_file(state_dir, process)) for process in PROCESSES))
    for day, feeds in list(counted.items())[-days:]:
        for feed, counts in sorted(feeds.items()):
            given, sent = counts.get(Ruling.GIVEN, 0), counts.get(SENT, 0)
            withheld = {str(why): counts[why] for why in Ruling if why is not Ruling.GIVEN and why in counts}
            reads = given + sum(withheld.values())
            yield {
                "day": day,
                "feed": feed,
                "reads": reads,
                "given": given,
                "sent": sent,
                "withheld": withheld,
            }


def _words(row: dict[str, Any]) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in row["withheld"].items()) or "-"
