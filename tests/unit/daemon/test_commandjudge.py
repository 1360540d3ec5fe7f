"""Which commands a service acts on, which it refuses and why, and what of that is entered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.auditlog import AUDIT_FILE, read_audit
from anpr_edge.commandstore import COMMANDS_FILE, CommandStore
from anpr_edge.daemon.commandjudge import (
    COMMANDS_PER_MIN,
    REFUSALS_ENTERED_PER_HOUR,
    REFUSALS_REPLIED_PER_MIN,
    SKEW_S,
    CommandJudge,
    Identity,
)
from anpr_edge.errors import CommandRefusal
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from tests.fakes import EPOCH_NS, FakeClock

KEY = SigningKey.generate()
IDENTITY = Identity("demo", "unit-0001", ("north",), KEY.public)
NOW_S = EPOCH_NS // 10**9
PING = Command("demo", ("unit-0001",), (), 7, bytes(16), NOW_S, NOW_S + 600, "ping")
PAUSE = replace(PING, name="pause", arguments={"feed": "charging", "minutes": 5})


class Bench:
    """One service's judge over a folder."""

    def __init__(self, folder: Path, identity: Identity = IDENTITY, service: str = "uplink") -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.store = CommandStore(folder / COMMANDS_FILE)
        self.judge = CommandJudge(service, identity, self.store, folder, self.clock)

    def takes(self, command: Command, **more: Any) -> bool:
        return self.says(command, **more) is None

    def says(self, command: Command, *, by: SigningKey = KEY, **more: Any) -> CommandRefusal | None:
        """The kind of refusal, if it is one."""
        ruling = self.judge.judge(command.name, sign_command(command, by), **more)
        return ruling.refused.kind if ruling.refused else None

    def entries(self) -> list[Mapping[str, Any]]:
        found = read_audit(self.folder / AUDIT_FILE)
        assert found.trouble == ""
        return list(found.entries)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize(
    "whom",
    [{"units": ("unit-0001",)}, {"units": (), "groups": ("north", "south")}, {"units": (), "groups": ()}],
    ids=["unit", "group", "fleet"],
)
def test_what_is_for_this_unit_is_taken_and_entered_first(bench: Bench, whom: dict[str, Any]) -> None:
    assert bench.takes(replace(PING, **whom))
    (entry,) = bench.entries()
    assert (entry["event"], entry["command"], entry["number"]) == ("command-taken", "ping", 7)


@pytest.mark.parametrize(
    ("bend", "kind"),
    [
        (lambda c: replace(c, units=("unit-0002",)), "foreign"),
        (lambda c: replace(c, fleet="other"), "foreign"),
        (lambda c: replace(c, units=(), groups=("south",)), "foreign"),
        (lambda c: replace(c, issued_utc_s=NOW_S - 700, expires_utc_s=NOW_S), "expired"),
        (
            lambda c: replace(c, issued_utc_s=NOW_S + SKEW_S + 1, expires_utc_s=NOW_S + 900),
            "not-yet-valid",
        ),
        (lambda c: replace(c, name="fly"), "unknown-command"),
        (lambda c: replace(c, arguments={}), "arguments"),
        (lambda c: replace(c, arguments={**c.arguments, "more": 1}), "arguments"),
        (lambda c: replace(c, arguments={"feed": "charging", "minutes": 10_081}), "arguments"),
        (lambda c: replace(c, arguments={"feed": "charging", "minutes": "5"}), "arguments"),
        (lambda c: replace(c, arguments={"feed": "a/b", "minutes": 5}), "arguments"),
    ],
)
def test_a_refusal_is_counted_and_entered_and_uses_up_no_number(
    bench: Bench, bend: Callable[[Command], Command], kind: str
) -> None:
    assert bench.says(bend(PAUSE)) == CommandRefusal(kind)
    assert bench.judge.refused == {kind: 1}
    assert [(entry["event"], entry["kind"]) for entry in bench.entries()] == [("command-refused", kind)]
    assert bench.takes(PAUSE)


def test_another_key_another_topic_and_a_foreign_reply_topic_are_refused(bench: Bench) -> None:
    assert bench.says(PING, by=SigningKey.generate()) is CommandRefusal.UNKNOWN_KEY
    assert bench.says(PING, response_ok=False) is CommandRefusal.RESPONSE_TOPIC
    ruling = bench.judge.judge("restart", sign_command(PING, KEY))
    assert ruling.refused
    assert ruling.refused.kind is CommandRefusal.TOPIC
    assert bench.takes(PING)


