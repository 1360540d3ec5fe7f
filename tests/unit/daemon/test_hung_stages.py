"""Whatever stage of the reader stops working, `doctor` names it within the period that stage has declared."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.daemon.reader import Reader
from anpr_edge.daemon.threads import STALL_MARGIN_S, Late, periods_s
from anpr_edge.devices.clock import SystemClock
from anpr_edge.diag.checks.services import CHECK
from anpr_edge.diag.condition import Verdict
from anpr_edge.diag.subject import Subject
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Box, Detection, Frame, Instant, SealedRead
from anpr_edge.seams import SealAs
from tests.unit.daemon.reader_bench import BrightIsAPlate, Film, make_reader, new_outbox
from tests.unit.diag.bench import make_bench

TIMES = 8.0
STALL_AFTER_S = 5.0
PERIODS_S = {
    "capture": STALL_AFTER_S + STALL_MARGIN_S,
    **{stage: periods_s("reader", Late.RESTARTED)[stage] for stage in ("infer", "commit")},
}
SLACK_S = 16.0
"""Two seconds of the test machine's time."""


class FastClock(SystemClock):
    """Runs 8 times as fast as the world."""

    def now(self) -> Instant:
        now = super().now()
        return Instant(now.utc_ns, round(now.mono_ns * TIMES), now.utc_error_ms)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / TIMES)


CLOCK = FastClock()


class Hangs:
    """What every stage's work waits for once it has been told to hang."""

    def __init__(self) -> None:
        self.stage = ""
        self.began_ns: int | None = None
        self.over = Event()

    def at(self, stage: str) -> None:
        if stage == self.stage and not self.over.is_set():
            self.began_ns = CLOCK.now().mono_ns
            self.over.wait()


class HangingFilm(Film):
    """One vehicle, then an empty road."""

    def __init__(self, hangs: Hangs) -> None:
        super().__init__(100_000, bright=20)
        self._hangs = hangs

    def read(self) -> Frame | None:
        self._hangs.at("capture")
        time.sleep(0.005)
        frame = super().read()
        return frame and Frame(frame.seq, CLOCK.now(), frame.pixels)


class HangingDetector(BrightIsAPlate):
    def __init__(self, hangs: Hangs) -> None:
        self._hangs = hangs

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        self._hangs.at("infer")
        return super().detect(pixels, known)


class HangingOutbox(SqliteOutbox):
    hangs: Hangs

    def append(self, requests: Sequence[tuple[str, SealAs]], *, patient: bool = False) -> list[SealedRead]:
        self.hangs.at("commit")
        return super().append(requests, patient=patient)


def hanging_reader(folder: Path, hangs: Hangs) -> Reader:
    """A reader any stage of which can be made to hang."""
    outbox = new_outbox(folder, HangingOutbox)
    assert isinstance(outbox, HangingOutbox)
    outbox.hangs = hangs
    return make_reader(
        folder,
        HangingFilm(hangs),
        outbox,
        live=True,
        clock=CLOCK,
        stall_after_s=STALL_AFTER_S,
        detector=HangingDetector(hangs),
    )


def noticed_s(subject: Subject, hangs: Hangs, stage: str) -> float:
    """Seconds from the hang to doctor's word of it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = next(iter(CHECK.run(subject)))
        if found.verdict is Verdict.FAIL and f"late: {stage} " in found.measured and hangs.began_ns:
            return (CLOCK.now().mono_ns - hangs.began_ns) / 1e9
        time.sleep(0.02)
    raise AssertionError(f"{stage} hangs and nobody notices")


@pytest.mark.parametrize("stage", PERIODS_S)
def test_a_hung_stage_is_named_within_its_period(tmp_path: Path, stage: str) -> None:
    bench, hangs = make_bench(tmp_path), Hangs()
    reader = hanging_reader(bench.run_dir, hangs)
    thread = Thread(target=reader.run, daemon=True)
    hangs.stage = stage
    thread.start()
    try:
        lasted_s = noticed_s(Subject(bench.config, CLOCK), hangs, stage)
    finally:
        reader.stop()
        hangs.over.set()
        thread.join(30)
    assert lasted_s <= PERIODS_S[stage] + SLACK_S
    assert not thread.is_alive()
