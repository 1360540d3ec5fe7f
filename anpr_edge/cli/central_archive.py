"""Options that the commands which read or trim a store have in common."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime
from pathlib import Path

from anpr_edge.cli.central_files import add_home_option

AUDIT_FILE = "audit.log"

FORMS = """a file name: lines of JSON, for one process
  sqlite:FILE               one SQLite file, for several processes of one machine
  postgresql://ROLE@HOST/DB PostgreSQL, for several processes on several machines; the
                            password comes from ~/.pgpass (extra anpr-edge[postgres])
  kafka://HOST:PORT,HOST:PORT/PREFIX?ledger=FILE[&config=FILE]
                            Kafka topics PREFIX.FEED and PREFIX.refused; FILE keeps which
                            numbers went there, and is SQLite, for several processes of one
                            machine; config: librdkafka settings, a line each, NAME=VALUE
                            (extra anpr-edge[kafka])"""
"""The forms of `subscribe --store`, for its help (`central.stores.places`)."""


def add_store_option(parser: ArgumentParser) -> None:
    """The option `--store PLACE`, which must be given."""
    parser.add_argument(
        "--store",
        required=True,
        metavar="PLACE",
        help="the store: FILE, sqlite:FILE or postgresql://ROLE@HOST/DB, as anpr-central subscribe has it",
    )


def add_audit_option(parser: ArgumentParser) -> None:
    """The options `--home` and `--audit FILE`."""
    add_home_option(parser)
    parser.add_argument(
        "--audit", type=Path, metavar="FILE", help=f"the log that says what was done (HOME/{AUDIT_FILE})"
    )


def audit_file(args: Namespace) -> Path:
    """Where the centre's audit log is."""
    given, home = args.audit, args.home
    path: Path = given or home / AUDIT_FILE
    return path


def shown_place(place: str) -> str:
    """A store's name as it may stand in a log: without what follows a question mark."""
    return place.partition("?")[0]


def moment(text: str) -> int:
    """An argparse type: a day or time in UTC, as nanoseconds since 1970."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: must be like 2026-11-22 or 2026-11-22T05:15:00Z") from None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1e3) * 1_000_000
