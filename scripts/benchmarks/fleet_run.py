"""One run of `scripts/bench fleet`: steady, peak, outage, drain, with everything measured on the way."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from anpr_edge.cli.output import progress
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError
from anpr_edge.fleet.broker import running_mosquitto
from anpr_edge.fleet.processes import end
from scripts.benchmarks.fleet_judging import STORES, Stored, account, busiest, delays
from scripts.benchmarks.fleet_pace import Pacing
from scripts.benchmarks.fleet_site import Site, make_site
from scripts.benchmarks.fleet_worker import Ask, Backlog, Crew, Report, Traffic, work
from scripts.benchmarks.process import Usage, usage

LOOK_EVERY_S: Final = 0.5
CONNECT_WITHIN_S: Final = 120.0
ANSWER_WITHIN_S: Final = 300.0
STOP_WITHIN_S: Final = 20.0
CALM_S: Final = 2.0
"""More than a read and its watermark take on a broker that is not busy."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen: units, reads a second at each, seconds of each phase, the backlog."""

    units: int
    average_per_s: float
    peak_per_s: float
    backlog_reads: int
    backlog_hours: float
    steady_s: float
    peak_s: float
    outage_s: float
    drain_s: float
    """At most; the drain ends when every outbox is empty."""

    processes: int = 2
    pacing: Pacing = field(default_factory=Pacing)
    store: str = "jsonl"
    seed: int = 1


