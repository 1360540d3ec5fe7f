"""Faults that need a fleet of their own: power cuts, copies put back, an outbox that is too small."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from random import Random

from tests.faults.places import POSTGRES
from tests.faults.power import cut_power
from tests.faults.strikes import crash_store
from tests.faults.table import Fault
from tests.faults.trial import SEED, Plan
from tests.faults.world import World

CUTS = 6
GIVEN_UP_S = 30.0
"""How long reads are waited for that are known to be lost."""


def power_cuts() -> Plan:
    """The power goes and comes back, often."""
    fault = Fault(f"power cut, {CUTS} times", "torn log, torn pages, old marks", _cut_often)
    return Plan(fault.name, [fault], SEED, on_disk=True)


def database_put_back() -> Plan:
    """An older copy of the database is put back when all has arrived."""
    return _put_back("older database put back", marks=False, arrives=True)


def newer_reads_lost() -> Plan:
    """An older copy of the database is put back, and what came after it was never sent."""
    return _put_back("older database put back, the newer reads never sent", marks=False, arrives=False)


def card_put_back() -> Plan:
    """An older copy of the whole card is put back when all has arrived, and the unit goes on at once."""
    return _put_back("older card put back", marks=True, arrives=True)


def card_put_back_off_line() -> Plan:
    """The same, and the unit has no link until it has used again all the numbers that it used before."""
    return _put_back("older card put back, off line", marks=True, arrives=True, off_line=True)


def outbox_too_small() -> Plan:
    """The uplink is away for longer than the outbox has room."""
    fault = Fault("outbox too small", "1 MB, while the uplink is away", _overflow, loses=True)
    return Plan(fault.name, [fault], SEED, fresh=True, settle_s=GIVEN_UP_S, outbox_megabytes=1)


def sqlite_crashed() -> Plan:
    """The centre killed, its SQLite store left with half a transaction."""
    fault = Fault("SQLite store crashed", "kill -9, and its log has a torn end", crash_store)
    return Plan(fault.name, [fault], SEED, fresh=True, store="sqlite")


def postgres_killed() -> Plan:
    """The centre's PostgreSQL server killed, twice."""
    traces = (("centre", "tried again every"),)
    fault = Fault("PostgreSQL killed", "kill -9 of the server, twice", _kill_server, (POSTGRES,), traces)
    return Plan(fault.name, [fault], SEED, fresh=True, store="postgres")


def _kill_server(world: World, rng: Random) -> None:
    for _ in range(2):
        world.sleep(rng.uniform(0.2, 1.0))
        world.book.crash(rng)


def _put_back(name: str, *, marks: bool, arrives: bool, off_line: bool = False) -> Plan:
    def strike(world: World, rng: Random) -> None:
        copy = world.directory / "copy"
        with _unit_off(world):
            _copy(_files_of(world, marks=marks), copy)
        with ExitStack() as held:
            if not arrives:
                held.enter_context(world.services["uplink"].held())
            world.wait_for_reads(rng.randint(100, 200))
            if arrives:
                world.services["writer"].stop()
                world.wait("all has arrived", lambda: not world.missing())
            with _unit_off(world):
                _copy([copy / file.name for file in _files_of(world, marks=marks)], world.card)
                world.outbox_path.with_name("outbox.db-shm").unlink(missing_ok=True)
        with world.services["uplink"].held() if off_line else nullcontext():
            world.services["writer"].start()
            if off_line:
                used = len(world.ledger.kept)
                world.wait("all numbers are used again", lambda: _numbers(world) > used + 100)

    fault = Fault(name, "as it was some hundred reads ago", strike, loses=not arrives)
    return Plan(name, [fault], SEED, on_disk=True, settle_s=90.0 if arrives else GIVEN_UP_S)


def _numbers(world: World) -> int:
    """How many numbers have been used."""
    world.look()
    return len(world.ledger.kept)


def _cut_often(world: World, rng: Random) -> None:
    """The marks may be as old as the last start: they are forced to the disk then, and seldom after."""
    marks = world.card / "outbox.db.marks"
    for _ in range(CUTS):
        world.wait_for_reads(rng.randint(1, 60))
        forced = marks.read_bytes()
        world.sleep(rng.uniform(0.0, 0.3))
        with _unit_off(world):
            cut_power(world.outbox_path, rng)
            if rng.random() < 0.5:
                marks.write_bytes(forced)


def _overflow(world: World, rng: Random) -> None:
    with world.services["uplink"].held():
        world.wait_for_reads(rng.randint(600, 800))


@contextmanager
def _unit_off(world: World) -> Iterator[None]:
    """Both services of the unit killed, until the block ends."""
    with ExitStack() as held:
        held.enter_context(world.services["writer"].held())
        held.enter_context(world.services["uplink"].held())
        yield


def _files_of(world: World, *, marks: bool) -> list[Path]:
    """The outbox's files that hold something for good."""
    return [world.card / f"outbox.db{end}" for end in ("", "-wal", *((".marks",) if marks else ()))]


def _copy(files: list[Path], place: Path) -> None:
    """Copy these files over what is there; what is missing is removed there."""
    place.mkdir(exist_ok=True)
    for file in files:
        (place / file.name).unlink(missing_ok=True)
        if file.exists():
            shutil.copy2(file, place / file.name)
