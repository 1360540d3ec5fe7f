"""What a unit remembers of commands, and what it does not keep for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.commandstore import MOST_REPLIES, MOST_WAITING, CommandStore, Taken
from anpr_edge.errors import AnprError

FIRST = Taken(5, 100, "ping", 101, "accepted")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "commands.db"


def test_both_services_have_it_open_and_count_apart(path: Path) -> None:
    one, other = CommandStore(path), CommandStore(path)
    assert one.accept("uplink", FIRST)
    assert not other.accept("uplink", FIRST)
    assert other.accept("reader", FIRST)
    one.ended("uplink", 5, "done")
    assert other.last("uplink") == Taken(5, 100, "ping", 101, "done")


def test_the_latest_time_of_issue_stays(path: Path) -> None:
    store = CommandStore(path)
    store.accept("uplink", FIRST)
    assert store.accept("uplink", Taken(6, 50, "ping", 102, "accepted"))
    last = store.last("uplink")
    assert last is not None
    assert last.issued_utc_s == 100


def test_what_is_handed_over_waits_over_a_restart_and_is_bounded(path: Path) -> None:
    store = CommandStore(path)
    for number in range(MOST_WAITING):
        assert store.hand_over("pause", b"%d" % number, b"c")
    assert not store.hand_over("pause", b"one more", b"c")
    store.close()
    first = CommandStore(path).handed()
    assert first is not None
    assert (first.name, first.blob, first.correlation) == ("pause", b"0", b"c")
    again = CommandStore(path)
    again.forget_handed(first.id)
    second = again.handed()
    assert second is not None
    assert second.blob == b"1"


def test_the_oldest_reply_gives_way(path: Path) -> None:
    store = CommandStore(path)
    for number in range(MOST_REPLIES + 1):
        store.put_reply("ping", b"", {"number": number})
    oldest = store.reply()
    assert oldest is not None
    assert oldest.document == {"number": 1}


def test_a_pause_ends_by_itself(path: Path) -> None:
    store = CommandStore(path)
    store.pause("charging", 1000)
    assert store.pauses(999) == {"charging": 1000}
    assert store.pauses(1000) == {}
    assert store.resume("charging")
    assert not store.resume("charging")


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b""])
def test_a_file_of_something_else_is_said_so_and_an_empty_one_is_begun(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    if content:
        with pytest.raises(AnprError, match="commands"):
            CommandStore(path)
    else:
        assert CommandStore(path).last("uplink") is None
