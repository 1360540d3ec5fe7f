"""`anpr-central open`: sealed reads from files, verified and opened."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.central_files import (
    RECIPIENT_FILE,
    add_blob_arguments,
    add_file_option,
    blobs,
    chosen,
    load_units,
)
from anpr_edge.cli.output import json_line, note

TEXT = """Verify and open sealed reads. Prints one JSON object a read, as a store keeps it but without
`received_utc`, which nothing in an envelope tells; plates are masked unless --show-plates.
What cannot be opened is named on standard error; exit code 1."""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `open`."""
    parser = subparsers.add_parser(
        "open",
        help="verify and open sealed reads from files",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_blob_arguments(parser)
    add_file_option(parser, "--key", RECIPIENT_FILE, "the key that opens them")
    parser.add_argument("--show-plates", action="store_true", help="print plates in full")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Open each; 1 when one was refused."""
    from anpr_edge.central.documents import masked, read_document
    from anpr_edge.central.opener import Opener
    from anpr_edge.central.prints import Link
    from anpr_edge.errors import EnvelopeError
    from anpr_edge.seal.envelope import envelope_hash
    from anpr_edge.seal.keys import RecipientPrivateKey

    opener = Opener(load_units(args), RecipientPrivateKey.load(chosen(args, "key", RECIPIENT_FILE)))
    refused = 0
    for place, blob in blobs(args.files):
        try:
            opened = opener.open(opener.verify(blob))
        except EnvelopeError as error:
            refused += 1
            note(f"{place}: {error.kind}: {error}")
            continue
        link = Link(opened.envelope.seq, opened.envelope.previous, envelope_hash(blob))
        shown = opened if args.show_plates else masked(opened)
        json_line(read_document(shown, link, None))
    return 1 if refused else 0
