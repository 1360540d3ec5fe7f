"""The outbox's schema, made new or brought up to date: version 1, then each migration after it.

A migration is one SQL script, run in one transaction together with those before it. Every past schema lies
in tests/databases, with rows in every state, and is brought up to date by a test.
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
    version = db.execute("PRAGMA user_version").fetchone()[0]
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
