"""The outbox's schema, made new or brought up to date: version 1, then each migration after it.

A migration is one SQL script, run in one transaction together with those before it. Every past schema lies
in tests/databases, with rows in every state, and is brought up to date by a test.

Software goes back, too: an update that fails its trial leaves the file to the release before it. So a
migration only adds, and says in a table `usable_since (schema)` from which schema on software can go on with
the file; the release before finds itself there, and uses it as it is (docs/update.md).
"""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path
from typing import Final

from anpr_edge.errors import OutboxError

APPLICATION_ID: Final = 1095651410
SCRIPTS: Final = ("schema_v1.sql", "migration_v2.sql")
SCHEMA_VERSION: Final = len(SCRIPTS)


def make_or_upgrade(db: sqlite3.Connection, path: Path) -> None:
    """Run the scripts that this database has not seen, in the caller's transaction.

    Raises: OutboxError when it is of other software, or of a later version.
    """
    is_new = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    version = schema_of(db)
    if not is_new and owner != APPLICATION_ID:
        raise OutboxError(f"{path}: a database of other software", hint="name another file for the outbox")
    if not is_new and not 1 <= version <= SCHEMA_VERSION:
        raise OutboxError(
            f"{path}: schema version {version}, this software knows 1 to {SCHEMA_VERSION}",
            hint="install the software that wrote it, or drain it there first",
        )
    for script in SCRIPTS[0 if is_new else version :]:
        text = resources.files("anpr_edge.outbox").joinpath(script).read_text()
        for statement in _statements(text):
            db.execute(statement)


def schema_of(db: sqlite3.Connection) -> int:
    """The schema of a file as this software takes it: a later one that allows it counts as our own."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version <= SCHEMA_VERSION or not _has(db, "usable_since"):
        return version
    since = db.execute("SELECT max(schema) FROM usable_since").fetchone()[0]
    return SCHEMA_VERSION if isinstance(since, int) and since <= SCHEMA_VERSION else version


def _has(db: sqlite3.Connection, table: str) -> bool:
    query = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return bool(db.execute(query, (table,)).fetchone()[0])


def _statements(script: str) -> list[str]:
    """The script's statements one by one, so that they can share a transaction."""
    found: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            found.append(pending)
            pending = ""
    return found
