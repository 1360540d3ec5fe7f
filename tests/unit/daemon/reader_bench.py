"""A reader for tests: made-up source, detector and recogniser, a real outbox, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import numpy as np
from numpy.typing import NDArray

from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.reader import Reader, ReaderParts, ThreadedDevice
from anpr_edge.daemon.state import StateReport
from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.gps import FixedSite
from anpr_edge.errors import CaptureError, OutboxError, SealError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Box, Detection, Frame, Loss, PlateCandidate, PlateRead, Quad, SealedRead
from anpr_edge.seal.policy.model import ALWAYS_ON, FeedTerms, unsigned_policy
from anpr_edge.seams import Detector, SealAs, Sealer
from anpr_edge.statefile import StateFile
from anpr_edge.vision.frame_faults import FrameFaults
from tests.unit.seal.policies import CHARGING

PLATE = "AB12CDE"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CLOCK = SystemClock()


class Film:
    """A source of `frames` frames; a plate is in view in the first half, or in the first `bright`."""

    def __init__(self, frames: int, *, bright: int | None = None, ends_with: Exception | None = None) -> None:
        self._frames = frames
        self._bright = frames / 2 if bright is None else bright
        self._ends_with = ends_with
        self._seq = 0
        self.closed = False

    def read(self) -> Frame | None:
        if self._seq == self._frames:
            if self._ends_with:
                raise self._ends_with
            return None
        pixels = np.full((72, 128), 200 if self._seq < self._bright else 0, np.uint8)
        frame = Frame(self._seq, CLOCK.now(), pixels)
        self._seq += 1
        return frame

    @property
    def given(self) -> int:
        return self._seq

    def close(self) -> None:
        self.closed = True


class ColouredInBetween(Film):
    """Gives every other frame in colour, as no camera of ours should."""

    def read(self) -> Frame | None:
        frame = super().read()
        if frame is None or frame.seq % 2:
            return frame
        return replace(frame, pixels=np.dstack([frame.pixels] * 3))


class BrightIsAPlate:
    """Finds one plate in a bright picture and none in a dark one."""

    model_id = "fake-detector"

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        if pixels.ndim != 2:
            raise CaptureError("not a picture of one channel")
        box = Box(20, 20, 100, 40)
        return [Detection(box, Quad.of_box(box), 0.9)] if pixels.mean() > 100 else []


class AlwaysReads:
    """Reads the same plate wherever it is asked to look."""

    model_id = "fake-recogniser"
    alphabet = ALPHABET

    def recognise(self, pixels: NDArray[np.uint8], quad: Quad) -> PlateCandidate | None:
        probabilities = np.eye(len(ALPHABET), dtype=np.float32)[[ALPHABET.index(c) for c in PLATE]]
        return PlateCandidate(PLATE, probabilities, 0.99, 1.0, 80.0)


class PlainSealer:
    """Numbers reads without hiding them, so that a test can look."""

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        return SealedRead(feed, seq, read.plate_text.encode())

    def seal_losses(self, losses: Sequence[Loss], feed: str, seq: int, previous: bytes) -> SealedRead:
        return SealedRead(feed, seq, repr(losses).encode())


class FirstReadTooLong(PlainSealer):
    """Cannot seal the first read it is given."""

    def __init__(self) -> None:
        self._first: PlateRead | None = None

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead:
        self._first = self._first or read
        if read is self._first:
            raise SealError("plate_text has 80 characters, at most 72")
        return super().seal(read, feed, seq, previous)


class HastyClock(SystemClock):
    """Wakes up early."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, 0.02))


class RefusingOutbox(SqliteOutbox):
    """An outbox on a disk that takes nothing until it is told to."""

    disk_is_back: Event
    offered = 0

    def append(self, requests: Sequence[tuple[str, SealAs]], *, patient: bool = False) -> list[SealedRead]:
        self.offered = len(requests) // 2
        if not self.disk_is_back.is_set():
            raise OutboxError("no space left")
        return super().append(requests, patient=patient)


def new_outbox(folder: Path, kind: type[SqliteOutbox] = SqliteOutbox) -> SqliteOutbox:
    return kind(
        folder / "outbox.db",
        CLOCK,
        max_bytes=10_000_000,
        retention={"a": timedelta(days=1), "b": timedelta(days=1)},
    )


def feed(name: str) -> FeedTerms:
    """A feed that gets every read."""
    return replace(CHARGING, name=name, calendar=ALWAYS_ON, reads="all", share=1.0, time_ms=1)


def make_reader(
    folder: Path,
    source: Film,
    outbox: SqliteOutbox,
    *,
    live: bool = False,
    sealer: Sealer | None = None,
    stills: bool = False,
    clock: SystemClock = CLOCK,
    notifier: NullNotifier | None = None,
    release: Callable[[], None] | None = None,
    stall_after_s: float = 5.0,
    feeds: tuple[FeedTerms, ...] = (),
    detector: Detector | None = None,
    devices: Mapping[str, ThreadedDevice] | None = None,
) -> Reader:
    plates = PlateReader(detector or BrightIsAPlate(), AlwaysReads(), max_misses=2, stills=stills)
    policy = unsigned_policy("testfleet", "unit-0001", feeds or (feed("a"), feed("b")))
    gate = FeedGate(policy, clock)
    parts = ReaderParts(
        source,
        plates,
        sealer or PlainSealer(),
        outbox,
        FixedSite(51.5, -0.1),
        gate,
        live,
        release or source.close,
        FrameFaults(30.0),
        stall_after_s,
        devices=devices or {},
    )
    report = StateReport("reader", StateFile(folder / "reader.json"), clock)
    return Reader(parts, clock, notifier or NullNotifier(), report)


def state(folder: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads((folder / "reader.json").read_text())
    return found


def ending(folder: Path) -> str:
    return str(json.loads((folder / "reader.json").read_text())["state"])


def blobs(outbox: SqliteOutbox) -> dict[str, list[bytes]]:
    due = outbox.due(100)
    return {feed: [entry.read.blob for entry in due if entry.read.feed == feed] for feed in ("a", "b")}
