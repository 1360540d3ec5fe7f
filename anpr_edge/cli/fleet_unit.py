"""`anpr-fleet unit`: the units of a fleet; each command has a module of its own."""

from __future__ import annotations

from argparse import ArgumentParser, _SubParsersAction
from importlib import import_module

COMMANDS = (
    "anpr_edge.cli.fleet_unit_add",
    "anpr_edge.cli.fleet_unit_import",
    "anpr_edge.cli.fleet_unit_show",
    "anpr_edge.cli.fleet_unit_areas",
    "anpr_edge.cli.fleet_bundle",
    "anpr_edge.cli.fleet_unit_retire",
)
"""Each has `add_command(commands)`."""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `unit` with all its commands."""
    group = subparsers.add_parser("unit", help="add, import, list, bundle and retire the units of a fleet")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        import_module(command).add_command(commands)
