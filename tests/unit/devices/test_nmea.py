"""Sentences add up to a fix, and nothing else does."""

from __future__ import annotations

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.devices.nmea import UNKNOWN, FixBuilder, SentenceBuffer
from anpr_edge.records import Fix, Instant

NOW = Instant(1_790_000_000_000_000_000, 5_000_000_000)
GGA = "GPGGA,123519.00,5130.0420,N,00007.4760,W,1,08,0.9,35.4,M,46.9,M,,"
GGA_LOST = "GPGGA,123520.00,,,,,0,00,,,M,,M,,"
RMC = "GNRMC,123519.00,A,3351.3510,S,15112.5600,E,0.0,0.0,221126,,,A"
RMC_VOID = "GNRMC,123519.00,V,,,,,,,221126,,,N"
GSA_3D = "GNGSA,A,3,04,05,,09,12,,,24,,,,,2.5,1.3,2.1"
GSA_NONE = "GNGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9"
GST = "GNGST,123519.00,1.2,,,,3.0,4.0,5.0"


def sealed(body: str) -> bytes:
    """The sentence with its checksum."""
    return f"${body}*{reduce(xor, body.encode()):02X}".encode()


def fix_of(*bodies: str) -> Fix:
    builder = FixBuilder()
    for body in bodies:
        builder.feed(sealed(body), NOW)
    return builder.fix


def test_position_north_and_west() -> None:
    fix = fix_of(GGA)
    assert (fix.mode, fix.taken, fix.eph_m) == (2, NOW, None)
    assert (fix.lat_deg, fix.lon_deg) == pytest.approx((51.500700, -0.124600))


def test_position_south_and_east() -> None:
    fix = fix_of(RMC)
    assert (fix.lat_deg, fix.lon_deg) == pytest.approx((-33.855850, 151.209333), abs=1e-6)


def test_three_dimensions_and_error_are_added() -> None:
    fix = fix_of(GST, GGA, GSA_3D)
    assert (fix.mode, fix.eph_m) == (3, 5.0)


@pytest.mark.parametrize("ending", [GGA_LOST, RMC_VOID])
def test_a_lost_fix_keeps_no_coordinates(ending: str) -> None:
    assert fix_of(GSA_3D, GGA, ending) == Fix(1, None, None, None, NOW)


def test_one_constellation_without_a_solution_does_not_undo_anothers() -> None:
    assert fix_of(GGA, GSA_3D, GSA_NONE) == fix_of(GGA, GSA_3D)


def test_without_a_position_dimensions_are_no_fix() -> None:
    assert fix_of(GSA_3D) == fix_of(GSA_NONE) == Fix(1, None, None, None, NOW)


@pytest.mark.parametrize("quality", ["0", "6", "7", "8", ""])
def test_what_no_satellite_gave_is_no_fix(quality: str) -> None:
    assert fix_of(GGA.replace(",W,1,", f",W,{quality},")).lat_deg is None


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"garbage",
        b"\xff\xfe\x00",
        b"$GPGGA",
        sealed(GGA)[:-2] + b"00",
        sealed(GGA)[:-3],
        sealed(GGA.replace("5130.0420", "")),
        sealed(GGA.replace("5130.0420", "9930.0420")),
        sealed(GGA.replace("5130.0420", "5170.0420")),
        sealed(GGA.replace("5130.0420", "513O.0420")),
        sealed(GGA.replace(",N,", ",Q,")),
        sealed(GGA + "," * 300),
        sealed("GPGSV,3,1,11,03,03,111,00"),
    ],
)
def test_damage_and_strangers_change_nothing(damaged: bytes) -> None:
    builder = FixBuilder()
    builder.feed(sealed(GGA), NOW)
    before = builder.fix
    assert not builder.feed(damaged, NOW)
    assert builder.fix == before


@given(st.binary(max_size=300))
def test_any_bytes_are_survived(data: bytes) -> None:
    builder = FixBuilder()
    builder.feed(data, NOW)
    assert builder.fix == UNKNOWN


@given(
    st.sampled_from([GGA, RMC, GSA_3D, GST]), st.lists(st.text("0123456789.,-NSEWA", max_size=8), max_size=16)
)
def test_any_fields_leave_a_sound_fix(body: str, fields: list[str]) -> None:
    name = body.partition(",")[0]
    fix = fix_of(GGA, ",".join([name, *fields]))
    assert (fix.lat_deg is None) == (fix.mode < 2)
    assert fix.lat_deg is None or (abs(fix.lat_deg) <= 90 and abs(fix.lon_deg or 0) <= 180)


@given(st.lists(st.integers(1, 40), max_size=10))
def test_the_pieces_of_a_stream_do_not_matter(cuts: list[int]) -> None:
    stream = sealed(GGA) + b"\r\n\r\n" + sealed(GSA_3D) + b"\r\n"
    buffer, got = SentenceBuffer(), list[bytes]()
    for cut in cuts:
        got += buffer.take(stream[:cut])
        stream = stream[cut:]
    assert got + buffer.take(stream) == [sealed(GGA), sealed(GSA_3D)]


def test_an_endless_line_is_thrown_away() -> None:
    buffer = SentenceBuffer()
    for _ in range(10):
        assert buffer.take(b"x" * 100) == []
    assert len(buffer.take(b"\n" + sealed(GGA) + b"\n")[-1]) == len(sealed(GGA))
