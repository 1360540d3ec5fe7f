"""Nothing in a policy can change without a word about it."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest

from anpr_edge.seal.policy.changes import changes
from anpr_edge.seal.policy.model import ALWAYS_ON, Calendar, FeedTerms, Hours, ListTerms, Policy, Recipient
from anpr_edge.seal.policy.words import explain, hours_text, span, when
from anpr_edge.seal.wire import Field
from tests.unit.seal.policies import CHARGING, LONDON_HOURS, POLICE, POLICY
from tests.vectors.keys import recipient, signer

OTHER_FEED: dict[str, Any] = {
    "purpose": "something else",
    "controller": "somebody else",
    "legal_basis": "another Act",
    "recipients": (Recipient("Charging centre", recipient("another").public.text),),
    "ack_key": signer("another").public.text,
    "fields": CHARGING.fields | {Field.LANE},
    "time_ms": 1000,
    "place_m": 0,
    "calendar": replace(LONDON_HOURS, off_days=()),
    "reads": "all",
    "min_confidence": 0.81,
    "share": 0.51,
    "waits_s": 3600,
    "kept_days": None,
    "most_per_minute": None,
    "watch": ListTerms("stolen", signer("keeper").public.text),
    "first": True,
    "previews": True,
}
OTHER_POLICY: dict[str, Any] = {
    "fleet": "another",
    "version": 4,
    "issued_utc_s": 0,
    "from_utc_s": 0,
    "until_utc_s": POLICY.until_utc_s + 60,
    "units": (),
    "groups": (),
    "reason": "another reason",
    "feeds": (POLICE,),
}


@pytest.mark.parametrize("name", [field.name for field in fields(FeedTerms) if field.name != "name"])
def test_every_change_of_a_feed_is_told(name: str) -> None:
    after = replace(POLICY, feeds=(replace(CHARGING, **{name: OTHER_FEED[name]}), POLICE))
    told = changes(POLICY, after)
    assert told
    assert all(line.startswith("feed charging: ") and ": was " in line for line in told)


@pytest.mark.parametrize("name", [field.name for field in fields(Policy)])
def test_every_change_of_the_policy_is_told(name: str) -> None:
    assert changes(POLICY, replace(POLICY, **{name: OTHER_POLICY[name]}))


def test_a_long_key_is_told_by_its_hash_and_another_by_another() -> None:
    def with_key(name: str) -> Policy:
        hybrid = Recipient("Charging centre", recipient(name).public.text)
        return replace(POLICY, feeds=(replace(CHARGING, recipients=(hybrid,)),))

    (line,) = changes(with_key("hybrid one"), with_key("hybrid two"))
    assert line.count("mlkem768-x25519 key, SHA-256 ") == 2
    assert len(line) < 400


def test_no_change_is_no_line() -> None:
    assert changes(POLICY, POLICY) == []


def test_a_feed_that_comes_and_one_that_goes() -> None:
    first = replace(POLICY, feeds=(CHARGING,))
    told = changes(first, POLICY)
    assert told[0] == "feed police: new"
    assert f"feed police: who can open it: Police service ({POLICE.recipients[0].key})" in told
    assert changes(POLICY, first) == ["feed police: taken away; nobody gets it any more"]
    assert "feed charging: new" in changes(None, first)


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        (ALWAYS_ON, "at all times"),
        (Calendar("UTC", ()), "never: switched off"),
        (
            LONDON_HOURS,
            "Mon-Fri 07:00-18:00, Sat-Sun 12:00-18:00, Europe/London time; not on 2026-12-25",
        ),
        (
            Calendar("UTC", ALWAYS_ON.weekly, date(2026, 1, 1), date(2026, 2, 1)),
            "Mon-Sun 00:00-24:00, UTC time; from 2026-01-01; to 2026-02-01, that day included",
        ),
        (
            Calendar(
                "UTC", ALWAYS_ON.weekly, off_days=(date(2026, 1, 1), date(2026, 1, 2), date(2026, 2, 1))
            ),
            "Mon-Sun 00:00-24:00, UTC time; not on 2026-01-01 to 2026-01-02, 2026-02-01",
        ),
    ],
)
def test_a_calendar_in_words(calendar: Calendar, words: str) -> None:
    assert when(calendar) == words


def test_days_and_spans_in_words() -> None:
    assert hours_text(Hours((0, 2, 3, 6), 90, 5)) == "Mon,Wed-Thu,Sun 01:30-00:05"
    assert [span(s) for s in (59, 90, 120, 3600, 259_200, 345_600)] == [
        "59 s",
        "90 s",
        "2 min",
        "1 h",
        "72 h",
        "4 days",
    ]


def test_the_explanation_says_who_gets_what_when_what_for_and_how_long() -> None:
    text = "\n".join(explain(POLICY))
    for words in (
        "Policy 3, fleet testfleet, for unit unit-0001, unit-0002 and group inner, outer.",
        "Feed charging\n  purpose:                road user charging\n",
        "Charging centre (x25519:",
        "time to 60 s, which national pattern the text fits, direction of travel, place to 100 m",
        "never gets:             confidence of each character",
        "Mon-Fri 07:00-18:00",
        "only those that fit a national pattern, at least 80 % sure",
        "50 % of those, chosen at random, at most 300 a minute",
        "at most 72 h, then it is deleted there",
        "1 day, by its own undertaking",
    ):
        assert words in text


def test_a_policy_without_feeds_says_so() -> None:
    assert list(explain(replace(POLICY, feeds=())))[-1] == "There is no feed: nobody gets anything."
