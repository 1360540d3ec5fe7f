"""A connection to PostgreSQL that comes back after the server was away, and its errors in our words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from anpr_edge.errors import StoreError, StoreUnavailable, UsageError

if TYPE_CHECKING:
    import psycopg

CONNECT_WITHIN_S = 10
STATEMENT_WITHIN_S, LOCK_WITHIN_S = 60, 20
"""A batch that waits longer for the server, or for another process's, is tried again."""

SETTINGS: Final = (
    f"-c statement_timeout={STATEMENT_WITHIN_S}s -c lock_timeout={LOCK_WITHIN_S}s"
    " -c synchronous_commit=on -c timezone=UTC"
)
"""Of our sessions, whatever the server's defaults: above all that an answered commit is on the disk."""

AGAIN: Final = ("08", "53", "57P", "57014", "58", "40", "55P03", "25006")
"""SQLSTATEs, or beginnings, of what may pass: connection, resources, shutdown, I/O, deadlock, lock, standby.
Source: PostgreSQL documentation, appendix A."""

HINTS: Final = {
    "42501": "which rights each role needs is in docs/central.md; `anpr-central store init` grants them",
    "42P01": "run `anpr-central store init --store URL` as the schema's owner",
    "3F000": "run `anpr-central store init --store URL` as the schema's owner",
    "53100": "make room on the database's disk",
    "53300": "raise max_connections, or run fewer processes",
    "25006": "this server is a standby: name the primary",
    "55P03": "another process holds the table: a backup or a migration?",
}

HOPELESS: Final = {
    "password authentication failed": "put the right one into ~/.pgpass, or PGPASSFILE or PGPASSWORD",
    "no password supplied": "put it into ~/.pgpass (libpq's password file), or PGPASSFILE or PGPASSWORD",
    "does not exist": "create the role and the database first: docs/central.md",
    "no pg_hba.conf entry": "allow this role and address in the server's pg_hba.conf",
    "could not translate host name": "is the host spelt right?",
}
"""What is said of a connection that trying again will not mend, and what will."""

logging.getLogger("psycopg").addHandler(logging.NullHandler())
"""What it says of a connection that was lost is said once, in our words."""


class Connection:
    """Connects when it is first used, and again after the connection was lost.

    Raises: UsageError for a URL with a password in it, StoreError when psycopg is not installed.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.password is not None:
            raise UsageError(
                f"{shown(url)}: a password on the command line is seen by every user of this machine",
                hint="put it into ~/.pgpass (libpq's password file), or PGPASSFILE or PGPASSWORD",
            )
        self.name = shown(url)
        self._url = url
        self._closed = False
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @contextmanager
    def use(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """The connection, for one transaction. Raises: StoreUnavailable, StoreError."""
        psycopg = _driver()
        if self._closed:
            raise StoreError(f"{self.name}: the store is closed")
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(
                    self._url,
                    autocommit=True,
                    connect_timeout=CONNECT_WITHIN_S,
                    application_name="anpr-central",
                    options=SETTINGS,
                )
            yield self._connection
        except psycopg.Error as error:
            raise self._in_words(error) from error

    def close(self) -> None:
        """End it; harmless when called twice."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _in_words(self, error: psycopg.Error) -> StoreError:
        """Never the whole message: its DETAIL may hold a row, and a row a plate (law 2)."""
        state = error.sqlstate
        if state is None:
            return self._without_state(error)
        words = f"{self.name}: {error.diag.message_primary or type(error).__name__} ({state})"
        hint = HINTS.get(state, "")
        if state.startswith(AGAIN):
            return StoreUnavailable(words, hint=hint)
        return StoreError(words, hint=hint or "its log says more")

    def _without_state(self, error: psycopg.Error) -> StoreError:
        """The connection could not be made, or was lost."""
        said = " ".join(str(error).split())
        words = f"{self.name}: {said}"
        for sign, hint in HOPELESS.items():
            if sign in said:
                return StoreError(words, hint=hint)
        return StoreUnavailable(words, hint="is the server running, and can this machine reach it?")


def shown(url: str) -> str:
    """The URL without a password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    netloc = parts.netloc.replace(f":{parts.password}@", ":…@")
    return urlunsplit(parts._replace(netloc=netloc))


def _driver() -> Any:
    try:
        import psycopg
    except ImportError as error:
        raise StoreError(
            "psycopg is not installed: no store in PostgreSQL", hint="pip install 'anpr-edge[postgres]'"
        ) from error
    return psycopg
