"""The store in a real PostgreSQL: partitions, rights, a server that goes and comes, errors in plain words."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from anpr_edge.central.dedupe import FeedKey
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.stores.postgres import AHEAD_DAYS, PostgresStore
from anpr_edge.central.stores.postgres_connection import Connection
from anpr_edge.central.stores.postgres_schema import STEPS, migrate
from anpr_edge.cli.central import main
from anpr_edge.errors import StoreError, StoreUnavailable, UsageError
from anpr_edge.seal.keys import RecipientPrivateKey
from tests.fakes import EPOCH_NS, FakeClock
from tests.postgres import HOST, OWNER_PASSWORD, Server
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit

KEY = RecipientPrivateKey.generate()
TODAY = datetime.fromtimestamp(EPOCH_NS / 1e9, UTC).date()
PARTITIONS = """SELECT relname FROM pg_class
    WHERE relispartition AND relkind = 'r' AND relname LIKE 'plate_read_2%' ORDER BY relname"""


class Database:
    """A database with our schema, and roles that may do only their part."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.url = server.new_database()
        self.name = self.url.rpartition("/")[2]
        self.run("init")

    def run(self, command: str, *options: str) -> int:
        return main(["store", command, "--store", self.url, *options])

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        return self.server.sql(self.name, statement)

    def role(self, kind: str) -> str:
        """The URL of a new role that is a writer, reader or keeper and nothing else."""
        role = f"{self.name}_{kind}"
        self.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{OWNER_PASSWORD}'")
        assert self.run("init", f"--{kind}", role) == 0
        return self.server.url(self.name, role)

    def partitions(self) -> list[str]:
        return [str(name) for (name,) in self.sql(PARTITIONS)]


@pytest.fixture
def database(postgres_server: Server) -> Database:
    return Database(postgres_server)


@pytest.fixture
def unit() -> SealingUnit:
    return SealingUnit(KEY.public)


def take(
    store: PostgresStore, unit: SealingUnit, blobs: list[bytes], clock: FakeClock | None = None
) -> list[Verdict]:
    intake = Intake(Opener(unit.units, KEY), store, clock or FakeClock())
    return [outcome.verdict for outcome in intake.take([(unit.topic, blob) for blob in blobs])]


def test_partitions_are_made_ahead(database: Database, unit: SealingUnit) -> None:
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, unit.seal())
    days = [TODAY + timedelta(days=n) for n in range(AHEAD_DAYS)]
    assert database.partitions() == [f"plate_read_{day:%Y%m%d}" for day in days]


def test_what_is_received_on_a_day_is_in_that_days_partition(database: Database, unit: SealingUnit) -> None:
    clock = FakeClock()
    with closing(PostgresStore(database.url)) as store:
        for _ in range(3):
            take(store, unit, unit.seal(), clock)
            clock.advance(24 * 3600)
    rows = database.sql("SELECT tableoid::regclass::text, day FROM anpr.plate_read ORDER BY day")
    assert [name for name, _ in rows] == [f"anpr.plate_read_{day:%Y%m%d}" for _, day in rows]
    assert len(rows) == 3


def test_retention_drops_partitions(database: Database, unit: SealingUnit) -> None:
    clock = FakeClock()
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, unit.seal(2), clock)
        clock.advance(24 * 3600)
        take(store, unit, unit.seal(3), clock)
        dropped = store.forget_before(TODAY + timedelta(days=1))
        assert dropped.reads == 2
        assert f"plate_read_{TODAY:%Y%m%d}" not in database.partitions()
        assert take(store, unit, unit.seal(), clock) == [Verdict.NEW]
    assert database.sql("SELECT count(*) FROM anpr.plate_read") == [(4,)]


def test_a_second_row_for_one_read_cannot_be(database: Database, unit: SealingUnit) -> None:
    """Even when a ledger was put back from an old copy."""
    blobs = unit.seal(3)
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, blobs)
        database.sql("""UPDATE anpr.feed SET ledger = '{"runs":[],"breaks":0}'""")
        assert take(store, unit, blobs) == [Verdict.NEW] * 3
    assert database.sql("SELECT count(*) FROM anpr.plate_read") == [(3,)]


def test_numbers_and_time_can_be_asked_for_in_sql(database: Database, unit: SealingUnit) -> None:
    with closing(PostgresStore(database.url)) as store:
        blobs = unit.seal(5)
        take(store, unit, [blobs[0], blobs[4]])
    assert database.sql("SELECT unit, highest, missing, breaks FROM anpr.feed") == [(unit.unit, 5, 3, 0)]
    assert database.sql(f"SELECT count(*) FROM anpr.plate_read WHERE plate_text = '{PLATE}'") == [(2,)]


def test_a_writer_cannot_look_at_plates_or_change_the_schema(database: Database, unit: SealingUnit) -> None:
    import psycopg

    url = database.role("writer")
    blobs = unit.seal(2)
    with closing(PostgresStore(url)) as store:
        assert take(store, unit, blobs) == [Verdict.NEW] * 2
        assert take(store, unit, blobs) == [Verdict.REPEAT] * 2
        with pytest.raises(StoreError, match="permission denied"):
            list(store.documents())
        with pytest.raises(StoreError, match="permission denied"):
            store.forget_before(TODAY)
    with psycopg.connect(url) as db:
        for forbidden in (
            "SELECT plate_text FROM anpr.plate_read",
            "SELECT document FROM anpr.plate_read",
            "SELECT blob FROM anpr.refusal",
            "DELETE FROM anpr.plate_read",
            "UPDATE anpr.plate_read SET lane = '1'",
            "DROP TABLE anpr.plate_read",
            "CREATE TABLE anpr.mine (x int)",
            f"SELECT * FROM anpr.plate_read_{TODAY:%Y%m%d}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                db.execute(forbidden.encode())
            db.rollback()


def test_a_reader_only_reads(database: Database, unit: SealingUnit) -> None:
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, unit.seal(2))
    with closing(PostgresStore(database.role("reader"))) as store:
        assert len(list(store.documents())) == 2
        with pytest.raises(StoreError, match="permission denied") as caught:
            take(store, unit, unit.seal())
        assert "docs/central.md" in caught.value.hint


