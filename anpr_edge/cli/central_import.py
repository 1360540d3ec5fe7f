"""`anpr-central import`: sealed reads that came by hand, taken as if they had come from the broker."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.central_files import (
    ACK_FILE,
    RECIPIENT_FILE,
    UNITS_FILE,
    add_file_option,
    add_home_option,
    chosen,
    load_units,
)
from anpr_edge.cli.output import note

if TYPE_CHECKING:
    from anpr_edge.central.intake import Intake
    from anpr_edge.outbox.parcel import Parcel
    from anpr_edge.seal.keys import SigningKey
    from anpr_edge.seams import Clock

TEXT = """Take the sealed reads in folders that `anpr-edge outbox export` has written: verify, open, store,
each read once, whichever way it comes. Then each folder gets this centre's signed watermarks
(acks/FEED.cose); brought back to the unit, `anpr-edge outbox confirm` lets it forget what is safe here.
A running subscribe with the same store of JSON lines has to be stopped meanwhile; started again, it
tells units what came this way. Other stores may be shared: --store is what subscribe takes.

A file that was damaged on the way is named, and what is whole in it is taken: every read is
signed by itself. Exit code 1 when anything was damaged or refused. Example:

  anpr-central import /media/usb/anpr-outbox-* --store reads.jsonl"""

BATCH = 100
EXIT_FAILED = 1


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `import`."""
    parser = subparsers.add_parser(
        "import",
        help="take sealed reads from a stick",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="an exported folder")
    parser.add_argument("--store", metavar="STORE", required=True, help="keep the reads here")
    add_home_option(parser)
    add_file_option(parser, "--units", UNITS_FILE, "the units and their signing keys")
    add_file_option(parser, "--key", RECIPIENT_FILE, "the key that opens reads")
    add_file_option(parser, "--ack-key", ACK_FILE, "the key that signs acknowledgements")
    parser.add_argument("--jsonl", action="store_true", help="print JSON objects instead of lines for people")
    parser.add_argument("--show-plates", action="store_true", help="print plates in full")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Take every folder; 1 when something was damaged or refused."""
    from contextlib import closing

    from anpr_edge.central.intake import Intake, Verdict
    from anpr_edge.central.opener import Opener
    from anpr_edge.central.stores.places import open_store
    from anpr_edge.cli.central_report import Reporter
    from anpr_edge.devices.clock import SystemClock
    from anpr_edge.outbox.parcel import unpack
    from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey

    clock = SystemClock()
    parcels = [unpack(folder) for folder in args.folders]
    ack_key = SigningKey.load(chosen(args, "ack_key", ACK_FILE))
    opener = Opener(load_units(args), RecipientPrivateKey.load(chosen(args, "key", RECIPIENT_FILE)))
    reporter = Reporter(jsonl=args.jsonl, show_plates=args.show_plates)
    trouble = False
    with closing(open_store(args.store)) as store:
        intake = Intake(opener, store, clock, grace_s=0.0)
        for parcel in parcels:
            trouble |= _tell_damage(parcel)
            for messages in _batches(parcel):
                outcomes = intake.take(messages)
                reporter.show(outcomes)
                trouble |= any(one.verdict is Verdict.REFUSED for one in outcomes)
            _answer(parcel, intake, ack_key, clock)
        reporter.summarise(intake)
    return EXIT_FAILED if trouble else 0


def _tell_damage(parcel: Parcel) -> bool:
    """Name the files that are not as they were written."""
    from anpr_edge.outbox.parcel import damage

    words = [found for part in parcel.parts if (found := damage(parcel, part))]
    for found in words:
        note(f"{parcel.folder}: {found}; what is whole in it is taken")
    return bool(words)


def _batches(parcel: Parcel) -> Iterator[Sequence[tuple[str, bytes]]]:
    """The parcel's reads as (topic, payload), as they would have come from the broker."""
    from anpr_edge.outbox.parcel import read_part
    from anpr_edge.uplink import topics

    def messages() -> Iterator[tuple[str, bytes]]:
        for part in parcel.parts:
            lost = 0
            topic = topics.reads(parcel.fleet, parcel.unit, part.feed)
            for read in read_part(parcel, part):
                if read is None:
                    lost += 1
                else:
                    yield topic, read.blob
            if lost:
                note(f"{parcel.folder}: {part.file}: {lost} lines hold no read")

    waiting = messages()
    while batch := list(islice(waiting, BATCH)):
        yield batch


def _answer(parcel: Parcel, intake: Intake, ack_key: SigningKey, clock: Clock) -> None:
    """Leave a watermark for each of the unit's feeds in the parcel."""
    from anpr_edge.central.watermarks import Watermarks
    from anpr_edge.outbox.parcel import write_ack

    feeds = {part.feed for part in parcel.parts}
    for ack in Watermarks(intake, ack_key, clock).due():
        if (ack.key.fleet, ack.key.unit) == (parcel.fleet, parcel.unit) and ack.key.feed in feeds:
            note(f"{write_ack(parcel, ack.key.feed, ack.payload)}: for anpr-edge outbox confirm")
