"""Whoever may not look at something is told so, and never that it is broken or well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from anpr_edge.diag.checks import disk, gps, illuminator, keys, outbox, update
from anpr_edge.diag.condition import Check, Verdict
from anpr_edge.diag.examine import examine
from anpr_edge.diag.registry import CHECKS
from anpr_edge.diag.subject import Subject
from tests.unit.diag.bench import Bench
from tests.unit.update.samples import Board

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.parametrize(
    ("check", "section"),
    [(gps.CHECK, '[gps]\ndevice = "{}/tty"'), (illuminator.CHECK, '[illuminator]\npwm = "{}/pwmchip0/pwm0"')],
    ids=["gps", "illuminator"],
)
def test_a_device_that_may_not_be_seen_is_not_called_missing(
    bench: Bench, check: Check, section: str
) -> None:
    bench.more = "\n" + section.format(bench.state_dir) + "\n"
    bench.write_config()
    bench.state_dir.chmod(0o700)
    subject = Subject(bench.config, bench.clock)
    assert subject.config
    with as_nobody():
        (finding,) = check.run(subject)
    assert finding.verdict is Verdict.NOT_CHECKED
    assert "sudo" in finding.next


@pytest.mark.parametrize("check", [disk.CHECK, keys.CHECK, outbox.CHECK], ids=lambda check: check.name)
def test_what_may_not_be_read_is_not_checked(bench: Bench, check: Check) -> None:
    bench.make_outbox()
    bench.state_dir.chmod(0o700)
    subject = Subject(bench.config, bench.clock)
    assert subject.config
    with as_nobody():
        lines = examine(subject, (check,), CHECKS)
    own = [line.finding for line in lines if line.check == check.name]
    assert {finding.verdict for finding in own} == {Verdict.NOT_CHECKED}
    assert [finding for finding in own if "sudo" in finding.next]


def test_which_system_starts_is_not_called_lost(bench: Bench) -> None:
    board = Board(bench.pi.root)
    board.describe()
    board.layout.boot_dir.chmod(0o700)
    subject = bench.subject
    assert subject.config
    with as_nobody():
        (finding,) = update.CHECK.run(subject)
    assert finding.verdict is Verdict.NOT_CHECKED
    assert "sudo" in finding.next
