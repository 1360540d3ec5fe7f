"""`anpr-central verify`: signatures and chains of sealed reads, without the key that opens them."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.central_files import add_blob_arguments, blobs, load_units
from anpr_edge.cli.output import finding, json_line

TEXT = """Check that each sealed read was signed by its unit, and that each one names the hash
of the one before it (of those given here). Needs no private key: an auditor may run it.

Prints one line a read: verdict, fleet/unit/feed#number, what was found. Exit code 1
when one fails. --json: {"file", "ok", "name" or null, "hash" or null, "found"}."""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `verify`."""
    parser = subparsers.add_parser(
        "verify",
        help="check signatures and chains of sealed reads",
        description=TEXT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_blob_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object a read")
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    """Check each; 1 when one fails."""
    from anpr_edge.central.audit import Audit

    audit = Audit(load_units(args))
    failed = 0
    for place, blob in blobs(args.files):
        found = audit.check(blob)
        failed += not found.ok
        if args.json:
            json_line(
                {"file": place, "ok": found.ok, "name": found.name, "hash": found.hash, "found": found.words}
            )
        else:
            finding("ok" if found.ok else "fail", found.name or place, found.words)
    return 1 if failed else 0
