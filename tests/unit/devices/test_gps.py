"""The serial receiver, played by a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.devices.gps import SILENT_AFTER_S, FixedSite, SerialGps
from anpr_edge.records import Fix
from tests.fakes import FakeClock
from tests.unit.devices.test_nmea import GGA, GGA_LOST, sealed


class Receiver:
    """A GPS receiver on a pseudo-terminal that can be plugged in and out under one name."""

    def __init__(self, name: Path) -> None:
        self.name = name
        self._master = -1

    def plug_in(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        self.name.unlink(missing_ok=True)
        self.name.symlink_to(os.ttyname(slave))
        os.close(slave)

    def say(self, *bodies: str) -> None:
        for body in bodies:
            os.write(self._master, sealed(body) + b"\r\n")

    def pull_out(self) -> None:
        if self._master >= 0:
            os.close(self._master)
        self._master = -1
        self.name.unlink(missing_ok=True)


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    receiver = Receiver(tmp_path / "ttyGPS")
    yield receiver
    receiver.pull_out()


def until(
    gps: SerialGps, wanted: Callable[[Fix | None], bool], again: Callable[[], None] = lambda: None
) -> Fix | None:
    """Wait for a fix that is `wanted`, doing `again` each time it is not; pytest's timeout is the limit."""
    while not wanted(fix := gps.fix()):
        again()
        time.sleep(0.01)
    return fix


def placed(fix: Fix | None) -> bool:
    return fix is not None and fix.lat_deg is not None


def unplugged(fix: Fix | None) -> bool:
    return fix is None


def test_the_latest_fix_is_kept(receiver: Receiver) -> None:
    receiver.plug_in()
    with closing(SerialGps(receiver.name, 9600, SystemClock(), retry_s=0.01)) as gps:
        fix = until(gps, placed, lambda: receiver.say(GGA))
        assert fix is not None
        assert fix.lat_deg == pytest.approx(51.5007)
        lost = until(gps, lambda fix: not placed(fix), lambda: receiver.say(GGA_LOST))
        assert lost is not None
        assert lost.mode == 1


def test_garbage_between_sentences_is_tolerated(receiver: Receiver) -> None:
    receiver.plug_in()
    with closing(SerialGps(receiver.name, 9600, SystemClock(), retry_s=0.01)) as gps:
        until(gps, placed, lambda: receiver.say("\x80\x00noise", GGA))


def test_unplugged_is_no_fix_and_plugged_in_again_is_found(receiver: Receiver) -> None:
    with closing(SerialGps(receiver.name, 9600, SystemClock(), retry_s=0.01)) as gps:
        assert gps.fix() is None
        receiver.plug_in()
        until(gps, placed, lambda: receiver.say(GGA))
        receiver.pull_out()
        until(gps, unplugged)
        receiver.plug_in()
        until(gps, placed, lambda: receiver.say(GGA))


def test_a_silent_receiver_knows_nothing(receiver: Receiver) -> None:
    receiver.plug_in()
    clock = FakeClock()
    with closing(SerialGps(receiver.name, 9600, clock, retry_s=0.01)) as gps:
        until(gps, placed, lambda: receiver.say(GGA))
        clock.advance(SILENT_AFTER_S + 0.1)
        assert gps.fix() == Fix(0, None, None, None, None)


def test_surveyed_site() -> None:
    assert FixedSite(51.5, -0.12).fix() == Fix(3, 51.5, -0.12, None, None)


def test_a_site_on_the_meridian_and_equator_is_a_place() -> None:
    assert FixedSite(0.0, 0.0).fix() == Fix(3, 0.0, 0.0, None, None)


def test_without_a_survey_there_is_no_fix() -> None:
    assert FixedSite(None, None).fix() is None
