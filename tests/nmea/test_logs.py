"""A receiver's log and every fix it adds up to: cold start, 2-D, 3-D, damage, estimated, lost, found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from anpr_edge.devices.nmea import FixBuilder, SentenceBuffer
from anpr_edge.records import Fix, Instant

HERE = Path(__file__).parent
NOW = Instant(1_790_000_000_000_000_000, 0)


def told(fix: Fix) -> str:
    if fix.lat_deg is None or fix.lon_deg is None:
        return f"{fix.mode}"
    error = "" if fix.eph_m is None else f" ±{fix.eph_m:.1f} m"
    return f"{fix.mode} {fix.lat_deg:.6f} {fix.lon_deg:.6f}{error}"


def fixes(log: bytes) -> Iterator[str]:
    builder = FixBuilder()
    for sentence in SentenceBuffer().take(log):
        builder.feed(sentence, NOW)
        yield told(builder.fix)


@pytest.mark.parametrize("log", sorted(HERE.glob("*.nmea")), ids=lambda log: log.stem)
def test_log(log: Path) -> None:
    changes = [fix for fix, _ in groupby(fixes(log.read_bytes()))]
    assert changes == log.with_suffix(".fixes").read_text(encoding="utf-8").splitlines()
