"""`anpr-central`: the recipient's command: make keys, subscribe, store, export, watch, verify, open."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from anpr_edge.cli.program import run_program

NAME = "anpr-central"
PURPOSE = "The recipient's side of a feed: its keys, and its reads."
COMMANDS = (
    "anpr_edge.cli.central_keygen",
    "anpr_edge.cli.central_units",
    "anpr_edge.cli.central_subscribe",
    "anpr_edge.cli.central_store",
    "anpr_edge.cli.central_export",
    "anpr_edge.cli.central_watch",
    "anpr_edge.cli.central_import",
    "anpr_edge.cli.central_open",
    "anpr_edge.cli.central_verify",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `anpr-central` command; returns the exit code."""
    return run_program(NAME, PURPOSE, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