class _Crews:
    """All processes of units, asked and told together."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self._pipes = pipes

    def tell(self, what: Traffic | Backlog) -> None:
        for pipe in self._pipes:
            pipe.send(what)

    def ask(self, *, numbers: bool = False) -> list[Report]:
        for pipe in self._pipes:
            pipe.send(Ask(numbers))
        return [self._answer(pipe) for pipe in self._pipes]

    def await_word(self, word: str) -> None:
        for pipe in self._pipes:
            if self._answer(pipe) != word:
                raise AnprError(f"a process of units did not say {word!r}")

    @staticmethod
    def _answer(pipe: Connection) -> Any:
        try:
            if pipe.poll(ANSWER_WITHIN_S):
                return pipe.recv()
        except EOFError:
            pass
        raise AnprError(f"a process of units has died or not answered for {ANSWER_WITHIN_S:.0f} s")


class _Meter:
    """Processor time and memory of the processes that matter, phase by phase."""

    def __init__(self) -> None:
        self.pids: dict[str, list[int]] = {}

    def read(self) -> dict[str, Usage]:
        """For each role its processes together; those that have ended count nothing."""
        found = {}
        for role, pids in self.pids.items():
            each = [one for one in map(usage, pids) if one is not None]
            found[role] = Usage(
                sum(one.resident_mb for one in each),
                sum(one.peak_mb for one in each),
                sum(one.processor_s for one in each),
            )
        return found


class FleetRun:
    """Runs a plan once; `result` is then what was measured."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._meter = _Meter()
        self.result: dict[str, Any] = {"units": plan.units, "phases": {}}

    def run(self) -> dict[str, Any]:
        """The whole run as one JSON object. Raises: AnprError when a part of it cannot be started."""
        ram = Path("/dev/shm")
        keys_in = ram if os.access(ram, os.W_OK) else None
        with tempfile.TemporaryDirectory(prefix="anpr-fleet-", dir=keys_in) as name:
            site = make_site(Path(name), self._plan.units)
            with (
                tempfile.TemporaryDirectory(prefix="anpr-fleet-store-") as store,
                _crews(site, self._plan) as (
                    crews,
                    pids,
                ),
            ):
                self._meter.pids["units"] = pids
                self._phases(site, Path(store), crews)
        return self.result

    def _phases(self, site: Site, folder: Path, crews: _Crews) -> None:
        plan, (store, read_store) = self._plan, STORES[self._plan.store]
        centre = site.start_centre(store(folder))
        self._meter.pids["centre"] = [centre.pid]
        with ExitStack() as at_end:
            at_end.callback(end, centre, STOP_WITHIN_S)
            with self._broker(site):
                self._connect(crews)
                self._phase("steady", crews, Traffic("steady", plan.average_per_s), plan.steady_s)
                self._phase("peak", crews, Traffic("peak", plan.peak_per_s), plan.peak_s)
                self._caught_up(crews)
                os.kill(self._meter.pids["broker"][0], 9)
            self._outage(crews)
            with self._broker(site):
                self._drain(crews)
                crews.tell(Traffic("drain", 0.0))
                reports = crews.ask(numbers=True)
        self._judge(reports, list(read_store(folder)))

    @contextmanager
    def _broker(self, site: Site) -> Iterator[None]:
        with running_mosquitto(site.broker_config, site.listener, SystemClock()) as broker:
            self._meter.pids["broker"] = [broker.pid]
            yield

    def _connect(self, crews: _Crews) -> None:
        """All units come at once, as after a power cut."""
        self._watch(
            "connect", crews, lambda reports: _connected(reports) == self._plan.units, CONNECT_WITHIN_S
        )
        self._note_connects("connect", crews.ask(), None)

    def _phase(self, name: str, crews: _Crews, traffic: Traffic, seconds: float) -> None:
        crews.tell(traffic)
        self._watch(name, crews, lambda _: False, seconds)
        self.result["phases"][name]["generator_behind_s"] = round(max(one.behind_s for one in crews.ask()), 2)

    def _caught_up(self, crews: _Crews) -> None:
        """Let what the peak left arrive, so that its delay is not the outage's."""
        crews.tell(Traffic("after-peak", self._plan.average_per_s))
        time.sleep(CALM_S)
        self._watch("after-peak", crews, lambda reports: _kept(reports) <= 2 * self._plan.units, 30.0)

    def _outage(self, crews: _Crews) -> None:
        plan = self._plan
        began_s = time.time()
        crews.tell(Traffic("outage", plan.average_per_s))
        crews.tell(Backlog(plan.backlog_reads, plan.backlog_hours))
        progress("outage: sealing the backlog")
        crews.await_word("held")
        while time.time() - began_s < plan.outage_s:
            time.sleep(LOOK_EVERY_S)
        self.result["phases"]["outage"] = {"seconds": round(time.time() - began_s, 1)}
        self.result["backlog"] = {
            "reads_a_unit": plan.backlog_reads,
            "hours": plan.backlog_hours,
            "kept": _kept(crews.ask()),
        }

    def _drain(self, crews: _Crews) -> None:
        plan = self._plan
        began_s = time.time()
        crews.tell(Traffic("drain", plan.average_per_s))
        self._watch("drain", crews, _is_drained(plan), plan.drain_s)
        reports = crews.ask()
        self._note_connects("drain", reports, began_s)
        done = _is_drained(plan)(reports)
        self.result["backlog"] |= {
            "drained": done,
            "drain_s": round(time.time() - began_s, 1),
            "left": _kept(reports),
        }

    def _watch(self, name: str, crews: _Crews, enough: Callable[[list[Report]], bool], most_s: float) -> None:
        """Let a phase pass, until `enough` or its time is over, and note what it took."""
        before, began_s = self._meter.read(), time.monotonic()
        highest = dict.fromkeys(before, 0.0)
        while (passed_s := time.monotonic() - began_s) < most_s:
            reports = crews.ask()
            where = f"{name} {passed_s:.0f}/{most_s:.0f} s"
            progress(f"{where}: {_connected(reports)} connected, {_kept(reports)} kept")
            if enough(reports):
                break
            time.sleep(LOOK_EVERY_S)
            highest = {role: max(highest[role], one.resident_mb) for role, one in self._meter.read().items()}
        seconds, after = time.monotonic() - began_s, self._meter.read()
        phase = self.result["phases"][name] = {"seconds": round(seconds, 1), "until_s": round(time.time(), 1)}
        for role, usage_after in after.items():
            used_s = usage_after.processor_s - before[role].processor_s
            phase[role] = {  # type: ignore[assignment]
                "processor_s": round(used_s, 2),
                "cores": round(used_s / seconds, 3) if seconds else 0.0,
                "resident_mb": round(max(highest[role], usage_after.resident_mb), 1),
            }

    def _note_connects(self, name: str, reports: list[Report], began_s: float | None) -> None:
        """The connections made since then; since the first one, without a time."""
        times_s = [at for report in reports for at in report.tally.connects_s if at >= (began_s or 0.0)]
        began_s = min(times_s, default=0.0) if began_s is None else began_s
        self.result["phases"][name]["connects"] = {
            "connected": _connected(reports),
            "accepted": len(times_s),
            "busiest_per_s": busiest(times_s),
            "all_within_s": round(max(times_s, default=began_s) - began_s, 1),
        }

    def _per_read(self, stored: Sequence[Stored]) -> None:
        """What a read cost broker and centre while the phase ran, and how many a second were stored."""
        for phase in self.result["phases"].values():
            until_s = phase.get("until_s", 0.0)
            count = _between(stored, until_s - phase["seconds"], until_s)
            if count:
                phase["stored_per_s"] = round(count / phase["seconds"], 1)
                for role in ("broker", "centre"):
                    phase[role]["processor_ms_a_read"] = round(phase[role]["processor_s"] * 1e3 / count, 3)

    def _centre_back_s(self, stored: Sequence[Stored]) -> float | None:
        """When the centre took its first read after the broker came back; None when it took none."""
        phase = self.result["phases"]["drain"]
        began_s = phase["until_s"] - phase["seconds"]
        first_s = min((one.received_s for one in stored if one.received_s >= began_s), default=None)
        return None if first_s is None else round(first_s - began_s, 1)

    def _judge(self, reports: list[Report], stored: list[Stored]) -> None:
        given = {unit: numbers for report in reports for unit, numbers in report.given.items()}
        kept = {unit: numbers for report in reports for unit, numbers in report.numbers.items()}
        self.result["reads"] = account(given, stored, kept)
        self.result["delay"] = delays(stored)
        self._per_read(stored)
        self.result["backlog"]["centre_back_s"] = self._centre_back_s(stored)
        self.result["stored_busiest_per_s"] = busiest(one.received_s for one in stored)
        self.result["units_say"] = {
            "published": sum(report.tally.published for report in reports),
            "refused": sum(report.tally.refused for report in reports),
            "watermarks_refused": sum(report.tally.acks_refused for report in reports),
            "failed_connections": sum(report.tally.failures for report in reports),
        }


