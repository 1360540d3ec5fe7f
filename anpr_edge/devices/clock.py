"""The system's clocks, and how far the kernel says UTC may be off."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable

from anpr_edge.records import Instant

# Source: Linux uapi/linux/timex.h and adjtimex(2).
STA_UNSYNC = 0x0040
STA_NANO = 0x2000
TIME_ERROR = 5

CACHE_NS = 1_000_000_000


class Timex(ctypes.Structure):
    """The kernel's `struct timex` as adjtimex(2) fills it. Source: adjtimex(2)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time_s", ctypes.c_long),
        ("time_fraction", ctypes.c_long),
        ("tick", ctypes.c_long),
        ("ppsfreq", ctypes.c_long),
        ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int),
        ("stabil", ctypes.c_long),
        ("jitcnt", ctypes.c_long),
        ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long),
        ("stbcnt", ctypes.c_long),
        ("tai", ctypes.c_int),
        ("_reserved", ctypes.c_int * 11),
    )


def error_bound_ms(state: int, status: int, maxerror_us: int) -> float | None:
    """How far UTC may be off, from adjtimex's answer; None when the kernel calls it unsynchronised.

    `maxerror` is the bound the time daemon gave at its last update, widened by 500 ppm since.
    Source: RFC 5905 §11.2 (root distance), adjtimex(2).
    """
    if state < 0 or state == TIME_ERROR or status & STA_UNSYNC or maxerror_us < 0:
        return None
    return maxerror_us / 1000


def kernel_error_ms() -> float | None:
    """Ask the kernel how far UTC may be off; None when unsynchronised or when it will not say."""
    answer = Timex()  # modes = 0: a question, which needs no privilege
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(answer))
    return error_bound_ms(state, answer.status, answer.maxerror)


def kernel_offset_ms() -> float | None:
    """How far the kernel still has to move its clock; None when it will not say.

    Source: adjtimex(2): `offset` is in nanoseconds with STA_NANO, else in microseconds.
    """
    answer = Timex()
    if ctypes.CDLL(None).adjtimex(ctypes.byref(answer)) < 0:
        return None
    return offset_ms(answer.status, answer.offset)


def offset_ms(status: int, offset: int) -> float:
    """How far the clock is to be moved, from adjtimex's answer."""
    return offset / (1e6 if status & STA_NANO else 1e3)


class SystemClock:
    """The unit's real clock: UTC, CLOCK_MONOTONIC, and the kernel's error bound, asked once a second."""

    def __init__(self, error_ms: Callable[[], float | None] = kernel_error_ms) -> None:
        self._ask_error_ms = error_ms
        self._cached: tuple[int, float | None] | None = None

    def now(self) -> Instant:
        mono_ns = time.monotonic_ns()
        utc_ns = time.time_ns()
        return Instant(utc_ns, mono_ns, self._error_ms(mono_ns))

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))

    def _error_ms(self, mono_ns: int) -> float | None:
        cached = self._cached
        if cached is None or mono_ns - cached[0] >= CACHE_NS:
            cached = self._cached = (mono_ns, self._ask_error_ms())
        return cached[1]
