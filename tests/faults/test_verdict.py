"""The judge itself: each way in which the invariant can be broken is found, and what is right is not."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import EPOCH_NUMBERS
from tests.faults.books import Row, Stored
from tests.faults.ledger import Ledger
from tests.faults.power import cut_power, read_log
from tests.faults.proxy import HOST, Proxy
from tests.faults.verdict import START, Loss, faults_in

FIRST, COUNT = 1000, 6
FEED = "charging"


def well() -> tuple[Ledger, Stored]:
    """A feed of six reads, all kept and all stored."""
    ledger, stored = Ledger(), Stored()
    previous = START
    for seq in range(FIRST, FIRST + COUNT):
        hash_, plate = f"hash{seq}", f"plate{seq}"
        ledger.sealed[FEED, seq] = {"taken back": "other", hash_: plate}
        ledger.kept[FEED, seq] = hash_
        stored.rows[FEED, seq] = [Row(hash_, previous, plate)]
        previous = hash_
    return ledger, stored


def lose(ledger: Ledger, stored: Stored) -> None:
    del stored.rows[FEED, FIRST + 2]


def lose_the_last(ledger: Ledger, stored: Stored) -> None:
    del stored.rows[FEED, FIRST + COUNT - 1]


def store_twice(ledger: Ledger, stored: Stored) -> None:
    stored.rows[FEED, FIRST + 2] *= 2


def invent(ledger: Ledger, stored: Stored) -> None:
    stored.rows[FEED, FIRST + COUNT] = [Row("invented", f"hash{FIRST + COUNT - 1}", "plate")]


def change_the_plate(ledger: Ledger, stored: Stored) -> None:
    right = stored.rows[FEED, FIRST + 2][0]
    stored.rows[FEED, FIRST + 2] = [Row(right.hash, right.previous, "another")]


def store_what_was_taken_back(ledger: Ledger, stored: Stored) -> None:
    right = stored.rows[FEED, FIRST + COUNT - 1][0]
    stored.rows[FEED, FIRST + COUNT - 1] = [Row("taken back", right.previous, "other")]


def break_the_chain(ledger: Ledger, stored: Stored) -> None:
    right = stored.rows[FEED, FIRST + 2][0]
    stored.rows[FEED, FIRST + 2] = [Row(right.hash, "elsewhere", right.plate)]


def leave_the_beginning_out(ledger: Ledger, stored: Stored) -> None:
    del stored.rows[FEED, FIRST], ledger.kept[FEED, FIRST]


def test_what_is_well_is_found_well() -> None:
    assert faults_in(*well()) == []


@pytest.mark.parametrize(
    "harm",
    [
        lose,
        lose_the_last,
        store_twice,
        invent,
        change_the_plate,
        store_what_was_taken_back,
        break_the_chain,
        leave_the_beginning_out,
    ],
    ids=lambda harm: harm.__name__,
)
def test_every_harm_is_found(harm: Callable[[Ledger, Stored], None]) -> None:
    ledger, stored = well()
    harm(ledger, stored)
    assert faults_in(ledger, stored)


def test_a_loss_that_is_reported_with_its_cause_is_no_fault() -> None:
    ledger, stored = well()
    lose(ledger, stored)
    assert faults_in(ledger, stored, [Loss(FEED, FIRST + 2, FIRST + 2, "full")]) == []
    assert faults_in(ledger, stored, [Loss(FEED, FIRST + 2, FIRST + 2, "")])
    assert faults_in(ledger, stored, [Loss("traffic", FIRST + 2, FIRST + 2, "full")])


def test_a_new_epoch_begins_a_chain() -> None:
    ledger, stored = well()
    number = (FEED, EPOCH_NUMBERS + 5)
    ledger.sealed[number], ledger.kept[number] = {"new": "plate"}, "new"
    stored.rows[number] = [Row("new", START, "plate")]
    assert faults_in(ledger, stored) == []
    stored.rows[number] = [Row("new", f"hash{FIRST + COUNT - 1}", "plate")]
    assert faults_in(ledger, stored)


def test_a_line_that_a_kill_cut_off_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "ledger.txt"
    path.write_text("\ns charging 7 aa bb\nc charging 7 aa\ns charging 8 c")
    ledger = Ledger()
    ledger.follow(path)
    with path.open("a") as file:
        file.write("\ns charging 8 cc dd\nc charging 8 cc\nc charging 7 ee\n")
    ledger.follow(path)
    assert ledger.kept == {("charging", 7): "ee", ("charging", 8): "cc"}
    assert ledger.kept_twice == {("charging", 7): {"aa", "ee"}}


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_leaves_all_that_was_committed(tmp_path: Path, seed: int) -> None:
    path, rng = tmp_path / "some.db", Random(seed)
    committed = _interrupted_database(path, rng)
    log = read_log(path.with_name("some.db-wal"))
    assert log is not None
    assert log.pages
    cut_power(path, rng)
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT count(*) FROM numbers").fetchone() == (committed,)


def _interrupted_database(path: Path, rng: Random) -> int:
    """A database as a kill leaves it: copied while a transaction is open; how many rows were committed."""
    live = path.with_name("live.db")
    db = sqlite3.connect(live, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("CREATE TABLE numbers (number INTEGER, filling BLOB)")
    committed = rng.randint(5, 60)
    for number in range(committed):
        db.execute("INSERT INTO numbers VALUES (?, ?)", (number, rng.randbytes(700)))
    db.execute("PRAGMA cache_size = 2")
    db.execute("BEGIN")
    for number in range(rng.randint(0, 40)):
        db.execute("INSERT INTO numbers VALUES (?, ?)", (number, rng.randbytes(700)))
    for end in ("", "-wal"):
        shutil.copy(f"{live}{end}", f"{path}{end}")
    db.close()
    return committed


def test_a_link_passes_delays_forgets_and_breaks() -> None:
    with socket.create_server((HOST, 0)) as server:
        link = Proxy(server.getsockname()[1], Random(1))
        with socket.create_connection((HOST, link.port), 5.0) as near:
            far, _ = server.accept()
            far.settimeout(5.0)
            near.sendall(b"well")
            assert far.recv(16) == b"well"

            link.delay_s = 0.5
            began_ns = SystemClock().now().mono_ns
            near.sendall(b"late")
            assert far.recv(16) == b"late"
            assert SystemClock().now().mono_ns - began_ns >= 0.5e9

            link.heal()
            link.forget()
            near.sendall(b"lost")
            far.settimeout(0.5)
            with pytest.raises(TimeoutError):
                far.recv(16)

            link.cut()
            far.settimeout(5.0)
            assert far.recv(16) == b"", "the end of the connection"
        link.close()
