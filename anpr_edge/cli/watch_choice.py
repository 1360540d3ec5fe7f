"""Which units `anpr-central watch` looks at, and for which update."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from anpr_edge.central.fleet_updates import Progress
from anpr_edge.errors import UpdateError, UsageError
from anpr_edge.uplink import topics

if TYPE_CHECKING:
    from anpr_edge.central.fleet_report import Wanted

STEPS = tuple(step.value for step in Progress)


def add_choice(parser: ArgumentParser) -> None:
    """Add `--group`, `--update` and `--only`."""
    group = parser.add_argument_group("which units")
    group.add_argument(
        "--group", action="append", default=[], metavar="G", help="of a group; repeat for more"
    )
    group.add_argument("--update", default="", metavar="VERSION", help="how far they are with this update")
    group.add_argument(
        "--only",
        action="append",
        default=[],
        choices=STEPS,
        metavar="STEP",
        help=f"with --update: show those that are so far; repeat for more: {', '.join(STEPS)}",
    )


def wanted_of(args: Namespace) -> Wanted:
    """What is asked for. Raises: UsageError."""
    from anpr_edge.central.fleet_report import Wanted
    from anpr_edge.update.versions import Version

    for name in args.group:
        if not topics.is_name(name):
            raise UsageError(f"{name!r} cannot name a group", hint=topics.NAME_HINT)
    if args.only and not args.update:
        raise UsageError("--only goes with --update", hint="say which update: --update VERSION")
    try:
        if args.update:
            Version.parse(args.update)
    except UpdateError as error:
        raise UsageError(f"--update: {error}", hint=error.hint) from None
    return Wanted(frozenset(args.group), args.update, frozenset(map(Progress, args.only)))
