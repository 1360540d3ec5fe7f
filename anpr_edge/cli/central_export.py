"""`anpr-central export`: stored reads for other systems, in their form. docs/exports.md has the fields."""

from __future__ import annotations

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from anpr_edge.cli.central_archive import (
    add_audit_option,
    add_store_option,
    audit_file,
    moment,
    shown_place,
)
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, note
from anpr_edge.errors import UsageError

if TYPE_CHECKING:
    from anpr_edge.central.stores import Archive

DAY_MINUTES = 24 * 60

POLICE_TEXT = """Print a record for each read as a police back office takes it: 15 fields between |
characters, or with --json one object a line. PLATES ARE IN FULL; that it was done goes
into the audit log, with feed, time and count. Names and order are unverified against the
official text: docs/exports.md.

  anpr-central export police --store sqlite:reads.db --feed police --since 2026-11-22 \\
      --signature SIG --username USER"""

FLOWS_TEXT = """Print how many vehicles passed each unit, lane and direction in each interval: one
smart-data-models AnprFlowObserved entity a line (NGSI-LD, key-values). No plate is in it.

  anpr-central export flows --store sqlite:reads.db --feed traffic --interval 15 --since 2026-11-22"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `export` with its commands police and flows."""
    group = subparsers.add_parser("export", help="give stored reads to other systems")
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)
    police = commands.add_parser(
        "police",
        help="a record a read, for a police back office",
        description=POLICE_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    police.add_argument("--signature", required=True, help="what the back office knows the sender by")
    police.add_argument("--username", required=True, help="the sender's user name there")
    police.add_argument("--feed-id", metavar="NAME", help="what the feed is called there (our name for it)")
    police.add_argument("--source-id", metavar="NAME", help="what the source is called there (the fleet)")
    police.add_argument("--json", action="store_true", help="print one JSON object a read")
    add_audit_option(police)
    police.set_defaults(run=run_police)
    flows = commands.add_parser(
        "flows",
        help="counts of vehicles, without plates",
        description=FLOWS_TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    flows.add_argument(
        "--interval",
        type=_interval,
        default=15,
        metavar="MINUTES",
        help="how long an interval is; must divide a day (%(default)s)",
    )
    flows.add_argument(
        "--position",
        action="append",
        default=[],
        type=_position,
        metavar="UNIT=LAT,LON",
        help="where a unit stands whose feed has no position; may be given more than once",
    )
    flows.set_defaults(run=run_flows)
    for command in (police, flows):
        add_store_option(command)
        command.add_argument("--feed", required=True, metavar="NAME", help="the feed")
        command.add_argument("--since", type=moment, metavar="TIME", help="first seen then or later, UTC")
        command.add_argument("--until", type=moment, metavar="TIME", help="first seen before then, UTC")


def run_police(args: Namespace) -> int:
    """Print the records, then note it in the audit log."""
    from anpr_edge.central.documents import utc_text
    from anpr_edge.central.exports.police import Sender, line, record
    from anpr_edge.central.retention import EXPORTED, write_audit
    from anpr_edge.devices.clock import SystemClock

    sender = Sender(args.signature, args.username, args.feed_id, args.source_id)
    said = {
        "store": shown_place(args.store),
        "form": "police",
        "to": args.username,
        "feed": args.feed,
        **{name: utc_text(at) for name in ("since", "until") if (at := getattr(args, name)) is not None},
    }
    clock, log, count = SystemClock(), audit_file(args), 0
    with _archive(args) as archive:
        write_audit(log, clock, "exporting", said)
        try:
            for document in archive.documents(args.feed, args.since, args.until):
                fields = record(document, sender)
                count += 1
                if args.json:
                    json_line(fields)
                else:
                    print(line(fields))
        finally:
            write_audit(log, clock, EXPORTED, {**said, "reads": count})
    note(f"{counted(count, 'record')}; noted in {log}")
    return 0


def run_flows(args: Namespace) -> int:
    """Print the entities."""
    from anpr_edge.central.exports.flows import Flows

    flows = Flows(args.interval * 60, dict(args.position))
    with _archive(args) as archive:
        flows.count(archive.documents(args.feed, args.since, args.until))
    for entity in flows.entities():
        json_line(entity)
    if flows.unplaced:
        note(f"{counted(flows.unplaced, 'read')} left out: the position of their unit is not known")
        note("hint: --position UNIT=LAT,LON says where a unit stands")
    return 0


@contextmanager
def _archive(args: Namespace) -> Iterator[Archive]:
    from anpr_edge.central.stores.places import open_archive

    if args.since is not None and args.until is not None and args.since >= args.until:
        raise UsageError("--since must be before --until")
    archive = open_archive(args.store)
    try:
        yield archive
    finally:
        archive.close()


def _interval(text: str) -> int:
    minutes = whole(1, DAY_MINUTES)(text)
    if DAY_MINUTES % minutes:
        raise ArgumentTypeError(f"{text} minutes do not divide a day")
    return minutes


def _position(text: str) -> tuple[str, tuple[float, float]]:
    unit, _, place = text.partition("=")
    latitude, _, longitude = place.partition(",")
    try:
        found = float(latitude), float(longitude)
    except ValueError:
        found = (91.0, 0.0)
    if not unit or not -90 <= found[0] <= 90 or not -180 <= found[1] <= 180:
        raise ArgumentTypeError(f"{text!r}: must be UNIT=LAT,LON in degrees, such as unit-0001=51.5,-0.12")
    return unit, found
