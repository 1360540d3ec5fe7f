"""`anpr-edge report`: write a support report, and say what is in it.

`--json`: {"schema": 1, "path", "bytes", "sha256", "parts": [name]}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path

from anpr_edge.cli.output import json_line, note
from anpr_edge.cli.program import add_config_option

SCHEMA = 1
TEXT = """Write one zip with what whoever helps from afar needs: both services' state, daily counts,
the audit log, the policy in words, the configuration without keys and passwords, versions.
No plate, picture or key is in it; contents.json in it says what is. Nothing is sent.

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
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_config_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Write it."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.supportreport import write_report

    config = load_config(arguments.config)
    report = write_report(config, arguments.config, SystemClock().now().utc_ns, arguments.out)
    if arguments.json:
        json_line({"schema": SCHEMA, **report.facts()})
    else:
        print(report.path)
        note(f"{report.bytes} bytes: {', '.join(report.parts)}")
    return 0
