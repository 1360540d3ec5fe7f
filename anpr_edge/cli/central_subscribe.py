"""`anpr-central subscribe`: a feed's reads as they come, verified, opened, stored and acknowledged."""

from __future__ import annotations

import signal
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from anpr_edge.cli.central_archive import AUDIT_FILE, FORMS, audit_file, shown_place
from anpr_edge.cli.central_files import (
    ACK_FILE,
    RECIPIENT_FILE,
    UNITS_FILE,
    add_file_option,
    add_home_option,
    chosen,
)
from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import note
from anpr_edge.errors import UsageError
from anpr_edge.uplink import topics

if TYPE_CHECKING:
    from anpr_edge.central.intake import Intake
    from anpr_edge.central.retention import Retention
    from anpr_edge.central.stores import Store
    from anpr_edge.central.subscriber import Subscriber
    from anpr_edge.cli.central_chores import Chores
    from anpr_edge.seams import Clock

TEXT = f"""Receive the sealed reads of a feed from every unit of a fleet: verify, open, store,
and acknowledge. Prints one line a read: time, unit, feed#number, plate (masked unless
--show-plates), confidence, frames, and how long ago the vehicle was first seen.

With --store PLACE this is the feed's centre: reads are kept there before anything is
acknowledged, the broker keeps what comes while this program is away (up to --away
hours), and units are told what is safe to forget. PLACE is one of
  FILE                      {FORMS}
Without --store it only watches: nothing is acknowledged, units keep their reads.

Several processes share the work with --share GROUP, each with a --name of its own and all
with the same store (not lines of JSON): the broker gives each message to one of them.

A change of the list of units counts at once. While a store is away (a server restarts, a
disk is full) reads wait at the broker and the units, and it is tried again every second.

Runs until Ctrl-C or SIGTERM, or as --count and --idle say. Exit code 1 when --idle ends it
before --count was reached or before the broker was ever reached.

A broker may be silent about feeds and fleets that this certificate is not granted: mosquitto
takes the subscription and delivers nothing. What is granted stands in the workshop's fleet.toml,
[consumers.NAME], and then in the broker's access list. Example:

  anpr-central subscribe --host broker.example --fleet demo --feed charging --store reads.jsonl
  anpr-central subscribe --host broker.example --fleet demo --feed charging --name centre-2 \\
      --share centre --store postgresql://anpr_writer@db.example/anpr"""

MEMBER_AWAY_S = 20
"""How long the broker keeps messages for a group's member that is gone: what it keeps for one, the others
cannot have. The unit sends it again when the watermark leaves it out."""

