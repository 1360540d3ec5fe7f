"""`anpr-edge report`: write a support report, and say what is in it.

`--json`: {"schema": 1, "path", "bytes", "sha256", "parts": [name]}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.output import json_line, note
from anpr_edge.cli.program import add_config_option

if TYPE_CHECKING:
    from anpr_edge.supportreport import Contents

SCHEMA = 1
TEXT = """Write one zip with what whoever helps from afar needs: both services' state, daily counts,
the audit log, the policy in words, the configuration without keys and passwords, versions.
No plate, picture or key is in it. What will be in it is said first, on stderr, and then written;
contents.json in it says the same. Nothing is sent. With --dry-run nothing is written either.

Exit code: 0 written, 1 it could not be, 78 the configuration cannot be used. Example:

  sudo anpr-edge report --out report.zip"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `report`."""
    parser = subparsers.add_parser(
        "report",
        help="write a support report, without plates, pictures and keys",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="the zip to write (default: among the unit's last three)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be in it, and write nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Write it."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.supportreport import write_report

    config = load_config(arguments.config)
    try:
        report = write_report(
            config,
            arguments.config,
            SystemClock().now().utc_ns,
            arguments.out,
            announce=lambda contents: announce(contents, go_on=not arguments.dry_run),
        )
    except NothingWritten:
        return 0
    if arguments.json:
        json_line({"schema": SCHEMA, **report.facts()})
    else:
        print(report.path)
        note(f"{report.bytes} bytes, SHA-256 {report.sha256}")
    return 0


class NothingWritten(Exception):
    """It was only to be said what a report would hold."""


def announce(contents: Contents, *, go_on: bool) -> None:
    """Say part by part what will be in it. Raises: NothingWritten unless it is to `go_on`."""
    for name, part in contents.items():
        there = f"{part['bytes']} bytes" if "bytes" in part else f"not in it: {part['missing']}"
        note(f"{name:20} {part['about']} ({there})")
    note("no plate, no picture, no key, no list of vehicles")
    if not go_on:
        raise NothingWritten
