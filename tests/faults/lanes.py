"""Trials side by side: they wait far more than they work."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from tests.faults.trial import Outcome, Plan, carry_out
from tests.faults.world import World, new_world

LANES = min(8, 1 + max(2, os.cpu_count() or 1))


class Directories(Protocol):
    """Gives new directories, as pytest's factory does."""

    def mktemp(self, basename: str, numbered: bool = True) -> Path: ...


class Lane:
    """Tries one plan after another on one fleet, as long as all is well with it and the plan allows."""

    def __init__(self, directories: Directories) -> None:
        self._directories = directories
        self._stack = ExitStack()
        self._world: World | None = None

    def carry_out(self, plan: Plan) -> Outcome:
        """Try it, on the fleet that is running or on a new one."""
        if plan.fresh or plan.on_disk:
            self.close()
        world = self._take(plan)
        well = False
        try:
            outcome = carry_out(world, plan)
            well = outcome.line.verdict == "holds" and not (plan.fresh or plan.on_disk)
            return outcome
        finally:
            if not well:
                self.close()

    def give_up(self) -> None:
        """Break off what is being tried, from another thread."""
        if self._world is not None:
            self._world.give_up()

    def close(self) -> None:
        """End the fleet that is running."""
        self._world = None
        self._stack.close()

    def _take(self, plan: Plan) -> World:
        if self._world is not None:
            self._world.renew()
            return self._world
        self._world = self._stack.enter_context(
            new_world(
                self._directories.mktemp("fleet"),
                plan.seed,
                store=plan.store,
                on_disk=plan.on_disk,
                outbox_megabytes=plan.outbox_megabytes,
            )
        )
        return self._world


class Lanes:
    """All plans, in so many lanes; `outcome` waits for one of them."""

    def __init__(self, plans: Sequence[Plan], directories: Directories) -> None:
        self._directories = directories
        self._own = threading.local()
        self._all: list[Lane] = []
        self._pool = ThreadPoolExecutor(LANES, "lane", self._open)
        self._futures: dict[str, Future[Outcome]] = {}
        for plan in plans:
            self._futures[plan.name] = self._pool.submit(self._carry_out, plan)

    def outcome(self, plan: Plan) -> Outcome:
        """How it went, once it has; raises what it raised."""
        return self._futures[plan.name].result()

    def close(self) -> None:
        """Begin no more, break off what is being tried, and end all fleets."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for lane in self._all:
            lane.give_up()
        self._pool.shutdown()
        for lane in self._all:
            lane.close()

    def _open(self) -> None:
        self._own.lane = Lane(self._directories)
        self._all.append(self._own.lane)

    def _carry_out(self, plan: Plan) -> Outcome:
        lane: Lane = self._own.lane
        return lane.carry_out(plan)
