"""One trial: reads are written, faults are done, all is over, and the invariant is looked at."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from anpr_edge.devices.clock import SystemClock
from tests.faults.books import Stored
from tests.faults.ledger import Ledger, Number
from tests.faults.places import lacking
from tests.faults.report import Line
from tests.faults.table import FAULTS, Fault
from tests.faults.verdict import Loss, faults_in, is_here, is_lost, lost
from tests.faults.world import FEEDS, World

SETTLE_S = 90.0
"""The longest back-off of either side, and a gap's time to be asked for, are in it."""


SEED = int(os.environ.get("ANPR_FAULT_SEED", "1"))
"""Decides all chances of a run; the same in every run, unless told otherwise."""

READS = int(os.environ.get("ANPR_FAULT_READS", "750"))
"""For each of two feeds."""

MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Faults with their names for the report; `reads` are written for each feed while they are done.

    All must be well again within `settle_s` after the last fault. With a `fresh` fleet, or one whose outbox
    is `on_disk` or holds little, nothing is left of the trial before. `seed` decides all chances.
    """

    name: str
    faults: Sequence[Fault]
    seed: int = SEED
    reads: int = READS
    at_once: bool = False
    settle_s: float = SETTLE_S
    fresh: bool = False
    on_disk: bool = False
    outbox_megabytes: int = 512
    store: str = "jsonl"

    @property
    def lacking(self) -> str:
        """Why it cannot be tried on this machine; empty when it can."""
        return next((why for fault in self.faults for need in fault.needs if (why := lacking(need))), "")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial went: its line of the report, what the centre and the services said, and both accounts."""

    line: Line
    centre_said: str
    words: str
    ledger: Ledger
    stored: Stored


def alone(fault: Fault) -> Plan:
    """One fault by itself."""
    return Plan(fault.name, [fault])


def combination(seed: int) -> Plan:
    """Some of the faults at once, chosen by `seed` among those that this machine can have."""
    rng = Random(seed)
    possible = [fault for fault in FAULTS if not any(map(lacking, fault.needs))]
    drawn = {fault.takes or fault.name: fault for fault in rng.sample(possible, len(possible))}
    chosen = list(drawn.values())[: rng.randint(2, MOST_AT_ONCE)]
    name = f"seed {seed}: " + " + ".join(fault.name for fault in chosen)
    return Plan(name, chosen, seed, at_once=True, fresh=True)


def carry_out(world: World, plan: Plan) -> Outcome:
    """Do it; the line says how it went, with every way in which the invariant does not hold."""
    clock, rng = SystemClock(), Random(f"{plan.seed} {plan.name}")
    began_ns, before, known = clock.now().mono_ns, world.committed, world.sizes()
    numbers = len(world.ledger.kept)
    world.write(plan.reads)
    world.wait_for_reads(plan.reads // 10)
    _strike(world, plan, rng)
    wrong = _settle(world, before + plan.reads * len(FEEDS), plan.settle_s)
    said = world.end_centre()
    world.look()
    losses = world.losses()
    wrong += faults_in(world.ledger, world.stored, losses) + _complaints(said, losses)
    wrong += [] if plan.at_once else _untraced(world, plan, known)
    gone = lost(world.ledger, world.stored, losses)
    wrong += [] if not gone or any(fault.loses for fault in plan.faults) else ["reads were lost"]
    line = Line(
        fault=plan.name,
        committed=world.committed - before,
        arrived=sum(number in world.stored.rows for number in list(world.ledger.kept)[numbers:]),
        repeats=_count(said, "repeat"),
        lost=", ".join(f"{count} {cause}" for cause, count in sorted(gone.items())),
        seconds=(clock.now().mono_ns - began_ns) / 1e9,
        verdict="; ".join(wrong) or "holds",
    )
    return Outcome(line, said, world.words(), world.ledger, world.stored)


def _strike(world: World, plan: Plan, rng: Random) -> None:
    """One fault after another, or all at once, each with chances of its own."""
    chances = [Random(rng.random()) for _ in plan.faults]
    if not plan.at_once:
        for fault, chance in zip(plan.faults, chances, strict=True):
            fault.strike(world, chance)
        return
    with ThreadPoolExecutor(len(plan.faults)) as pool:
        running = [
            pool.submit(_after_a_while, fault, world, chance)
            for fault, chance in zip(plan.faults, chances, strict=True)
        ]
    for one in running:
        one.result()


def _after_a_while(fault: Fault, world: World, chance: Random) -> None:
    world.sleep(chance.uniform(0.0, 3.0))
    fault.strike(world, chance)


def _settle(world: World, target: int, within_s: float) -> list[str]:
    """Wait until all that is kept has arrived, while traffic goes on; end the traffic, and wait again."""
    try:
        world.wait("all reads are written", lambda: world.committed >= target, within_s)
        known = list(world.ledger.kept)
        world.wait("all has arrived", lambda: _has_all(world, known), within_s)
        world.services["writer"].stop()
        world.look()
        known = list(world.ledger.kept)
        world.wait("the last has arrived", lambda: _has_all(world, known), within_s)
    except AssertionError as error:
        return [str(error)]
    finally:
        world.services["writer"].stop()
    return []


def _untraced(world: World, plan: Plan, known: Mapping[str, int]) -> list[str]:
    """Faults that did nothing, by the words of those who should have noticed."""
    return [
        f"{fault.name}: {service} never said {words!r}"
        for fault in plan.faults
        for service, words in fault.traces
        if not any(re.search(words, world.services[name].said(known[name])) for name in service.split("|"))
    ]


def _has_all(world: World, numbers: Sequence[Number]) -> bool:
    world.look()
    losses = world.losses()
    return all(is_here(n, world.ledger, world.stored) or is_lost(n, losses) for n in numbers)


def _complaints(said: str, losses: Sequence[Loss]) -> list[str]:
    """Where the centre's own account, when it ends, is not that all is here."""
    if not said:
        return ["the centre did not end in order"]
    wrong = [word for word in ("missing", "chain break", "number conflict", "refused") if _count(said, word)]
    return [] if losses or not wrong else [f"the centre says: {said}"]


def _count(said: str, word: str) -> int:
    found = re.search(rf"([\d,]+) {word}", said)
    return int(found[1].replace(",", "")) if found else 0