def test_a_keeper_only_forgets(database: Database, unit: SealingUnit) -> None:
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, unit.seal(2))
    with closing(PostgresStore(database.role("keeper"))) as store:
        with pytest.raises(StoreError, match="permission denied"):
            list(store.documents())
        assert store.forget_before(TODAY + timedelta(days=1)).reads == 2


def test_init_twice_changes_nothing(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    assert database.run("init") == 0
    assert f"schema is version {len(STEPS)}" in capsys.readouterr().err


def test_a_migration_is_applied_once_and_all_or_nothing(database: Database) -> None:
    connection = Connection(database.url)
    with closing(connection):
        steps = ["never run again", "CREATE TABLE anpr.later (x int)"]
        assert migrate(connection, steps) == (1, 2)
        assert migrate(connection, steps) == (2, 2)
        with pytest.raises(StoreError):
            migrate(connection, [*steps, "CREATE TABLE anpr.even_later (x int); SELECT 1/0"])
    assert database.sql(
        "SELECT max(version), to_regclass('anpr.even_later')::text FROM anpr.schema_version"
    ) == [(2, None)]


def test_a_newer_schema_is_left_alone(database: Database) -> None:
    database.sql("INSERT INTO anpr.schema_version (version) VALUES (99)")
    with pytest.raises(StoreError, match="version 99, this program knows 1") as caught:
        PostgresStore(database.url)
    assert "later" in caught.value.hint
    assert database.run("init") == 1


def test_a_database_without_our_schema_is_told_what_to_do(postgres_server: Server) -> None:
    with pytest.raises(StoreError) as caught:
        PostgresStore(postgres_server.new_database())
    assert "anpr-central store init" in caught.value.hint


def test_a_wrong_password_is_not_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "another")
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        PostgresStore(database.url)
    assert not isinstance(caught.value, StoreUnavailable)
    assert ".pgpass" in caught.value.hint


def test_a_password_in_the_url_is_refused_and_not_repeated(database: Database) -> None:
    with pytest.raises(UsageError, match="seen by every user") as caught:
        PostgresStore(database.url.replace("@", ":hush@"))
    assert "hush" not in str(caught.value)


def test_a_server_that_is_not_there_may_come(unit: SealingUnit) -> None:
    with pytest.raises(StoreUnavailable, match="refused"):
        PostgresStore(f"postgresql://nobody@{HOST}:9/none")


def test_a_server_that_crashes_and_comes_back_loses_nothing(database: Database, unit: SealingUnit) -> None:
    blobs = unit.seal(4)
    with closing(PostgresStore(database.url)) as store:
        take(store, unit, blobs[:2])
        database.server.kill()
        try:
            for _ in range(2):
                with pytest.raises(StoreUnavailable):
                    take(store, unit, blobs)
        finally:
            database.server.start()
        assert take(store, unit, blobs) == [Verdict.REPEAT, Verdict.REPEAT, Verdict.NEW, Verdict.NEW]
        assert store.ledgers()[FeedKey(FLEET, unit.unit, FEED, unit.key.kid)].watermark(0) == (4, ())
    assert database.sql("SELECT count(*) FROM anpr.plate_read") == [(4,)]


def test_a_process_waits_for_anothers_part_of_the_same_feed(database: Database, unit: SealingUnit) -> None:
    """While one batch is under way the same read cannot become new a second time."""
    blobs = unit.seal(3)
    key = FeedKey(FLEET, unit.unit, FEED, unit.key.kid)
    verdicts: list[Verdict] = []
    with closing(PostgresStore(database.url)) as one, closing(PostgresStore(database.url)) as other:
        take(one, unit, blobs[:1])
        late = Thread(target=lambda: verdicts.extend(take(other, unit, blobs)))
        with one.batch([key]):
            late.start()
            late.join(0.5)
            assert late.is_alive()
        late.join(30)
    assert verdicts == [Verdict.REPEAT, Verdict.NEW, Verdict.NEW]


def test_what_the_server_says_of_a_row_is_not_repeated(database: Database, unit: SealingUnit) -> None:
    """An error's DETAIL may hold a plate."""
    database.sql("ALTER TABLE anpr.plate_read ADD CONSTRAINT none CHECK (plate_text = '')")
    with closing(PostgresStore(database.url)) as store, pytest.raises(StoreError) as caught:
        take(store, unit, unit.seal())
    assert PLATE not in f"{caught.value} {caught.value.hint}"


def test_a_table_that_another_process_has_locked_is_named(database: Database, unit: SealingUnit) -> None:
    import psycopg

    with closing(PostgresStore(database.url)) as store:
        take(store, unit, unit.seal())
        with psycopg.connect(database.url) as db:
            db.execute("SELECT count(*) FROM anpr.plate_read")
            with pytest.raises(StoreUnavailable, match="55P03"):
                store.forget_before(TODAY + timedelta(days=1))
        assert store.forget_before(TODAY + timedelta(days=1)).reads == 1
