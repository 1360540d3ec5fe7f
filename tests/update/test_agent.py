"""An update ordered by a signed command, root's side: verified anew, installed, told of."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.commandstore import COMMANDS_FILE, CommandStore
from anpr_edge.daemon.updateagent import UpdateAgent, take_over
from anpr_edge.daemon.updateorder import ORDER_FILE, READY_FILE, write_order
from anpr_edge.errors import UpdateError
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from anpr_edge.update.record import REFUSED_FILE, Phase, Record, read_outcome, write_refused
from anpr_edge.update.updater import CUT_OFF
from tests.fakes import FakeClock
from tests.unit.update.samples import Board
from tests.update.orders import CONTENT, CORRELATION, IDENTITY, KEY, SHA256, order


@pytest.fixture
def board(tmp_path: Path) -> Board:
    return Board(tmp_path)


def agent(board: Board, clock: FakeClock | None = None) -> UpdateAgent:
    clock = clock or FakeClock(utc_ns=time.time_ns())
    return UpdateAgent(board.updater(clock), IDENTITY, board.folder / "data", clock)


def leave(board: Board, blob: bytes, content: bytes = CONTENT) -> None:
    """What the uplink leaves."""
    incoming = board.layout.incoming
    write_order(incoming / ORDER_FILE, blob, CORRELATION)
    (incoming / f"{SHA256}.raucb").write_bytes(content)
    (incoming / READY_FILE).touch()


def told(board: Board) -> list[str]:
    store = CommandStore(board.folder / "data" / COMMANDS_FILE)
    said = []
    while reply := store.reply():
        assert (reply.name, reply.correlation) == ("update", CORRELATION)
        said.append(reply.document["says"])
        store.forget_reply(reply.id)
    store.close()
    return said


def test_nothing_ordered_is_nothing_done(board: Board) -> None:
    assert agent(board).take(lambda text: None) is None


def bad_orders() -> Iterator[tuple[str, bytes, str]]:
    yield "forged", sign_command(order(), SigningKey.generate()), "is not signed by"
    yield "of others", sign_command(order(groups=("south",)), KEY), "no update for unit demo/unit-0001"
    yield "no update", sign_command(order(name="ping", arguments={}), KEY), "no update for unit"
    old_s = time.time_ns() // 10**9 - 73 * 3600
    yield "too old", sign_command(order(issued_utc_s=old_s, expires_utc_s=old_s + 1), KEY), "within 72 hours"


def test_an_order_counts_by_its_own_signature(board: Board) -> None:
    for name, blob, why in bad_orders():
        leave(board, blob)
        with pytest.raises(UpdateError, match=why):
            agent(board).take(lambda text: None)
        assert list(board.layout.incoming.iterdir()) == [], name
        assert not (board.layout.state_dir / "ordered.raucb").exists(), name


def test_an_order_is_acted_on_once(board: Board) -> None:
    blob = sign_command(order(), KEY)
    for why in ("system.conf: No such file", "is not above the last one"):
        leave(board, blob)
        with pytest.raises(UpdateError, match=why):
            agent(board).take(lambda text: None)
    assert len(told(board)) == 2


def outcome(board: Board) -> tuple[str, str, str, int | None] | None:
    """What health tells of the last update."""
    last = read_outcome(board.layout.state_dir)
    return None if last is None else (last.version, str(last.phase), last.why, last.number)


def refuse(board: Board, command: Command) -> None:
    leave(board, sign_command(command, KEY))
    with pytest.raises(UpdateError):
        agent(board).take(lambda text: None)


def test_a_refused_order_is_told_of_and_the_record_stays(board: Board) -> None:
    clock = FakeClock(utc_ns=time.time_ns())
    recorder = board.updater(clock).recorder
    recorder.write(Record(Phase.COMMITTED, "1.0.0", "0.9.0", "A", number=1), clock.now().utc_ns)
    command = order()
    refuse(board, command)
    told_of = outcome(board)
    assert told_of is not None
    assert told_of[:2] == ("1.1.0", "failed")
    assert "system.conf: No such file" in told_of[2]
    assert board.audit() == ["update-committed", "update-failed"]
    refuse(board, command)  # played again: the reason stays
    assert outcome(board) == told_of
    late_s = time.time_ns() // 10**9 - 73 * 3600
    refuse(board, order(number=command.number + 1, issued_utc_s=late_s, expires_utc_s=late_s + 1))
    assert "within 72 hours" in str(outcome(board))
    assert board.record()["phase"] == "committed"
    assert board.updater(clock).try_other().version == "0.9.0", "the way back is there"
    assert outcome(board) == ("0.9.0", "installed", "going back to the system before", None)


def test_who_runs_what_was_ordered_has_not_failed(board: Board) -> None:
    board.version_is("1.1.0")
    refuse(board, order())
    assert outcome(board) is None


def test_what_nobody_signed_is_not_told_of(board: Board) -> None:
    for name, blob, _ in bad_orders():
        leave(board, blob)
        with pytest.raises(UpdateError):
            agent(board).take(lambda text: None)
        assert (outcome(board) is None) == (name != "too old"), name


@pytest.mark.parametrize(
    ("end", "shown"), [(Phase.COMMITTED, ("1.1.0", "failed")), (Phase.ROLLED_BACK, ("1.0.9", "rolled-back"))]
)
def test_a_trial_is_told_before_an_order_that_was_refused_meanwhile(
    board: Board, end: Phase, shown: tuple[str, str]
) -> None:
    clock = FakeClock(utc_ns=time.time_ns())
    recorder, utc_ns = board.updater(clock).recorder, clock.now().utc_ns
    trial = Record(Phase.TRYING, "1.0.9", "1.0.0", "B", number=1)
    recorder.write(trial, utc_ns)
    refuse(board, order())
    assert outcome(board) == ("1.0.9", "trying", "", 1)
    recorder.write(trial.now(end, utc_ns, "dark"), utc_ns)
    told_of = outcome(board)
    assert told_of is not None
    assert told_of[:2] == shown


def test_a_later_update_ends_it_the_uplinks_word_too(board: Board) -> None:
    clock = FakeClock(utc_ns=time.time_ns())
    refuse(board, order())
    write_refused(board.layout.incoming, Record(Phase.FAILED, "1.2.0", "1.0.0", "", why="away"))
    assert outcome(board) == ("1.2.0", "failed", "away", None)
    record = Record(Phase.INSTALLING, "1.3.0", "1.0.0", "B")
    board.updater(clock).recorder.write(record, clock.now().utc_ns)
    assert outcome(board) == ("1.3.0", "installing", "", None)
    assert not list(board.folder.rglob(REFUSED_FILE))


def test_root_reads_nothing_of_the_uplinks_but_plain_words(board: Board) -> None:
    path = board.layout.incoming / REFUSED_FILE
    record = Record(Phase.FAILED, "1.2.0", "1.0.0", "B", why="a\x1b[2Jb")
    write_refused(board.layout.incoming, record)
    assert outcome(board) == ("1.2.0", "failed", "a?[2Jb", None)
    whole = path.read_text()
    path.write_text(whole.replace('"failed"', '"committed"'))
    assert outcome(board) is None
    path.write_text(whole.replace('"1.2.0"', "[7]"))
    assert outcome(board) is None
    path.rename(board.folder / "elsewhere")
    path.symlink_to(board.folder / "elsewhere")
    assert outcome(board) is None
    path.unlink()
    os.mkfifo(path)
    assert outcome(board) is None
    path.unlink()
    path.mkdir()
    assert outcome(board) is None


def test_an_order_that_was_cut_off_is_told_and_its_bundle_removed(board: Board) -> None:
    folder = board.layout.state_dir
    write_order(folder / ORDER_FILE, sign_command(order(), KEY), CORRELATION)
    (folder / "ordered.raucb").touch()
    agent(board).clean_up()
    agent(board).clean_up()
    assert told(board) == [CUT_OFF]
    assert str(CUT_OFF) in str(outcome(board))
    assert not (folder / "ordered.raucb").exists()


def test_a_file_that_somebody_may_still_write_is_not_taken_over(tmp_path: Path) -> None:
    source, target = tmp_path / "a.raucb", tmp_path / "b.raucb"
    source.write_bytes(CONTENT)
    with source.open("r+b"), pytest.raises(UpdateError, match="cannot be taken over"):
        take_over(source, target)
    source.write_bytes(CONTENT)
    (tmp_path / "second").hardlink_to(source)
    with pytest.raises(UpdateError, match="second name"):
        take_over(source, target)
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(UpdateError, match="cannot be taken over"):
        take_over(tmp_path / "link", tmp_path / "c.raucb")
    (tmp_path / "second").unlink()
    source.write_bytes(CONTENT)
    take_over(source, target)
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (CONTENT, 0o600)
