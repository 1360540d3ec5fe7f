"""`anpr-central store`: a store's schema, its ledgers, and forgetting what has been kept long enough.

`store feeds --json`: {"schema": 1, "feeds": [{"fleet", "unit", "feed", "signer_kid", "watermark", "here",
"missing", "breaks", "restarts"}]}.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction

from anpr_edge.cli.central_archive import (
    add_audit_option,
    add_store_option,
    audit_file,
    shown_place,
)
from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import counted, json_line, note, table
from anpr_edge.errors import UsageError

SCHEMA = 1

INIT_TEXT = """Begin the schema `anpr` in a PostgreSQL database, or bring it up to date, as a role that
owns it; and give existing roles what they need, no more:

  --writer  anpr-central subscribe: puts reads in, cannot look at plates
  --reader  anpr-central export
  --keeper  anpr-central store forget, and subscribe --keep-days

  createdb anpr; createuser anpr_writer
  anpr-central store init --store postgresql://anpr_owner@db.example/anpr --writer anpr_writer

Files (lines of JSON, SQLite) need no init."""

FORGET_TEXT = """Remove what was received before the last --keep-days days (UTC, today included), for good: in
PostgreSQL by dropping those days' partitions. Which numbers were here stays known, so that units are not
asked for them again. Writes an entry into the audit log, before and after.

  anpr-central store forget --store postgresql://anpr_keeper@db.example/anpr --keep-days 30"""

FEEDS_TEXT = """One line for each unit, feed and signing key: the number up to which all is here (but for
gaps that are asked for), how many numbers are here, how many are missing, and where the
chain breaks or began anew. Exit code 1 when a number is missing or a chain does not hold."""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `store` with its commands init, feeds and forget."""
    group = subparsers.add_parser(
        "store", help="prepare a store, look at its feeds, forget what was kept long enough"
    )
    commands = group.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def add(name: str, words: str, text: str) -> ArgumentParser:
        return commands.add_parser(
            name, help=words, description=text, formatter_class=RawDescriptionHelpFormatter
        )

    init = add("init", "begin or update the schema in PostgreSQL, grant rights", INIT_TEXT)
    for kind in ("writer", "reader", "keeper"):
        init.add_argument(
            f"--{kind}", action="append", default=[], metavar="ROLE", help=f"a role that is a {kind}"
        )
    init.set_defaults(run=run_init)
    feeds = add("feeds", "which numbers are here, of each unit and feed", FEEDS_TEXT)
    feeds.add_argument("--json", action="store_true", help="print one JSON object")
    feeds.set_defaults(run=run_feeds)
    forget = add("forget", "remove what was received long ago", FORGET_TEXT)
    forget.add_argument(
        "--keep-days", type=whole(1, 36500), required=True, metavar="DAYS", help="how many days stay"
    )
    forget.set_defaults(run=run_forget)
    add_audit_option(forget)
    for command in (init, feeds, forget):
        add_store_option(command)


def run_init(args: Namespace) -> int:
    """Begin or update the schema, then grant."""
    from anpr_edge.central.stores.places import is_postgres
    from anpr_edge.central.stores.postgres_connection import Connection
    from anpr_edge.central.stores.postgres_schema import grant, migrate

    if not is_postgres(args.store):
        raise UsageError(f"{args.store!r}: only PostgreSQL needs it", hint="other stores begin by themselves")
    connection = Connection(args.store)
    try:
        before, after = migrate(connection)
        note(
            f"{connection.name}: schema {f'is version {after}' if before == after else f'{before} → {after}'}"
        )
        for kind in ("writer", "reader", "keeper"):
            for role in getattr(args, kind):
                grant(connection, kind, role)
                note(f"{role} may do what a {kind} does")
    finally:
        connection.close()
    return 0


def run_feeds(args: Namespace) -> int:
    """Show every ledger; 1 when one has a hole."""
    from anpr_edge.central.stores.places import open_store
    from anpr_edge.devices.clock import SystemClock

    store = open_store(args.store)
    try:
        now_ns = SystemClock().now().utc_ns
        rows = [
            {
                **key._asdict(),
                "signer_kid": key.signer_kid.hex(),
                "watermark": ledger.watermark(now_ns)[0],
                "here": len(ledger),
                "missing": ledger.missing,
                "breaks": ledger.breaks,
                "restarts": ledger.restarts,
            }
            for key, ledger in sorted(store.ledgers().items())
        ]
    finally:
        store.close()
    if args.json:
        json_line({"schema": SCHEMA, "feeds": rows})
    else:
        table(tuple(rows[0]) if rows else ("fleet", "unit", "feed"), [tuple(row.values()) for row in rows])
    return 1 if any(row["missing"] or row["breaks"] for row in rows) else 0


def run_forget(args: Namespace) -> int:
    """Remove, and say how much."""
    from anpr_edge.central.retention import Retention
    from anpr_edge.central.stores.places import open_archive
    from anpr_edge.devices.clock import SystemClock

    archive = open_archive(args.store)
    try:
        retention = Retention(
            archive, shown_place(args.store), args.keep_days, audit_file(args), SystemClock()
        )
        dropped = retention.apply()
        note(
            f"{shown_place(args.store)}: {counted(dropped.reads, 'read')}"
            f" and {counted(dropped.refusals, 'refusal')} received before {retention.first_kept()} removed"
        )
    finally:
        archive.close()
    return 0