def test_a_number_counts_once_and_no_lower_one_after_it_also_after_a_restart(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.takes(PING)
    assert bench.says(PING) is CommandRefusal.REPLAY
    again = Bench(tmp_path)
    for number in (7, 6):
        assert again.says(replace(PING, number=number)) is CommandRefusal.REPLAY
    assert again.takes(replace(PING, number=8))


def test_a_lost_store_does_not_bring_old_numbers_back(tmp_path: Path) -> None:
    assert Bench(tmp_path).takes(PING)
    (tmp_path / COMMANDS_FILE).unlink()
    assert Bench(tmp_path).says(PING) is CommandRefusal.REPLAY


def test_a_command_for_the_reader_is_entered_by_the_reader_alone(tmp_path: Path) -> None:
    uplink = Bench(tmp_path)
    assert uplink.takes(PAUSE)
    assert uplink.entries() == []
    assert Bench(tmp_path, service="reader").takes(PAUSE)
    assert [entry["by"] for entry in uplink.entries()] == ["reader"]


def test_without_a_key_nothing_is_taken(tmp_path: Path) -> None:
    assert Bench(tmp_path, replace(IDENTITY, key=None)).says(PING) is CommandRefusal.NO_KEY


def test_an_unsynchronised_clock_is_behind_and_never_ahead(bench: Bench) -> None:
    bench.clock.utc_error_ms = None
    ahead: dict[str, Any] = {"issued_utc_s": NOW_S + 86_400, "expires_utc_s": NOW_S + 87_000}
    assert bench.says(replace(PAUSE, **ahead)) is CommandRefusal.NOT_YET_VALID
    assert bench.takes(replace(PING, **ahead))
    past: dict[str, Any] = {"number": 9, "issued_utc_s": NOW_S - 700, "expires_utc_s": NOW_S}
    assert bench.says(replace(PING, **past)) is CommandRefusal.EXPIRED


def test_a_clock_set_back_brings_no_expired_command_back(bench: Bench) -> None:
    withheld = replace(PAUSE, number=9)
    later = replace(PING, number=8, issued_utc_s=NOW_S + 700, expires_utc_s=NOW_S + 1300)
    bench.clock.advance(700)
    assert bench.takes(later)
    bench.clock.step_utc(-700)
    assert bench.says(withheld) is CommandRefusal.EXPIRED


def test_too_many_commands_a_minute_are_refused(bench: Bench) -> None:
    for number in range(1, COMMANDS_PER_MIN + 1):
        assert bench.takes(replace(PING, number=number))
    assert bench.says(replace(PING, number=100)) is CommandRefusal.BUSY
    bench.clock.advance(60 / COMMANDS_PER_MIN + 0.1)
    assert bench.takes(replace(PING, number=100))


def test_garbage_is_never_replied_to_and_cannot_fill_the_log(bench: Bench) -> None:
    for _ in range(REFUSALS_ENTERED_PER_HOUR + 20):
        ruling = bench.judge.judge("ping", b"\xa0")
        assert ruling.command is None
        assert not ruling.answer
    assert len(bench.entries()) == REFUSALS_ENTERED_PER_HOUR
    assert bench.judge.refused == {"malformed": REFUSALS_ENTERED_PER_HOUR + 20}
    bench.clock.advance(3600)
    bench.judge.judge("ping", b"\xa0")
    assert bench.entries()[-1]["unlisted"] == 20


def test_a_replay_is_replied_to_some_times_a_minute_and_no_more(bench: Bench) -> None:
    assert bench.takes(PING)
    blob = sign_command(PING, KEY)
    answers = [bench.judge.judge("ping", blob).answer for _ in range(50)]
    assert sum(answers) == REFUSALS_REPLIED_PER_MIN


def test_a_change_that_cannot_be_entered_is_not_made(tmp_path: Path) -> None:
    bench = Bench(tmp_path, service="reader")
    (tmp_path / AUDIT_FILE).mkdir()
    assert bench.says(PAUSE) is CommandRefusal.BUSY
