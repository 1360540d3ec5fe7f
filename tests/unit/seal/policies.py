"""Policies for the suites: one with something in every field, and whoever signs it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from anpr_edge.seal.policy.model import Calendar, FeedTerms, Hours, Policy, Recipient
from anpr_edge.seal.wire import Field
from tests.fakes import EPOCH_NS
from tests.vectors.keys import recipient, signer

NOW_S = EPOCH_NS // 10**9
DAY_S = 86_400
KEY = signer("policy authority")

LONDON_HOURS = Calendar(
    "Europe/London",
    (Hours((0, 1, 2, 3, 4), 7 * 60, 18 * 60), Hours((5, 6), 12 * 60, 18 * 60)),
    off_days=(date(2026, 12, 25),),
)

CHARGING = FeedTerms(
    name="charging",
    purpose="road user charging",
    controller="Charging authority",
    legal_basis="Act 1, section 2",
    recipients=(Recipient("Charging centre", recipient("charging").public.text),),
    ack_key=signer("charging ack").public.text,
    fields=frozenset({Field.SYNTAX, Field.DIRECTION, Field.FIX}),
    time_ms=60_000,
    place_m=100,
    calendar=LONDON_HOURS,
    reads="syntax-valid",
    min_confidence=0.8,
    share=0.5,
    waits_s=72 * 3600,
    kept_days=1,
    most_per_minute=300,
)

POLICE = replace(
    CHARGING,
    name="police",
    purpose="serious crime",
    controller="Police force",
    recipients=(Recipient("Police service", recipient("police").public.text),),
    ack_key=signer("police ack").public.text,
    calendar=replace(LONDON_HOURS, first_day=date(2026, 1, 1), last_day=date(2027, 1, 1)),
    share=1.0,
)

POLICY = Policy(
    fleet="testfleet",
    version=3,
    issued_utc_s=NOW_S - DAY_S,
    from_utc_s=NOW_S - DAY_S,
    until_utc_s=NOW_S + 30 * DAY_S,
    units=("unit-0001", "unit-0002"),
    groups=("inner", "outer"),
    reason="a test",
    feeds=(CHARGING, POLICE),
)
