"""One reader and one uplink a unit, whatever ended the one before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anpr_edge.daemon.alone import alone
from anpr_edge.errors import AnprError

HOLDER = """
import sys
from pathlib import Path
from anpr_edge.daemon.alone import alone
with alone(Path(sys.argv[1]), "reader"):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_second_one_is_refused_and_told_which_is_the_first(tmp_path: Path) -> None:
    with (
        alone(tmp_path, "reader"),
        pytest.raises(AnprError, match=f"reader runs already, as process {os.getpid()} ") as refused,
        alone(tmp_path, "reader"),
    ):
        pass
    assert "systemctl stop anpr-edge-reader" in refused.value.hint


def test_a_reader_and_an_uplink_run_side_by_side(tmp_path: Path) -> None:
    with alone(tmp_path, "reader"), alone(tmp_path, "uplink"):
        assert {path.name for path in tmp_path.iterdir()} == {"reader.lock", "uplink.lock"}


def test_the_next_may_run_when_the_first_has_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with alone(tmp_path, "reader"):
            assert (tmp_path / "reader.lock").read_text() == f"{os.getpid()}\n"


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mine\n"
        with pytest.raises(AnprError, match=f"as process {holder.pid} "), alone(tmp_path, "reader"):
            pass
        holder.kill()
    with alone(tmp_path, "reader"):
        pass


def test_a_unit_without_its_state_folder(tmp_path: Path) -> None:
    with pytest.raises(AnprError, match="cannot lock") as refused, alone(tmp_path / "none", "reader"):
        pass
    assert "anpr-edge init" in refused.value.hint


def test_the_group_may_open_the_lock_whatever_the_umask(tmp_path: Path) -> None:
    old_mask = os.umask(0o077)
    try:
        with alone(tmp_path, "reader"):
            assert (tmp_path / "reader.lock").stat().st_mode & 0o777 == 0o660
    finally:
        os.umask(old_mask)
