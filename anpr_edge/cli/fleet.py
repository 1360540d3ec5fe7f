"""`anpr-fleet`: the workshop's command, for whoever prepares units and the broker."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from anpr_edge.cli.program import run_program

NAME = "anpr-fleet"
PURPOSE = "The workshop: certificates, policies and lenses for a fleet's units, centres and broker."
COMMANDS = (
    "anpr_edge.cli.fleet_authority",
    "anpr_edge.cli.fleet_unit",
    "anpr_edge.cli.fleet_enrol",
    "anpr_edge.cli.fleet_revoke",
    "anpr_edge.cli.fleet_certificates",
    "anpr_edge.cli.fleet_broker",
    "anpr_edge.cli.fleet_release",
    "anpr_edge.cli.fleet_policy",
    "anpr_edge.cli.fleet_list",
    "anpr_edge.cli.fleet_optics",
    "anpr_edge.cli.fleet_command",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `anpr-fleet` command; returns the exit code."""
    return run_program(NAME, PURPOSE, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
