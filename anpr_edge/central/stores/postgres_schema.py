"""The store's schema in PostgreSQL: beginning it, bringing it up to date, and who may do what in it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from anpr_edge.central.stores.postgres_connection import Connection
from anpr_edge.errors import StoreError

if TYPE_CHECKING:
    import psycopg

STEPS = ("postgres_1.sql",)
"""One file a version, each applied once, in order. A file that was released is never changed."""

GRANTS = {
    # Reads go in and cannot be looked at: of what is kept, the numbers and hashes that tell a repeat.
    "writer": (
        "GRANT SELECT, INSERT ON anpr.feed TO {role}",
        "GRANT UPDATE (ledger, highest, missing, breaks, restarts, changed) ON anpr.feed TO {role}",
        "GRANT INSERT, SELECT (feed_id, seq, hash) ON anpr.plate_read, anpr.refusal TO {role}",
        "GRANT EXECUTE ON FUNCTION anpr.prepare(date, integer) TO {role}",
    ),
    "reader": ("GRANT SELECT ON anpr.feed, anpr.plate_read TO {role}",),
    "keeper": ("GRANT EXECUTE ON FUNCTION anpr.forget(date) TO {role}",),
}
"""What each kind of role gets, besides looking at the schema and its version."""


def migrate(connection: Connection, steps: Sequence[str] | None = None) -> tuple[int, int]:
    """Begin the schema or bring it up to date, all of it or nothing; the versions before and after.

    `steps` are the SQL of each version, by default ours. Raises: StoreError, StoreUnavailable.
    """
    texts = [_text(name) for name in STEPS] if steps is None else steps
    with connection.use() as db, db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(hashtext('anpr.migrate'))")
        db.execute("CREATE SCHEMA IF NOT EXISTS anpr")
        db.execute(
            "CREATE TABLE IF NOT EXISTS anpr.schema_version"
            " (version integer PRIMARY KEY, applied timestamptz NOT NULL DEFAULT now())"
        )
        before = _version(db)
        _check_not_newer(connection.name, before, len(texts))
        for version, text in enumerate(texts[before:], before + 1):
            _run(db, text)
            db.execute("INSERT INTO anpr.schema_version (version) VALUES (%s)", (version,))
    return before, len(texts)


def grant(connection: Connection, kind: str, role: str) -> None:
    """Give an existing role the rights of a writer, reader or keeper. Raises: StoreError."""
    from psycopg import sql

    common = ("GRANT USAGE ON SCHEMA anpr TO {role}", "GRANT SELECT ON anpr.schema_version TO {role}")
    with connection.use() as db, db.transaction():
        for statement in (*common, *GRANTS[kind]):
            db.execute(sql.SQL(statement).format(role=sql.Identifier(role)))


def check(connection: Connection) -> None:
    """Pass when the schema is the one this program knows. Raises: StoreError, StoreUnavailable."""
    with connection.use() as db:
        version = _version(db)
    _check_not_newer(connection.name, version, len(STEPS))
    if version < len(STEPS):
        raise StoreError(
            f"{connection.name}: its schema is version {version}, this program needs {len(STEPS)}",
            hint="run `anpr-central store init --store URL` as the schema's owner",
        )


def _version(db: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = db.execute("SELECT coalesce(max(version), 0) FROM anpr.schema_version").fetchone()
    assert row is not None
    return int(row[0])


def _check_not_newer(name: str, version: int, known: int) -> None:
    if version > known:
        raise StoreError(
            f"{name}: its schema is version {version}, this program knows {known}",
            hint="install the version of anpr-edge that made it, or a later one",
        )


def _run(db: psycopg.Connection[tuple[Any, ...]], text: str) -> None:
    db.execute(text.encode())


def _text(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
