"""The reader service: what happens to frames and reads between its three stages."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from anpr_edge.daemon.keeping import BATCH
from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.reader import READS_WAITING
from anpr_edge.errors import OutboxError, SourceStalled
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.seal.policy.model import Calendar
from tests.unit.daemon.reader_bench import (
    CLOCK,
    PLATE,
    ColouredInBetween,
    Film,
    FirstReadTooLong,
    HastyClock,
    RefusingOutbox,
    blobs,
    ending,
    feed,
    make_reader,
    new_outbox,
    state,
)


@pytest.fixture
def outbox(tmp_path: Path) -> SqliteOutbox:
    return new_outbox(tmp_path)


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
