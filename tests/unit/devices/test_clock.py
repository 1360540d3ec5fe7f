"""The kernel's word about UTC becomes an error bound, or "unsynchronised"."""

from __future__ import annotations

import ctypes

import pytest

from anpr_edge.devices.clock import STA_UNSYNC, TIME_ERROR, SystemClock, Timex, error_bound_ms


@pytest.mark.parametrize(
    ("state", "status", "maxerror_us", "expected_ms"),
    [
        (0, 0x0001, 1500, 1.5),
        (0, 0x2001, 0, 0.0),
        (1, 0x0001, 250, 0.25),  # a leap second is announced: still synchronised
        (0, STA_UNSYNC, 1500, None),
        (TIME_ERROR, 0x0001, 1500, None),
        (-1, 0, 0, None),  # the call was refused
    ],
)
def test_error_bound(state: int, status: int, maxerror_us: int, expected_ms: float | None) -> None:
    assert error_bound_ms(state, status, maxerror_us) == expected_ms


def test_timex_is_as_large_as_the_kernels() -> None:
    if ctypes.sizeof(ctypes.c_long) != 8:
        pytest.skip("only known for 64-bit Linux")
    assert ctypes.sizeof(Timex) == 208


def test_the_kernel_is_asked_once_for_many_instants() -> None:
    asked: list[int] = []

    def error_ms() -> float:
        asked.append(1)
        return 2.0

    clock = SystemClock(error_ms)
    instants = [clock.now() for _ in range(100)]
    spanned_s = (instants[-1].mono_ns - instants[0].mono_ns) // 1_000_000_000
    assert len(asked) <= 1 + spanned_s
    assert {instant.utc_error_ms for instant in instants} == {2.0}
