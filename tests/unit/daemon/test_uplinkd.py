"""The uplink service between an outbox and a broker: what is sent, what is forgotten, and on whose word."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from anpr_edge.daemon.notify import NullNotifier
from anpr_edge.daemon.state import StateReport
from anpr_edge.daemon.traffic import Traffic
from anpr_edge.daemon.uplinkd import UplinkService
from anpr_edge.dailycounts import DailyCounts, read_counts
from anpr_edge.errors import OutboxBroken, OutboxError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, LinkState, SealedRead, SignedMessage
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey
from anpr_edge.statefile import StateFile
from anpr_edge.uplink.shaper import Shaper
from tests.fakes import EPOCH_NS, FakeClock

Event = Delivery | SignedMessage | LinkState
WINDOW = 3
CENTRE = SigningKey.generate()
UNIT_KID = SigningKey.generate().kid


class ScriptedUplink:
    """Gives one list of events a turn, as the script says, and stops the service when it is over."""

    def __init__(self, script: list[list[Event]]) -> None:
        self._script = script
        self.published: list[SealedRead] = []
        self.health: list[Mapping[str, object]] = []
        self.at_end: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Connected when the script says so."""

    def publish(self, read: SealedRead) -> None:
        self.published.append(read)

    def events(self, timeout_s: float) -> list[Event]:
        if not self._script:
            self.at_end()
            return []
        return self._script.pop(0)

    def stop(self) -> None:
        """Nothing to release."""

    def take_health(self, state: Mapping[str, object]) -> bool:
        self.health.append(state)
        return True

    @property
    def seqs(self) -> list[int]:
        return [read.seq for read in self.published]


class ForgetfulOutbox(SqliteOutbox):
    """Cannot write the first deliveries it is told of, as on a disk that is full for a moment."""

    failed = False

    def record(self, deliveries: Sequence[Delivery]) -> None:
        if not self.failed:
            self.failed = True
            raise OutboxError("no space left")
        super().record(deliveries)


@pytest.fixture
def outbox(tmp_path: Path) -> SqliteOutbox:
    return filled(tmp_path, SqliteOutbox)


def filled(folder: Path, kind: type[SqliteOutbox], *, clock: FakeClock | None = None) -> SqliteOutbox:
    box = kind(
        folder / "outbox.db",
        clock or FakeClock(),
        max_bytes=10_000_000,
        retention={"charging": timedelta(days=1)},
        start=lambda: 1,
    )
    for _ in range(5):
        box.append([("charging", lambda seq, previous: SealedRead("charging", seq, b"sealed"))])
    return box


def run(folder: Path, outbox: SqliteOutbox, *script: list[Event]) -> ScriptedUplink:
    uplink = ScriptedUplink(list(script))
    clock = FakeClock()
    service = UplinkService(
        outbox,
        uplink,
        clock,
        NullNotifier(),
        StateReport("uplink", StateFile(folder / "uplink.json"), clock),
        fleet="demo",
        unit="unit-0001",
        unit_kid=UNIT_KID,
        ack_keys={"charging": CENTRE.public},
        shaper=Shaper(
            clock, random.Random(1), window=WINDOW, backlog_per_s=1000, spread_s=0, unconfirmed=1000
        ),
        traffic=Traffic(DailyCounts(folder / "link.json", clock), None),
        publish_health=uplink.take_health,
        daily=DailyCounts(folder / "counts.json", clock),
    )
    uplink.at_end = service.stop
    service.run()
    return uplink


def up() -> list[Event]:
    return [LinkState(True, "connected")]


def down() -> list[Event]:
    return [LinkState(False, "keep-alive timeout")]


def accepted(*seqs: int) -> list[Event]:
    return [Delivery("charging", seq, 0) for seq in seqs]


def ack(watermark: int, *, key: SigningKey = CENTRE, kid: bytes = UNIT_KID, **changes: str) -> list[Event]:
    names = {"fleet": "demo", "unit": "unit-0001", "feed": "charging", **changes}
    said = Ack(**names, watermark=watermark, gaps=(), issued_utc_ns=EPOCH_NS, unit_kid=kid)
    payload = sign_ack(said, key)
    return [SignedMessage("ack", "charging", payload)]


def counts(outbox: SqliteOutbox) -> tuple[int, int]:
    stats = outbox.stats()["charging"]
    return stats.waiting, stats.sent


def test_nothing_is_published_before_the_broker_is_there(tmp_path: Path, outbox: SqliteOutbox) -> None:
    assert run(tmp_path, outbox, [], down(), []).published == []


def test_no_more_than_the_window_is_unanswered(tmp_path: Path, outbox: SqliteOutbox) -> None:
    uplink = run(tmp_path, outbox, up(), [], [])
    assert len(uplink.published) == WINDOW
    assert len(set(uplink.seqs)) == WINDOW


def test_an_answer_makes_room_for_the_next_and_none_is_published_twice(
    tmp_path: Path, outbox: SqliteOutbox
) -> None:
    uplink = run(tmp_path, outbox, up(), accepted(5, 4, 3), accepted(2, 1), [])
    assert sorted(uplink.seqs) == [1, 2, 3, 4, 5]
    assert counts(outbox) == (0, 5)


