"""An update ordered by a signed command: fetched over real HTTPS in pieces, verified anew, told of."""

from __future__ import annotations

import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from anpr_edge.commandstore import COMMANDS_FILE, CommandStore
from anpr_edge.daemon.commandjudge import Identity
from anpr_edge.daemon.commandreply import Answer
from anpr_edge.daemon.updateagent import UpdateAgent, take_over
from anpr_edge.daemon.updateorder import ORDER_FILE, READY_FILE, write_order
from anpr_edge.daemon.updating import NO_SERVER, Updating
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UpdateError
from anpr_edge.fleet.authority import Authority
from anpr_edge.seal.commands import Command, sign_command
from anpr_edge.seal.keys import SigningKey
from anpr_edge.update.record import REFUSED_FILE, Phase, Record, read_outcome, write_refused
from anpr_edge.update.updater import CUT_OFF
from anpr_edge.uplink.fetch import Server
from anpr_edge.uplink.tls import Credentials
from tests.fakes import FakeClock
from tests.unit.update.samples import Board
from tests.update.web import BUNDLE_PATH, Web, serving

KEY = SigningKey.generate()
IDENTITY = Identity("demo", "unit-0001", ("pilot",), KEY.public)
CONTENT = Random(7).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
CORRELATION = b"corr"


def order(**changes: Any) -> Command:
    now_s = time.time_ns() // 10**9
    arguments: dict[str, str | int] = {
        "version": "1.1.0",
        "sha256": SHA256,
        "size": len(CONTENT),
        "path": BUNDLE_PATH,
    }
    command = Command("demo", (), ("pilot",), now_s, bytes(16), now_s, now_s + 600, "update", arguments)
    return replace(command, **changes)


def with_arguments(**changes: Any) -> bytes:
    command = order()
    return sign_command(replace(command, arguments={**command.arguments, **changes}), KEY)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet's authority, a unit's papers and the server's, in one folder."""
    folder = tmp_path_factory.mktemp("papers")
    authority = Authority.create(folder / "authority", "demo", SystemClock())
    for name, issued in (
        ("tls", authority.issue_client("unit-0001")),
        ("server", authority.issue_server("127.0.0.1")),
    ):
        (folder / f"{name}.pem").write_bytes(issued.key_pem)
        (folder / f"{name}.crt").write_bytes(issued.cert_pem)
    (folder / "ca.crt").write_bytes(authority.cert_pem)
    return folder


def updating(folder: Path, server: Server | None, **more: Any) -> Updating:
    settings: dict[str, Any] = {
        "kilobytes_per_s": 100_000,
        "may_fetch": lambda: True,
        "running": "1.0.0",
        **more,
    }
    return Updating(folder, IDENTITY, server, SystemClock(), **settings)


def watched(desk: Updating, until: Path, within_s: float = 20.0) -> list[Answer]:
    """Turns as the uplink makes them, until a file is there or the order has failed."""
    for _ in range(round(within_s / 0.02)):
        if found := [answer for _, _, answer in desk.ended()]:
            return found
        if until.exists() and desk.state() is None:
            return []
        time.sleep(0.02)
    raise AssertionError(f"{desk.state()}")


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    return folder


def test_a_bundle_comes_in_pieces_over_breaks_and_is_whole(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT, breaks=[50_000, 100_000])
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        answer = desk.begin(with_arguments(), CORRELATION)
        assert (answer.outcome, answer.details["size"]) == ("accepted", len(CONTENT))
        assert watched(desk, incoming / READY_FILE) == []
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT
    assert web.asked == ["all", "bytes=50000-", "bytes=150000-"]
    assert desk.wire.received > len(CONTENT)


def test_a_restart_goes_on_where_it_was(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT)
    with serving(web, papers) as server:
        slow = updating(incoming, server, kilobytes_per_s=200)
        assert slow.begin(with_arguments(), CORRELATION).outcome == "accepted"
        while not (state := slow.state()) or state["bytes"] < 32_768:
            list(slow.ended())
            time.sleep(0.01)
        slow.close()
        assert watched(updating(incoming, server), incoming / READY_FILE) == []
    assert web.asked[0] == "all"
    assert web.asked[1].startswith("bytes=")
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT


def test_a_newer_order_takes_the_place_of_one_under_way(papers: Path, incoming: Path) -> None:
    with serving(Web(CONTENT), papers) as server:
        desk = updating(incoming, server, kilobytes_per_s=200)
        assert desk.begin(with_arguments(version="1.0.9", sha256="0" * 64), CORRELATION).outcome == "accepted"
        while not (state := desk.state()) or not state["bytes"]:
            list(desk.ended())
            time.sleep(0.01)
        assert desk.begin(with_arguments(), CORRELATION).outcome == "accepted"
        assert watched(desk, incoming / READY_FILE) == []
    names = {path.name for path in incoming.iterdir()}
    assert names == {ORDER_FILE, READY_FILE, f"{SHA256}.raucb"}


