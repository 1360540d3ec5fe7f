"""Room for the outbox and a disk that takes writes, on real file systems."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from anpr_edge.diag.checks.disk import CHECK
from anpr_edge.diag.condition import Verdict
from tests.unit.diag.bench import Bench


def mount(folder: Path, options: str) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Put a small file system of its own over a folder."""
    if os.geteuid() != 0 or not mount(folder, f"size={size}"):
        pytest.skip("mounting a small file system needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_enough_room(bench: Bench) -> None:
    bench.more = "[outbox]\nmax_megabytes = 1\n"
    bench.write_config()
    findings = bench.find(CHECK)
    assert [finding.verdict for finding in findings.values()] == [Verdict.OK, Verdict.OK]
    assert findings["disk-space"].limit == "at least 65 MB"


def test_what_the_outbox_has_already_taken_is_not_wanted_again(bench: Bench) -> None:
    bench.more = "[outbox]\nmax_megabytes = 10\n"
    bench.write_config()
    (bench.state_dir / "outbox.db").write_bytes(bytes(4_000_000))
    assert bench.find(CHECK)["disk-space"].limit == "at least 70 MB"


def test_less_than_the_outbox_may_need(bench: Bench) -> None:
    with small_disk(bench.state_dir, "100m"):
        finding = bench.find(CHECK)["disk-space"]
    assert finding.verdict is Verdict.WARN
    assert "max_megabytes" in finding.next


def test_a_full_disk(bench: Bench) -> None:
    with small_disk(bench.state_dir, "32m"):
        finding = bench.find(CHECK)["disk-space"]
    assert finding.verdict is Verdict.FAIL
    assert "MB free" in finding.measured


def test_a_disk_that_turned_read_only(bench: Bench) -> None:
    with small_disk(bench.state_dir, "32m"):
        assert mount(bench.state_dir, "remount,ro")
        finding = bench.find(CHECK)["disk-writable"]
    assert finding.verdict is Verdict.FAIL
    assert "Read-only" in finding.measured


def test_no_state_folder_yet(bench: Bench) -> None:
    bench.state_dir.rename(bench.directory / "moved")
    findings = bench.find(CHECK)
    assert findings["disk-writable"].verdict is Verdict.FAIL
    assert "anpr-edge init" in findings["disk-writable"].next
    assert findings["disk-space"].verdict is Verdict.NOT_CHECKED


def test_an_outbox_that_has_used_up_its_reserve(bench: Bench) -> None:
    with small_disk(bench.state_dir, "100m"):
        bench.make_outbox()
        (bench.state_dir / "outbox.db.reserve").unlink(missing_ok=True)
        finding = bench.find(CHECK)["disk-space"]
    assert finding.verdict is Verdict.FAIL
    assert "kept back is used up" in finding.measured