def _between(stored: Sequence[Stored], from_s: float, to_s: float) -> int:
    return sum(from_s <= one.received_s < to_s for one in stored)


def scaled(plan: Plan, scale: float) -> Plan:
    """The same plan with so much of its traffic and its backlog."""
    return replace(
        plan,
        average_per_s=plan.average_per_s * scale,
        peak_per_s=plan.peak_per_s * scale,
        backlog_reads=max(1, round(plan.backlog_reads * scale)),
    )


def _is_drained(plan: Plan) -> Callable[[list[Report]], bool]:
    """Whether all are back and keep no more than what waits for the next watermark."""
    at_once = max(2, round(plan.units * plan.average_per_s * 2))
    return lambda reports: _connected(reports) == plan.units and _kept(reports) <= at_once


def _connected(reports: Sequence[Report]) -> int:
    return sum(report.connected for report in reports)


def _kept(reports: Sequence[Report]) -> int:
    return sum(report.kept for report in reports)


@contextmanager
def _crews(site: Site, plan: Plan) -> Iterator[tuple[_Crews, list[int]]]:
    """Processes that are the units, ended when the block ends."""
    spawn = multiprocessing.get_context("spawn")
    ours, processes = [], []
    for number in range(plan.processes):
        names = site.names[number :: plan.processes]
        crew = Crew(site.units, names, site.listener.port, site.recipient, plan.pacing, plan.seed + number)
        here, there = spawn.Pipe()
        process = spawn.Process(target=work, args=(there, crew), name=f"units-{number}", daemon=True)
        process.start()
        there.close()
        ours.append(here)
        processes.append(process)
    try:
        crews = _Crews(ours)
        crews.await_word("ready")
        yield crews, [process.pid for process in processes if process.pid]
    finally:
        for pipe in ours:
            pipe.close()
        for process in processes:
            process.join(STOP_WITHIN_S)
            if process.is_alive():
                process.kill()
