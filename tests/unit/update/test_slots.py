"""The slots' state machine, and the file the firmware reads: whatever happens, one system is committed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from anpr_edge.errors import UpdateError
from anpr_edge.update.autoboot import MOST_BYTES, parse, render
from anpr_edge.update.bootstore import MARKS_FILE
from anpr_edge.update.slots import SLOTS, Slots, other
from tests.unit.update.samples import Board

SETTLED = Slots(committed="A", running="A")


def test_a_trial_is_committed_only_while_it_runs() -> None:
    armed = SETTLED.set_primary("B")
    assert (armed.committed, armed.primary, armed.on_trial) == ("A", "B", False)
    assert armed.set_good("B").committed == "A"
    tried = Slots("A", "B", trial="B")
    assert tried.on_trial
    assert tried.set_good("B") == Slots("B", "B")


def test_a_bad_slot_is_no_longer_tried_and_a_new_one_may_be() -> None:
    given_up = SETTLED.set_primary("B").set_bad("B")
    assert (given_up.primary, given_up.bad) == ("A", frozenset("B"))
    assert given_up.set_primary("B") == Slots("A", "A", "B")


def test_to_want_what_runs_commits_it_and_to_want_what_is_committed_ends_the_trial() -> None:
    tried = Slots("A", "B", trial="B")
    assert tried.set_primary("B") == Slots("B", "B")
    assert tried.set_primary("A") == Slots("A", "B")


def test_nothing_but_a_commit_changes_what_the_firmware_boots() -> None:
    """Every step from every state: the committed slot changes only to the one that runs."""
    states = [
        Slots(committed, running, trial, bad)
        for committed, running, trial in product(SLOTS, (*SLOTS, None), (*SLOTS, None))
        for bad in (frozenset[str](), frozenset({other(committed)}))
    ]
    for state, slot in product(states, SLOTS):
        for after in (state.set_primary(slot), state.set_good(slot), state.set_bad(slot)):
            assert after.committed in {state.committed, state.running}
            assert after.committed == state.committed or slot == state.running


def test_the_file_is_one_sector_and_comes_back_as_it_was() -> None:
    content = render(2, 3)
    assert len(content) <= MOST_BYTES
    assert parse(content) == (2, 3)
    assert parse(b"# by hand\r\n[all]\r\nboot_partition=5\r\n[tryboot]\r\nboot_partition=6\r\n") == (5, 6)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "does not name a partition"),
        (b"[all]\nboot_partition=2\n", "does not name a partition"),
        (b"[all]\nboot_partition=two\n[tryboot]\nboot_partition=3\n", "'two'"),
        (b"[all]\nboot_partition=0\n[tryboot]\nboot_partition=3\n", "'0'"),
        (render(2, 3) + b"#" * 512, "the firmware reads 512"),
        (bytes(200), "does not name a partition"),
    ],
)
def test_a_damaged_file_is_said(content: bytes, why: str) -> None:
    with pytest.raises(UpdateError, match=why):
        parse(content)


def test_the_store_writes_the_firmwares_file_at_a_commit_and_at_no_other_step(tmp_path: Path) -> None:
    board = Board(tmp_path)
    file = board.layout.boot_dir / "autoboot.txt"
    before = file.stat().st_ino
    board.store.change(lambda slots: slots.set_bad("B"))
    board.store.change(lambda slots: slots.set_primary("B"))
    assert (file.stat().st_ino, board.store.load().trial) == (before, "B")
    board.flag.touch()
    assert board.start() == "B"
    board.store.change(lambda slots: slots.set_good("B"))
    assert parse(file.read_bytes()) == (3, 2)
    assert board.cut_power() == "B"
    assert list(board.layout.boot_dir.iterdir()) == [file]


def test_lost_marks_end_the_trial_and_nothing_else(tmp_path: Path) -> None:
    board = Board(tmp_path)
    board.store.change(lambda slots: slots.set_primary("B"))
    for damage in (b"", b"{", b'{"schema":1,"trial":"C","bad":["x"]}', b"[]"):
        (board.layout.state_dir / MARKS_FILE).write_bytes(damage)
        assert board.store.load() == Slots("A", "A")


def test_a_commit_mends_a_file_that_is_lost(tmp_path: Path) -> None:
    board = Board(tmp_path)
    (board.layout.boot_dir / "autoboot.txt").unlink()
    with pytest.raises(UpdateError, match=r"autoboot\.txt: No such file"):
        board.store.load()
    assert board.store.commit_running() == Slots("A", "A")
    assert board.start() == "A"


def test_a_full_boot_partition_leaves_the_old_file(tmp_path: Path) -> None:
    board = Board(tmp_path)
    file = board.layout.boot_dir / "autoboot.txt"
    (board.layout.boot_dir / "autoboot.new").mkdir()  # as good as full: the draft cannot be written
    with pytest.raises(UpdateError, match="cannot be written"):
        board.store.change(lambda slots: slots.committed_to("B"))
    assert parse(file.read_bytes()) == (2, 3)


def test_a_machine_without_that_firmware_runs_no_slot(tmp_path: Path) -> None:
    board = Board(tmp_path)
    (board.layout.bootloader_dir / "partition").unlink()
    assert board.store.load().running is None
    with pytest.raises(UpdateError, match="does not say which slot"):
        board.store.commit_running()


def cut_at(step: int, act: Callable[[], object]) -> bool:
    """Do `act` in a process that dies before its `step`-th system call that changes a folder or opens a file.

    True when it came to its end.
    """
    child = os.fork()
    if child == 0:
        left = [step]

        def hook(event: str, _: object) -> None:
            if event in ("open", "os.rename", "os.remove", "os.mkdir"):
                left[0] -= 1
                if left[0] < 0:
                    os._exit(1)

        sys.addaudithook(hook)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_commit_cut_off_at_any_step_leaves_one_file_or_the_other(tmp_path: Path) -> None:
    board, seen = Board(tmp_path), []
    for step in range(30):
        board.store.save(None, Slots("A", "A", "B"))
        board.flag.touch()
        assert board.start() == "B"
        ended = cut_at(step, board.store.commit_running)
        seen.append(board.cut_power())
        assert board.store.load().committed == seen[-1]
        if ended:
            break
    assert "".join(seen).strip("A").strip("B") == "", "first the old one, then the new one"
    assert {"A", "B"} == set(seen)