POLL_S = 0.25


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `subscribe`."""
    parser = subparsers.add_parser(
        "subscribe",
        help="receive, verify, open and store a feed's reads",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _add_source_options(parser)
    _add_key_options(parser)
    _add_output_options(parser)
    parser.set_defaults(run=run)


def _add_source_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("where the reads come from")
    group.add_argument(
        "--host", default="localhost", help="the broker, by the name in its certificate (%(default)s)"
    )
    group.add_argument("--port", type=whole(1, 65535), default=8883, help="its TLS port (%(default)s)")
    group.add_argument("--fleet", required=True, help="the fleet's name")
    group.add_argument(
        "--feed", action="append", required=True, metavar="NAME", help="a feed; may be given more than once"
    )
    group.add_argument(
        "--name",
        default="centre",
        help="this consumer's name: the broker keeps messages for it, one process at a time (%(default)s)",
    )
    group.add_argument(
        "--keep-alive",
        type=whole(5, 65535),
        default=30,
        metavar="SECONDS",
        help="how long a silent connection may live (%(default)s)",
    )
    group.add_argument(
        "--away",
        type=whole(0, 24 * 365),
        default=72,
        metavar="HOURS",
        help="how long the broker keeps messages (%(default)s)",
    )
    group.add_argument(
        "--share",
        metavar="GROUP",
        help="share the feeds' messages with the other processes of this group",
    )


def _add_key_options(parser: ArgumentParser) -> None:
    add_home_option(parser)
    add_file_option(parser, "--units", UNITS_FILE, "the units and their signing keys")
    add_file_option(parser, "--key", RECIPIENT_FILE, "the key that opens reads")
    add_file_option(parser, "--ack-key", ACK_FILE, "the key that signs acknowledgements")
    add_file_option(parser, "--ca", "ca.crt", "the fleet's certificate")
    add_file_option(parser, "--cert", "tls.crt", "this consumer's certificate")
    add_file_option(parser, "--cert-key", "tls.pem", "the certificate's private key")


def _add_output_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("what becomes of them")
    group.add_argument("--store", metavar="PLACE", help="keep reads here and acknowledge them; forms: above")
    group.add_argument(
        "--keep-days",
        type=whole(1, 36500),
        metavar="DAYS",
        help="once a day remove what was received before the last DAYS days (UTC); noted in --audit",
    )
    group.add_argument(
        "--audit", type=Path, metavar="FILE", help=f"the log of what was removed (HOME/{AUDIT_FILE})"
    )
    group.add_argument("--jsonl", action="store_true", help="print JSON objects instead of lines for people")
    group.add_argument("--show-plates", action="store_true", help="print plates in full")
    group.add_argument("--count", type=whole(1), metavar="N", help="end after N new reads")
    group.add_argument(
        "--idle",
        type=between(0.1),
        metavar="SECONDS",
        help="end when nothing came for so long",
    )


def run(args: Namespace) -> int:
    """Serve until told to stop; 1 when --idle ended it too early."""
    from anpr_edge.central.intake import Intake
    from anpr_edge.central.opener import Opener
    from anpr_edge.central.stores.places import open_store
    from anpr_edge.central.units import UnitsFile
    from anpr_edge.cli.central_chores import Chores
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.seal.keys import RecipientPrivateKey

    _check_names(args.fleet, args.name, *args.feed, *([args.share] if args.share else []))
    _check_store(args)
    clock = SystemClock()
    listed = UnitsFile(chosen(args, "units", UNITS_FILE))
    opener = Opener(listed.units, RecipientPrivateKey.load(chosen(args, "key", RECIPIENT_FILE)))
    store: Store | None = open_store(args.store) if args.store else None
    try:
        intake = Intake(opener, store, clock)
        subscriber = _subscriber(args, intake, clock)
        chores = Chores(opener, listed, _retention(args, store, clock))
        return _serve(args, subscriber, intake, clock, chores)
    finally:
        if store:
            store.close()


def _check_store(args: Namespace) -> None:
    """Raises: UsageError for options that do not go together."""
    from anpr_edge.central.stores.places import is_shared

    if args.share and not args.store:
        raise UsageError(
            "--share without --store would take reads from the processes that store them",
            hint="leave --share out to watch",
        )
    if args.share and not is_shared(args.store):
        raise UsageError(
            f"{args.store}: lines of JSON are for one process, and --share is for several",
            hint="use sqlite:FILE, postgresql://… or kafka://…",
        )
    if args.keep_days and (not args.store or args.store.startswith("kafka:")):
        raise UsageError("--keep-days needs a --store that forgets: a file or PostgreSQL")


def _retention(args: Namespace, store: object, clock: Clock) -> Retention | None:
    from anpr_edge.central.retention import Retention
    from anpr_edge.central.stores import Archive

    if not args.keep_days or not isinstance(store, Archive):
        return None
    return Retention(store, shown_place(args.store), args.keep_days, audit_file(args), clock)


def _check_names(*names: str) -> None:
    wrong = next((name for name in names if not topics.is_name(name)), None)
    if wrong is not None:
        raise UsageError(f"{wrong!r} cannot name a fleet, feed or consumer", hint=topics.NAME_HINT)


def _subscriber(args: Namespace, intake: Intake, clock: Clock) -> Subscriber:
    from anpr_edge.central.subscriber import Subscriber
    from anpr_edge.central.watermarks import Watermarks
    from anpr_edge.seal.keys import SigningKey
    from anpr_edge.uplink.link import LinkOptions
    from anpr_edge.uplink.tls import Credentials, SettingNames

    watermarks = None
    client_id = f"{args.fleet}.{args.name}"
    if args.store:
        watermarks = Watermarks(intake, SigningKey.load(chosen(args, "ack_key", ACK_FILE)), clock)
    else:
        client_id += f".watch.{clock.now().utc_ns:x}"
        note("watching only: nothing is stored or acknowledged; --store PLACE makes this the feed's centre")
    credentials = Credentials(
        chosen(args, "ca", "ca.crt"), chosen(args, "cert", "tls.crt"), chosen(args, "cert_key", "tls.pem")
    )
    credentials.context()  # a missing file will not come by waiting
    options = LinkOptions(
        host=args.host,
        port=args.port,
        credentials=credentials,
        client_id=client_id,
        keep_alive_s=args.keep_alive,
        session_expiry_s=_session_s(args),
        settings=SettingNames(host="--host", port="--port", ca="--ca", cert="--cert"),
    )
    return Subscriber(
        options,
        fleet=args.fleet,
        feeds=args.feed,
        intake=intake,
        watermarks=watermarks,
        clock=clock,
        group=args.share,
    )


def _session_s(args: Namespace) -> int:
    """How long the broker keeps messages for us."""
    if not args.store:
        return 0
    away_s: int = args.away * 3600
    return min(away_s, MEMBER_AWAY_S) if args.share else away_s


def _serve(args: Namespace, subscriber: Subscriber, intake: Intake, clock: Clock, chores: Chores) -> int:
    from anpr_edge.cli.central_report import Reporter

    told_to_stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told_to_stop.set())
    reporter = Reporter(jsonl=args.jsonl, show_plates=args.show_plates)
    quiet_since_ns = clock.now().mono_ns
    subscriber.start()
    try:
        while not told_to_stop.is_set() and not reporter.enough(args.count):
            chores.turn()
            said = subscriber.take(POLL_S)
            if reporter.show(said):
                quiet_since_ns = clock.now().mono_ns
            elif args.idle is not None and clock.now().mono_ns - quiet_since_ns > args.idle * 1e9:
                break
    finally:
        reporter.show(subscriber.stop())
        reporter.summarise(intake)
    if told_to_stop.is_set() or reporter.enough(args.count):
        return 0
    if reporter.was_connected and not reporter.messages:
        note(f"hint: does the broker's access list grant {', '.join(args.feed)} of {args.fleet} to us?")
    return 0 if args.count is None and reporter.was_connected else 1
