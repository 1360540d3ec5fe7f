"""`scripts/bench outbox`: what keeping reads costs a card, and how fast it goes (docs/outbox-bench.md).

Reads arrive at random at a given rate, by a clock of our own, so that an hour of a quiet road takes seconds;
sealing, transactions and the disk are real. The reader's commit stage groups them as it does on a unit. Once
they are only kept; once the uplink's part is done too, after every commit: its reads are marked sent, and
forgotten when each feed's watermark covers them.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from anpr_edge.cli.numbers import between
from anpr_edge.cli.output import json_line, progress, table
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.health import Counters
from anpr_edge.daemon.keeping import BATCH, ReadKeeper, finish
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, Instant
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.policy.model import ALWAYS_ON, FeedTerms, Recipient, unsigned_policy
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.wire import ALL_FIELDS
from scripts.benchmarks.machine import machine
from scripts.benchmarks.seal import READ

SCHEMA: Final = 1
FEEDS: Final = ("charging", "police")
RATES: Final = {"quiet": 0.02, "busy": 1.0, "peak": 5.0}
"""Vehicles a second: one in 50 s by night; 3,600 an hour, two full lanes; and as many as a gantry sees."""

WINDOWS_MS: Final = (0, 250, 500, 1000, 2000)
HEADINGS: Final = (
    *("rate", "window ms", "commits/read", "kept, B/read", "on the device"),
    *("whole life, B/read", "on the device"),
)
READS: Final = {"quiet": 60, "busy": 400, "peak": 1000}
START_NS: Final = 1_790_000_000_000_000_000


class SimulatedClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self._mono_ns = 0

    def now(self) -> Instant:
        return Instant(START_NS + self._mono_ns, self._mono_ns, 1.0)

    def sleep(self, seconds: float) -> None:
        self._mono_ns += round(seconds * 1e9)


@dataclass(frozen=True, slots=True)
class Written:
    """Bytes so far: that this process gave to the disk, and that the disk's own counter has."""

    process: int
    device: int | None

    def since(self, before: Written) -> dict[str, int | None]:
        """What was written since `before`."""
        own = None if self.device is None or before.device is None else self.device - before.device
        return {"process": self.process - before.process, "device": own}


class Disk:
    """Where the outbox lies. `device` is the block device's counters, when it has one of its own."""

    def __init__(self, folder: Path, device: Path | None) -> None:
        self.folder = folder
        self._device = device

    def written(self) -> Written:
        """Source: proc_pid_io(5), write_bytes; kernel Documentation/block/stat.rst, sectors of 512 bytes."""
        os.sync()
        io = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
        device = None if self._device is None else int(self._device.read_text().split()[6]) * 512
        return Written(int(io["write_bytes"]), device)


@contextmanager
def disk_of_its_own(folder: Path) -> Iterator[Disk]:
    """An ext4 file system on a loop device, or where that cannot be made, the folder itself."""
    image, mounted = folder / "image", folder / "disk"
    mounted.mkdir()
    device = None
    with suppress(OSError, subprocess.CalledProcessError), image.open("wb") as file:
        file.truncate(256 << 20)
        _run("mkfs.ext4", "-q", "-F", image)
        _run("mount", "-o", "loop", image, mounted)
        name = Path(_run("findmnt", "-no", "SOURCE", mounted).strip()).name
        device = Path("/sys/block", name, "stat")
    try:
        yield Disk(mounted, device)
    finally:
        if device is not None:
            _run("umount", mounted)


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class Unit:
    """The reader's commit stage and what the uplink does to the outbox, on one disk."""

    def __init__(self, path: Path, window_ms: int) -> None:
        self.clock = SimulatedClock()
        centre, key = RecipientPrivateKey.generate(), SigningKey.generate()
        recipients = {feed: [centre.public] for feed in FEEDS}
        sealer = CoseSealer(UnitIdentity("bench", "unit-0001", bytes(16)), key, recipients)
        policy = unsigned_policy("bench", "unit-0001", tuple(_terms(feed, centre, key) for feed in FEEDS))
        day = dict.fromkeys(FEEDS, timedelta(days=1))
        self.outbox = SqliteOutbox(path, self.clock, max_bytes=512_000_000, retention=day, boot_id=bytes(16))
        self.keeper = ReadKeeper(
            self.outbox,
            sealer,
            FeedGate(policy, self.clock),
            self.clock,
            Counters(),
            window_s=window_ms / 1000,
            may_drop=True,
            urgent=frozenset(),
        )
        self.commits = 0

    def work(self) -> None:
        """Let the commit stage do what is due."""
        before = len(self.keeper)
        self.keeper.work()
        self.commits += len(self.keeper) < before

    def arrive(self, after_s: float) -> None:
        """The next read comes `after_s` later; what was due meanwhile is done at its time."""
        left_s = after_s
        while len(self.keeper) and self.keeper.wait_s(left_s) < left_s:
            step_s = self.keeper.wait_s(left_s)
            self.clock.sleep(step_s + 1e-6)
            left_s -= step_s
            self.work()
        self.clock.sleep(max(0.0, left_s))
        self.keeper.take(READ)
        self.work()

    def finish(self) -> None:
        """Keep what is held."""
        self.commits += bool(len(self.keeper))
        finish(self.keeper, _raise)

    def deliver(self) -> None:
        """What the uplink does with all that is here: one transaction each for PUBACKs and watermarks."""
        due = self.outbox.due(100_000)
        self.outbox.record([Delivery(entry.read.feed, entry.read.seq, 0) for entry in due])
        for feed, stats in self.outbox.stats().items():
            self.outbox.settle(feed, stats.last_seq, [])


