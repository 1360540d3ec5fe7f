"""What chrony and timesyncd print becomes where the time is from."""

from __future__ import annotations

import pytest

from anpr_edge.diag.timedaemon import parse_chrony, parse_timesyncd
from tests.unit.diag.fake_pi import CHRONY

TIMESYNCD = """\
SystemNTPServers=
FallbackNTPServers=0.debian.pool.ntp.org 1.debian.pool.ntp.org
ServerName={name}
ServerAddress={address}
PollIntervalUSec=34min 8s
{message}
"""
MESSAGE = "NTPMessage={ Leap=0, Version=4, Mode=4, Stratum=2, Precision=-25, Reference=C0000201, Ignored=no }"


def test_chrony_by_a_server() -> None:
    source = parse_chrony(f"{CHRONY}\n")
    assert source
    assert (source.reached, source.name, source.stratum) == (True, "192.0.2.1", 2)
    assert source.offset_ms == pytest.approx(0.012)


@pytest.mark.parametrize("name", ["", "PPS"])
def test_chrony_by_a_receivers_pulse(name: str) -> None:
    source = parse_chrony(CHRONY.replace("C0000201,192.0.2.1,2", f"50505300,{name},1"))
    assert source
    assert source.reached
    assert source.name == (name or "50505300")


@pytest.mark.parametrize(
    "answer",
    [
        CHRONY.replace("Normal", "Not synchronised"),
        "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised",
    ],
)
def test_chrony_without_a_source(answer: str) -> None:
    source = parse_chrony(answer)
    assert source
    assert not source.reached


@pytest.mark.parametrize("answer", ["506 Cannot talk to daemon", "a,b", CHRONY.replace(",2,", ",two,")])
def test_chrony_that_says_something_else(answer: str) -> None:
    assert parse_chrony(answer) is None


def test_timesyncd() -> None:
    source = parse_timesyncd(
        TIMESYNCD.format(name="0.debian.pool.ntp.org", address="192.0.2.1", message=MESSAGE)
    )
    assert source.reached
    assert (source.name, source.stratum, source.offset_ms) == ("0.debian.pool.ntp.org", 2, None)


def test_timesyncd_that_has_had_no_answer() -> None:
    assert not parse_timesyncd(TIMESYNCD.format(name="0.debian.pool.ntp.org", address="", message="")).reached
