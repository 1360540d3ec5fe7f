"""The centre's SQL stores: one SQLite file, and a real PostgreSQL server that can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from types import MappingProxyType

from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import CENTRAL
from anpr_edge.seal.envelope import parse
from tests.faults.books import LOSS_REPORT, Row, Stored
from tests.faults.ledger import digest
from tests.postgres import OWNER_PASSWORD, Server

READS = "SELECT feed, seq, hash, previous, plate_text FROM {0}plate_read JOIN {0}feed ON feed.id = feed_id"
REFUSALS = "SELECT feed, seq, hash, kind, blob FROM {0}refusal JOIN {0}feed ON feed.id = feed_id"

ReadRow = tuple[str, int, bytes, bytes, str]
RefusalRow = tuple[str, int, bytes, str, bytes]


def fill(stored: Stored, reads: Sequence[ReadRow], refusals: Sequence[RefusalRow]) -> None:
    """Make `stored` what these rows say."""
    rows: dict[tuple[str, int], list[Row]] = {}
    for feed, seq, hash_, previous, plate in reads:
        rows.setdefault((feed, seq), []).append(Row(hash_.hex(), previous.hex(), digest(plate.encode())))
    reports = []
    for feed, seq, hash_, kind, blob in refusals:
        rows.setdefault((feed, seq), []).append(Row(hash_.hex(), parse(blob).previous.hex(), digest(b"")))
        if kind == LOSS_REPORT:
            reports.append(blob)
    stored.rows, stored.reports = rows, sorted(reports)


class SqliteBook:
    """One SQLite file."""

    environment: Mapping[str, str] = MappingProxyType({})

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "reads.db"

    @property
    def options(self) -> list[str]:
        return ["--store", f"sqlite:{self._path}"]

    def follow(self, stored: Stored) -> None:
        if not self._path.exists():
            return
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10.0)) as db:
            try:
                fill(
                    stored,
                    db.execute(READS.format("")).fetchall(),
                    db.execute(REFUSALS.format("")).fetchall(),
                )
            except sqlite3.OperationalError:  # its tables are not made yet
                return

    def crash(self, rng: Random) -> None:
        """Bytes that no transaction committed, at the end of its log."""
        log = self._path.with_name("reads.db-wal")
        if log.exists():
            with log.open("ab") as file:
                file.write(rng.randbytes(rng.randint(1, 9000)))

    def close(self) -> None:
        """A file needs nothing."""


class PostgresBook:
    """A server of its own, on loopback, with a password."""

    environment: Mapping[str, str] = MappingProxyType({"PGPASSWORD": OWNER_PASSWORD})

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._place = Path(tempfile.mkdtemp(prefix="anpr-faults-"))
        self._place.chmod(0o711)
        self._server = Server(self._place)
        self._server.start()
        self._url = self._server.new_database()
        done = subprocess.run(
            [*CENTRAL, "store", "init", "--store", self._url],
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    @property
    def options(self) -> list[str]:
        return ["--store", self._url]

    def follow(self, stored: Stored) -> None:
        import psycopg

        database = self._url.rpartition("/")[2]
        try:
            reads = self._server.sql(database, READS.format("anpr."))
            refusals = self._server.sql(database, REFUSALS.format("anpr."))
        except psycopg.OperationalError:  # it is down, or coming up
            return
        fill(stored, reads, refusals)

    def crash(self, rng: Random) -> None:
        """kill -9 of the server, and a while without it."""
        data = self._place / "data"
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        SystemClock().sleep(rng.uniform(0.5, 2.0))
        for _ in range(20):  # its children have to notice before another may begin
            try:
                self._server.start()
                return
            except AssertionError:
                SystemClock().sleep(0.5)
        raise AssertionError("the server did not come back")

    def close(self) -> None:
        self._server.kill()
        shutil.rmtree(self._place, ignore_errors=True)
