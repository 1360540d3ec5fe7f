"""What a feed may see of a read: its fields alone, time and place no finer than its terms say.

Done before sealing, so that what a feed may not have is in no ciphertext.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from anpr_edge.records import Fix, Instant, PlateRead
from anpr_edge.seal.policy.model import FeedTerms

METRES_A_DEGREE: Final = 111_195.0
"""Of latitude. Source: the mean Earth radius of 6,371,008.8 m (IUGG), times π/180."""

FINEST_MS: Final = 1


def as_seen(read: PlateRead, terms: FeedTerms) -> PlateRead:
    """The read with time and place coarsened; fields are left out by the sealer."""
    step_ns = terms.time_ms * 1_000_000
    seen = read if terms.time_ms == FINEST_MS else _coarse_time(read, step_ns)
    if seen.fix is None or terms.place_m == 0:
        return seen
    return replace(seen, fix=_coarse_place(seen.fix, terms.place_m))


def _coarse_time(read: PlateRead, step_ns: int) -> PlateRead:
    """Every time floored to `step_ns`, and every span of time counted in whole steps.

    Spans are cut down by themselves: from the difference of two floored times one could tell that
    a step's edge lay between them, and so the exact moment.
    """
    first = replace(read.first, utc_ns=read.first.utc_ns // step_ns * step_ns)
    fix = read.fix
    if fix is not None and fix.taken is not None:
        fix = replace(fix, taken=_after(read.first, fix.taken, first, step_ns))
    return replace(read, first=first, last=_after(read.first, read.last, first, step_ns), fix=fix)


def _after(first: Instant, then: Instant, coarse_first: Instant, step_ns: int) -> Instant:
    """`then` as far from the coarse beginning as whole steps lay between it and the true one."""
    span_ns = then.mono_ns - first.mono_ns
    whole_ns = abs(span_ns) // step_ns * step_ns * (1 if span_ns >= 0 else -1)
    return Instant(coarse_first.utc_ns + whole_ns, coarse_first.mono_ns + whole_ns, then.utc_error_ms)


def _coarse_place(fix: Fix, step_m: int) -> Fix:
    """The nearest point of a grid of `step_m`, with an error that covers the way to it."""
    if fix.lat_deg is None or fix.lon_deg is None:
        return fix
    lat_step = step_m / METRES_A_DEGREE
    lat_deg = max(-90.0, min(90.0, round(fix.lat_deg / lat_step) * lat_step))
    lon_step = min(360.0, lat_step / max(math.cos(math.radians(lat_deg)), 1e-6))
    lon_deg = max(-180.0, min(180.0, round(fix.lon_deg / lon_step) * lon_step))
    return replace(fix, lat_deg=lat_deg, lon_deg=lon_deg, eph_m=max(fix.eph_m or 0.0, float(step_m)))
