"""`anpr-edge`: everything done on the unit itself."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from anpr_edge.cli.program import run_program

NAME = "anpr-edge"
PURPOSE = "The roadside unit: read, seal and deliver number plates."
COMMANDS = (
    "anpr_edge.cli.provision_cmd",
    "anpr_edge.cli.init",
    "anpr_edge.cli.enrol_cmd",
    "anpr_edge.cli.config_cmd",
    "anpr_edge.cli.services",
    "anpr_edge.cli.policy_cmd",
    "anpr_edge.cli.list_cmd",
    "anpr_edge.cli.audit_cmd",
    "anpr_edge.cli.transparency",
    "anpr_edge.cli.aim_cmd",
    "anpr_edge.cli.update_cmd",
    "anpr_edge.cli.update_backend",
    "anpr_edge.cli.status",
    "anpr_edge.cli.top",
    "anpr_edge.cli.doctor",
    "anpr_edge.cli.lamps_cmd",
    "anpr_edge.cli.report_cmd",
    "anpr_edge.cli.netcheck",
    "anpr_edge.cli.outbox_cmd",
    "anpr_edge.cli.testread_cmd",
    "anpr_edge.cli.console_cmd",
    "anpr_edge.cli.scan",
    "anpr_edge.cli.retire_cmd",
    "anpr_edge.cli.demo",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one `anpr-edge` command; returns the exit code."""
    return run_program(NAME, PURPOSE, COMMANDS, argv)


if __name__ == "__main__":
    sys.exit(main())
