"""The reader service: what happens to frames and reads between its three stages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.keeping import BATCH
from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.reader import READS_WAITING, Reader, ReaderParts
from anpr_edge.daemon.state import StateReport
from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.gps import FixedSite
from anpr_edge.errors import CaptureError, OutboxError, SealError, SourceStalled
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.pipeline import PlateReader
from anpr_edge.records import Box, Detection, Frame, Loss, PlateCandidate, PlateRead, Quad, SealedRead
from anpr_edge.seal.policy.model import ALWAYS_ON, Calendar, FeedTerms, unsigned_policy
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


@pytest.fixture
def outbox(tmp_path: Path) -> SqliteOutbox:
    return new_outbox(tmp_path)


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


def test_a_vehicle_becomes_one_read_for_each_feed(tmp_path: Path, outbox: SqliteOutbox) -> None:
    source = Film(20)
    make_reader(tmp_path, source, outbox).run()
    assert blobs(outbox) == {"a": [PLATE.encode()], "b": [PLATE.encode()]}
    assert source.closed


def test_a_file_is_read_without_losing_a_frame(tmp_path: Path, outbox: SqliteOutbox) -> None:
    make_reader(tmp_path, Film(200), outbox).run()
    frames = state(tmp_path)["frames"]
    assert (frames["taken"], frames["processed"]) == (200, 200)


def test_every_frame_of_a_live_source_is_processed_or_counted_as_dropped(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    make_reader(tmp_path, Film(500), outbox, live=True).run()
    frames = json.loads((tmp_path / "reader.json").read_text())["frames"]
    assert frames["taken"] == 500
    assert frames["processed"] + frames["dropped"]["queue-full"] == 500


def test_the_vehicle_in_view_when_the_source_ends_is_not_lost(tmp_path: Path, outbox: SqliteOutbox) -> None:
    make_reader(tmp_path, Film(8, bright=8), outbox).run()
    assert blobs(outbox)["a"] == [PLATE.encode()]


def test_a_stalled_camera_ends_the_service_and_still_keeps_what_was_read(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    source = Film(20, ends_with=SourceStalled("no frame for 5 s"))
    with pytest.raises(SourceStalled):
        make_reader(tmp_path, source, outbox).run()
    assert ending(tmp_path) == "failed"
    assert blobs(outbox)["a"] == [PLATE.encode()]


class FailsOnce(NullNotifier):
    """Cannot tell the service manager anything once some frames have been taken."""

    def __init__(self, source: Film) -> None:
        self._source = source

    def alive(self) -> None:
        if self._source.given > 10:
            raise OSError("no such socket")


def test_a_failing_supervision_ends_the_service_and_still_keeps_what_was_read(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    source = Film(10**9, bright=10**9)
    with pytest.raises(OSError, match="no such socket"):
        make_reader(tmp_path, source, outbox, notifier=FailsOnce(source)).run()
    assert source.closed
    assert blobs(outbox)["a"] == [PLATE.encode()]


def test_lamps_that_cannot_be_released_do_not_hide_why_the_service_ends(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    def release() -> None:
        raise OSError("lamps stay on")

    source = Film(2, ends_with=SourceStalled("no frame for 5 s"))
    with pytest.raises(SourceStalled):
        make_reader(tmp_path, source, outbox, release=release).run()
    assert ending(tmp_path) == "failed"


def test_a_source_has_time_to_say_itself_that_it_has_stalled(tmp_path: Path, outbox: SqliteOutbox) -> None:
    make_reader(tmp_path, Film(2), outbox, stall_after_s=30.0).run()
    told = json.loads((tmp_path / "reader.json").read_text())
    assert told["stages"]["capture"]["limit_s"] > 30.0


def test_a_disk_that_refuses_delays_reads_and_loses_none(tmp_path: Path) -> None:
    outbox = new_outbox(tmp_path, RefusingOutbox)
    assert isinstance(outbox, RefusingOutbox)
    outbox.disk_is_back = Event()
    reader = make_reader(tmp_path, Film(20), outbox)
    thread = Thread(target=reader.run)
    thread.start()
    while (
        not (tmp_path / "reader.json").exists()
        or not json.loads((tmp_path / "reader.json").read_text())["outbox_down"]
    ):
        CLOCK.sleep(0.02)
    assert outbox.due(10) == []
    outbox.disk_is_back.set()
    thread.join(30)
    assert blobs(outbox)["a"] == [PLATE.encode()]


def test_a_stop_while_the_disk_refuses_ends_and_counts_every_read_it_loses(tmp_path: Path) -> None:
    outbox = new_outbox(tmp_path, RefusingOutbox)
    assert isinstance(outbox, RefusingOutbox)
    outbox.disk_is_back = Event()
    reader = make_reader(tmp_path, Film(400, bright=400), outbox, stills=True, clock=HastyClock())

    def run() -> None:
        with suppress(OutboxError):
            reader.run()

    thread = Thread(target=run, daemon=True)
    thread.start()
    while not (tmp_path / "reader.json").exists() or (
        state(tmp_path)["frames"]["processed"] != BATCH + READS_WAITING
    ):
        CLOCK.sleep(0.02)
    reader.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert state(tmp_path)["reads"]["lost"] == state(tmp_path)["frames"]["processed"]


def test_stopping_ends_a_source_that_never_ends(tmp_path: Path, outbox: SqliteOutbox) -> None:
    source = Film(10**9)
    reader = make_reader(tmp_path, source, outbox, live=True)
    thread = Thread(target=reader.run)
    thread.start()
    while not (tmp_path / "reader.json").exists():
        CLOCK.sleep(0.02)
    reader.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert source.closed
    assert ending(tmp_path) == "stopped"


def test_a_reader_says_at_its_end_why_and_what_came_of_it(
    tmp_path: Path, outbox: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        make_reader(tmp_path, Film(20), outbox).run()
    assert ending(tmp_path) == "finished"
    words = "the source came to its end: 20 frames taken, 20 processed, 0 dropped; 1 reads kept, 0 lost"
    assert caplog.messages[-1] == words


def test_an_outbox_that_was_begun_anew_is_logged_and_shows_in_the_state(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "outbox.db").write_bytes(b"not a database " * 500)
    make_reader(tmp_path, Film(2), new_outbox(tmp_path)).run()
    told = json.loads((tmp_path / "reader.json").read_text())
    assert (told["outbox_rebuilds"], told["lost_marks"]) == (1, 0)
    errors = [one.message for one in caplog.records if one.levelno == logging.ERROR]
    assert [one for one in errors if "outbox.db.corrupt-1" in one]


def test_the_state_file_holds_no_plate(tmp_path: Path, outbox: SqliteOutbox) -> None:
    make_reader(tmp_path, Film(20), outbox).run()
    text = (tmp_path / "reader.json").read_text()
    assert state(tmp_path)["reads"]["committed"] == 1
    assert PLATE not in text


def test_a_read_that_cannot_be_sealed_is_counted_and_the_service_goes_on(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    make_reader(tmp_path, Film(20), outbox, sealer=FirstReadTooLong()).run()
    reads = state(tmp_path)["reads"]
    assert (reads["committed"], reads["unsealable"]) == (0, 1)


def test_a_feed_that_is_off_gets_nothing_and_it_is_counted(tmp_path: Path, outbox: SqliteOutbox) -> None:
    off = replace(feed("b"), calendar=Calendar("UTC", ()))
    make_reader(tmp_path, Film(20), outbox, feeds=(feed("a"), off)).run()
    assert blobs(outbox) == {"a": [PLATE.encode()], "b": []}
    told = json.loads((tmp_path / "reader.json").read_text())
    assert told["reads"]["committed"] == 1
    assert told["policy"]["withheld"] == {"a": {}, "b": {"out-of-hours": 1}}


def test_a_read_that_no_feed_gets_is_not_kept(tmp_path: Path, outbox: SqliteOutbox) -> None:
    off = replace(feed("a"), calendar=Calendar("UTC", ()))
    make_reader(tmp_path, Film(20), outbox, feeds=(off,)).run()
    assert outbox.due(10) == []
    reads = json.loads((tmp_path / "reader.json").read_text())["reads"]
    assert (reads["committed"], reads["last_age_s"]) == (0, None)


def test_a_frame_that_is_no_picture_is_counted_and_the_next_is_read(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    make_reader(tmp_path, ColouredInBetween(40), outbox).run()
    frames = json.loads((tmp_path / "reader.json").read_text())["frames"]
    assert (frames["processed"], frames["dropped"]["unusable"]) == (20, 20)
    assert frames["faults"]["unusable"]["count"] == 20
    assert blobs(outbox)["a"] == [PLATE.encode()]
