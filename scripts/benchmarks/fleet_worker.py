"""One process of simulated units for `scripts/bench fleet`; told what to do through a pipe."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink.tls import Credentials
from scripts.benchmarks.fleet_pace import Pacing
from scripts.benchmarks.fleet_unit import FLEET, Identity, Recipient, Tally, Unit

TICK_S: Final = 1.0
HEALTH_EVERY_S: Final = 60.0
HOLD_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Crew:
    """The units of one process: name and signing key's file of each; their certificates lie beside."""

    folder: Path
    names: tuple[str, ...]
    port: int
    recipient: tuple[str, str]
    """The centre's two public keys, as a unit's configuration writes them."""

    pacing: Pacing
    seed: int


@dataclass(frozen=True, slots=True)
class Traffic:
    """From now on, so many reads a second at each unit, made in this phase."""

    phase: str
    per_s: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """Each unit makes so many reads in so many hours of its own time; answered when they are sealed."""

    reads: int
    hours: float


@dataclass(frozen=True, slots=True)
class Ask:
    """How far are you? Answered by a `Report`; with `numbers` it names the reads still kept."""

    numbers: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """How the units of one process are."""

    connected: int
    kept: int
    behind_s: float
    tally: Tally
    given: dict[str, tuple[int, int]]
    """For each unit the first number and how many followed, itself included."""

    numbers: dict[str, list[int]]


def work(pipe: Connection, crew: Crew) -> None:
    """Be these units until the pipe closes."""
    asyncio.run(_Worker(pipe, crew).serve())


class _Worker:
    def __init__(self, pipe: Connection, crew: Crew) -> None:
        self._pipe = pipe
        self._crew = crew
        self._tally = Tally()
        self._rng = random.Random(crew.seed)
        self._traffic = Traffic("steady", 0.0)
        self._changed = asyncio.Event()
        self._behind_s = 0.0
        self._over = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._recipient = Recipient.parse(*crew.recipient)
        self._units = [self._unit(name) for name in crew.names]
        gc.freeze()

    def _unit(self, name: str) -> Unit:
        folder = self._crew.folder / name
        files = Credentials(self._crew.folder / "ca.crt", folder / "tls.crt", folder / "tls.pem")
        key = SigningKey.load(folder / "sign.pem")
        client_id = f"{FLEET}.{name}.{files.secret_name()}"
        rng = random.Random(self._rng.random())
        who = Identity(name, client_id, key, files.context())
        return Unit(who, self._recipient, self._tally, self._crew.pacing, rng)

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._heed)
        for unit in self._units:
            self._tasks.append(loop.create_task(unit.run(self._crew.port)))
        self._tasks += [loop.create_task(one) for one in (self._drive(), self._look_after(), self._tell())]
        self._pipe.send("ready")
        await self._over.wait()
        for unit in self._units:
            unit.close()
        await asyncio.sleep(0.5)
        for task in self._tasks:
            task.cancel()

    def _heed(self) -> None:
        try:
            told = self._pipe.recv()
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            self._over.set()
            return
        if isinstance(told, Traffic):
            self._traffic = told
            self._behind_s = 0.0
            self._changed.set()
        elif isinstance(told, Backlog):
            self._tasks.append(asyncio.get_running_loop().create_task(self._hold(told)))
        elif isinstance(told, Ask):
            self._pipe.send(self._report(told.numbers))

    async def _drive(self) -> None:
        """Vehicles pass at random, independent of each other: a Poisson process over all units."""
        while True:
            self._changed.clear()
            traffic, due_s = self._traffic, time.monotonic()
            rate = traffic.per_s * len(self._units)
            while not self._changed.is_set():
                due_s += self._rng.expovariate(rate) if rate else 3600.0
                wait_s = due_s - time.monotonic()
                self._behind_s = max(self._behind_s, -wait_s)
                if wait_s > 0:
                    await _first(self._changed, wait_s)
                if not self._changed.is_set():
                    self._rng.choice(self._units).live(traffic.phase)
                await asyncio.sleep(0)

    async def _hold(self, backlog: Backlog) -> None:
        left = {unit.name: backlog.reads for unit in self._units}
        for unit in self._units:
            while left[unit.name]:
                count = min(HOLD_AT_ONCE, left[unit.name])
                unit.hold(count, backlog.hours * count / backlog.reads)
                left[unit.name] -= count
                await asyncio.sleep(0)
        self._pipe.send("held")

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for unit in self._units:
                unit.tick()

    async def _tell(self) -> None:
        """Health of every unit once a minute, spread over it."""
        while True:
            for unit in self._units:
                unit.report_health()
                await asyncio.sleep(HEALTH_EVERY_S / len(self._units))

    def _report(self, numbers: bool) -> Report:
        units = self._units
        return Report(
            connected=sum(unit.is_up for unit in units),
            kept=sum(len(unit.outbox) for unit in units),
            behind_s=self._behind_s,
            tally=self._tally,
            given={unit.name: (unit.first_seq, unit.given) for unit in units},
            numbers={unit.name: unit.outbox.numbers for unit in units} if numbers else {},
        )


async def _first(event: asyncio.Event, wait_s: float) -> None:
    """Wait for the event, or so long."""
    try:
        async with asyncio.timeout(wait_s):
            await event.wait()
    except TimeoutError:
        pass