def test_a_server_without_ranges_is_read_again(papers: Path, incoming: Path) -> None:
    web = Web(CONTENT, breaks=[70_000], knows_ranges=False)
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        desk.begin(with_arguments(), CORRELATION)
        assert watched(desk, incoming / READY_FILE) == []
    assert (incoming / f"{SHA256}.raucb").read_bytes() == CONTENT


def test_another_file_than_was_ordered_is_given_up(
    papers: Path, incoming: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anpr_edge.daemon.fetching.LONGEST_PAUSE_S", 2.0)
    web = Web(content=bytes(len(CONTENT)))
    with serving(web, papers) as server:
        desk = updating(incoming, server)
        desk.begin(with_arguments(), CORRELATION)
        (answer,) = watched(desk, incoming / READY_FILE)
    assert (answer.outcome, len(web.asked)) == ("failed", 3)
    assert "not the file that was ordered" in answer.says
    assert [path.name for path in incoming.iterdir()] == [REFUSED_FILE]
    given_up = read_outcome(incoming.parent)
    assert given_up is not None
    assert (given_up.version, given_up.phase, given_up.from_version) == ("1.1.0", Phase.FAILED, "1.0.0")
    assert given_up.why == answer.says


def test_the_next_order_ends_what_was_given_up(papers: Path, incoming: Path) -> None:
    late_s = time.time_ns() // 10**9 - 73 * 3600
    late = sign_command(order(issued_utc_s=late_s, expires_utc_s=late_s + 1), KEY)
    with serving(Web(CONTENT), papers) as server:
        desk = updating(incoming, server)
        desk.begin(late, CORRELATION)
        watched(desk, incoming / READY_FILE)
        given_up = read_outcome(incoming.parent)
        assert given_up is not None
        assert "not fetched within 72 hours" in given_up.why
        desk.begin(with_arguments(), CORRELATION)
        assert read_outcome(incoming.parent) is None
        watched(desk, incoming / READY_FILE)
        runs = updating(incoming, server, running="1.1.0")
        runs.begin(late, CORRELATION)
        watched(runs, incoming / "never")
    assert read_outcome(incoming.parent) is None, "it runs what was ordered"


def test_a_metered_link_keeps_its_bytes_for_reads(papers: Path, incoming: Path) -> None:
    web, may = Web(CONTENT), threading.Event()
    with serving(web, papers) as server:
        desk = updating(incoming, server, may_fetch=may.is_set)
        desk.begin(with_arguments(), CORRELATION)
        for _ in range(80):
            list(desk.ended())
            time.sleep(0.02)
        state = desk.state()
        assert (web.asked, state and state["bytes"]) == ([], 0)
        assert state is not None
        assert "budget" in state["trouble"]
        may.set()
        assert watched(desk, incoming / READY_FILE) == []


def test_what_cannot_be_fetched_says_why(papers: Path, incoming: Path) -> None:
    with serving(Web(CONTENT), papers) as server:
        for arguments, why in (
            ({"path": "releases/b.raucb"}, "the server answers 404"),
            ({"size": len(CONTENT) + 1}, f"{len(CONTENT)} bytes, {len(CONTENT) + 1} were ordered"),
        ):
            desk = updating(incoming, server)
            desk.begin(with_arguments(**arguments), CORRELATION)
            trouble = ""
            for _ in range(250):
                list(desk.ended())
                state = desk.state()
                if trouble := (state or {}).get("trouble", ""):
                    break
                time.sleep(0.02)
            desk.close()
            assert why in trouble


def test_a_disk_without_room_takes_no_bundle(papers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no tmpfs can be mounted here")
    web = Web(CONTENT)
    try:
        with serving(web, papers) as server:
            desk = updating(folder, server)
            desk.begin(with_arguments(), CORRELATION)
            while not ((state := desk.state()) and state["trouble"]):
                list(desk.ended())
                time.sleep(0.02)
            desk.close()
        assert "bytes free, the update takes" in state["trouble"]
        assert web.asked == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_unit_without_a_server_or_slots_says_so(tmp_path: Path) -> None:
    assert updating(tmp_path, None).begin(with_arguments(), b"").says == NO_SERVER
    server = Server("127.0.0.1", 1, Credentials(tmp_path, tmp_path, tmp_path))
    answer = updating(tmp_path / "none", server).begin(with_arguments(), b"")
    assert "no slots to update" in answer.says


# ── root's side ─────────────────────────────────────────────────────────────────────────────


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