def _terms(name: str, centre: RecipientPrivateKey, key: SigningKey) -> FeedTerms:
    return FeedTerms(
        name=name,
        purpose="bench",
        controller="bench",
        legal_basis="bench",
        recipients=(Recipient("bench", centre.public.text),),
        ack_key=key.public.text,
        fields=ALL_FIELDS,
        time_ms=1,
        place_m=0,
        calendar=ALWAYS_ON,
        reads="all",
        min_confidence=0.0,
        share=1.0,
        waits_s=86_400,
        kept_days=None,
        most_per_minute=None,
    )


def _raise(error: Exception) -> None:
    raise error


def measure_wear(folder: Path, rate: str, window_ms: int) -> dict[str, Any]:
    """Bytes and commits a read when reads come at a rate: kept alone, and with all the uplink does."""
    kept, commits = _wear(folder / "kept", rate, window_ms, deliver=False)
    life, _ = _wear(folder / "life", rate, window_ms, deliver=True)
    return {
        "rate": rate,
        "window_ms": window_ms,
        "reads": READS[rate],
        "commits_per_read": round(commits / READS[rate], 3),
        "kept_bytes_per_read": kept,
        "life_bytes_per_read": life,
    }


def _wear(folder: Path, rate: str, window_ms: int, *, deliver: bool) -> tuple[dict[str, int | None], int]:
    """Bytes written for each read, and how many commits there were."""
    chance = random.Random(7)
    folder.mkdir()
    with disk_of_its_own(folder) as disk, closing_unit(disk.folder / "outbox.db", window_ms) as unit:
        unit.arrive(1.0)
        unit.finish()
        before, unit.commits = disk.written(), 0
        for _ in range(READS[rate]):
            commits = unit.commits
            unit.arrive(chance.expovariate(RATES[rate]))
            if deliver and unit.commits > commits:
                unit.deliver()
        unit.finish()
        if deliver:
            unit.deliver()
        written = disk.written().since(before)
        return {
            name: None if count is None else round(count / READS[rate]) for name, count in written.items()
        }, unit.commits


@contextmanager
def closing_unit(path: Path, window_ms: int) -> Iterator[Unit]:
    """A unit that is closed before its disk goes."""
    unit = Unit(path, window_ms)
    with closing(unit.outbox):
        yield unit


def measure_speed(folder: Path, seconds: float) -> dict[str, float]:
    """Rows a second that are sealed and committed, one by one and in full batches."""
    result = {}
    for name, count in (("one", 1), ("batch", BATCH)):
        with closing_unit(folder / f"{name}.db", 0) as unit:
            started, reads = time.perf_counter(), 0
            while time.perf_counter() - started < seconds:
                for _ in range(count):
                    unit.keeper.take(READ)
                unit.keeper.keep_some()
                reads += count
            result[name] = round(reads * len(FEEDS) / (time.perf_counter() - started))
    return result


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `outbox`."""
    parser = commands.add_parser("outbox", help="bytes written and commits a read, rows a second")
    parser.add_argument("--directory", type=Path, help="on the disk to measure (default: the temporary one)")
    parser.add_argument(
        "--seconds", type=between(0.1, 3600), default=3.0, help="for each speed (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    cases = []
    for rate in RATES:
        for window_ms in WINDOWS_MS:
            progress(f"{rate}, window {window_ms} ms")
            with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
                cases.append(measure_wear(Path(folder), rate, window_ms))
    with tempfile.TemporaryDirectory(dir=arguments.directory) as folder:
        speed = measure_speed(Path(folder), arguments.seconds)
    progress("")
    result = {
        "schema": SCHEMA,
        "bench": "outbox",
        "machine": machine(),
        "feeds": len(FEEDS),
        "cases": cases,
        "rows_per_s": speed,
    }
    json_line(result) if arguments.json else report(result)
    return 0


def report(result: dict[str, Any]) -> None:
    """Print the measurement for a person."""
    where, speed = result["machine"], result["rows_per_s"]
    print(f"{where['processor']}, {where['cores']} cores, load {where['load_1min']}; {result['feeds']} feeds")
    rows = []
    for case in result["cases"]:
        kept, life = case["kept_bytes_per_read"], case["life_bytes_per_read"]
        bytes_each = (kept["process"], kept["device"], life["process"], life["device"])
        shown = ("–" if one is None else one for one in bytes_each)
        rows.append([case["rate"], case["window_ms"], case["commits_per_read"], *shown])
    table(HEADINGS, rows)
    print(f"rows sealed and committed a second: {speed['one']}, one read a commit; {speed['batch']}, {BATCH}")