def test_what_a_lost_connection_left_unanswered_goes_out_again(tmp_path: Path, outbox: SqliteOutbox) -> None:
    uplink = run(tmp_path, outbox, up(), down(), up(), [])
    first, second = uplink.seqs[:WINDOW], uplink.seqs[WINDOW:]
    assert sorted(first) == sorted(second)


def test_a_new_connection_counts_also_beside_a_delivery_that_cannot_be_recorded(tmp_path: Path) -> None:
    outbox = filled(tmp_path, ForgetfulOutbox)
    uplink = run(tmp_path, outbox, up(), down(), [*accepted(5), *up()], [])
    assert len(uplink.seqs) == 2 * WINDOW


def test_a_watermark_counts_also_beside_a_delivery_that_cannot_be_recorded(tmp_path: Path) -> None:
    outbox = filled(tmp_path, ForgetfulOutbox)
    run(tmp_path, outbox, up(), [*accepted(5), *ack(2)], [])
    assert outbox.stats()["charging"].watermark == 2


def test_what_the_outbox_dropped_shows_in_the_state(tmp_path: Path) -> None:
    clock = FakeClock()
    outbox = filled(tmp_path, SqliteOutbox, clock=clock)
    clock.advance(2 * 86_400)
    run(tmp_path, outbox, up(), [])
    told = json.loads((tmp_path / "uplink.json").read_text())["outbox"]["charging"]
    assert (told["waiting"], told["dropped"]) == (0, {"expired": 5})


def test_a_refused_read_stays_in_the_outbox(tmp_path: Path, outbox: SqliteOutbox) -> None:
    run(tmp_path, outbox, up(), [Delivery("charging", 5, 0x97)], [])
    assert counts(outbox) == (5, 0)


def test_what_the_broker_took_is_counted_by_day(tmp_path: Path, outbox: SqliteOutbox) -> None:
    run(tmp_path, outbox, up(), [Delivery("charging", 1, 0), Delivery("charging", 2, 151)])
    assert read_counts(tmp_path / "counts.json") == {"2026-09-21": {"charging": {"sent": 1}}}


def test_puback_alone_forgets_nothing(tmp_path: Path, outbox: SqliteOutbox) -> None:
    run(tmp_path, outbox, up(), accepted(5, 4, 3), accepted(2, 1), [])
    assert counts(outbox) == (0, 5)


def test_the_centres_signed_watermark_forgets(tmp_path: Path, outbox: SqliteOutbox) -> None:
    run(tmp_path, outbox, up(), accepted(5, 4, 3), accepted(2, 1), ack(4), [])
    assert counts(outbox) == (0, 1)
    assert json.loads((tmp_path / "uplink.json").read_text())["acked"] == {"charging": 4}


@pytest.mark.parametrize(
    "forged",
    [
        ack(4, key=SigningKey.generate()),
        ack(4, kid=SigningKey.generate().kid),
        ack(4, unit="unit-0002"),
        ack(4, fleet="other"),
        ack(4, feed="police"),
        [SignedMessage("ack", "charging", b"\x00")],
        [SignedMessage("ack", "police", b"\x00")],
        ack(999),
    ],
    ids=[
        "another key",
        "another key of this unit's name",
        "another unit",
        "another fleet",
        "another feed",
        "no message",
        "unknown feed",
        "never sent",
    ],
)
def test_a_watermark_that_is_not_the_recipients_own_is_refused_and_counted(
    tmp_path: Path, outbox: SqliteOutbox, forged: list[Event]
) -> None:
    run(tmp_path, outbox, up(), accepted(5, 4, 3), accepted(2, 1), forged, [])
    assert counts(outbox) == (0, 5)
    assert json.loads((tmp_path / "uplink.json").read_text())["acks_refused"] == 1


def test_a_broken_outbox_ends_the_service(tmp_path: Path, outbox: SqliteOutbox) -> None:
    (tmp_path / "outbox.db.broken").touch()
    with pytest.raises(OutboxBroken):
        run(tmp_path, outbox, [], [])
    assert json.loads((tmp_path / "uplink.json").read_text())["state"] == "failed"


def test_health_is_told_once_the_broker_is_there(tmp_path: Path, outbox: SqliteOutbox) -> None:
    assert run(tmp_path, outbox, [], []).health == []
    (health,) = run(tmp_path, outbox, up(), []).health
    assert (health["process"], health["state"]) == ("uplink", "running")


@pytest.mark.parametrize("link", [up(), down()])
def test_a_clean_stop_ends_stopped_and_not_connected(
    tmp_path: Path, outbox: SqliteOutbox, link: list[Event]
) -> None:
    run(tmp_path, outbox, link, [])
    told = json.loads((tmp_path / "uplink.json").read_text())
    assert (told["state"], told["link"]) == (
        "stopped",
        {"connected": False, "detail": "stopped", "since_s": 0.0, "cause": "", "last_cause": ""},
    )


def test_a_lost_connection_is_a_warning_and_a_new_one_is_not(
    tmp_path: Path, outbox: SqliteOutbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        run(tmp_path, outbox, up(), down(), up(), [])
    said = [(one.levelname, one.message) for one in caplog.records]
    assert said == [
        ("INFO", "broker: connected"),
        ("WARNING", "broker: keep-alive timeout"),
        ("INFO", "broker: connected"),
    ]
