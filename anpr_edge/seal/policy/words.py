"""A policy in plain English: who gets what, when, for what purpose, for how long."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from anpr_edge.seal.policy.model import (
    ALWAYS_ON,
    CHOOSABLE,
    MINUTES_OF_DAY,
    Calendar,
    FeedTerms,
    Hours,
    ListTerms,
    Policy,
    utc_text,
)
from anpr_edge.seal.wire import Field

FIELD_WORDS: Final[Mapping[Field, str]] = {
    Field.CHAR_CONFIDENCES: "confidence of each character",
    Field.ALTERNATIVES: "other texts the plate could be",
    Field.SYNTAX: "which national pattern the text fits",
    Field.REGION: "country of that pattern",
    Field.DIRECTION: "direction of travel",
    Field.LANE: "lane",
    Field.FIX: "place",
    Field.MODEL_IDS: "which models read it",
}
ALWAYS_WORDS: Final = "plate text, confidence, how long and in how many frames it was seen, the clock's error"

LONGEST_KEY_SHOWN: Final = 64
"""An X25519 key is 50 characters of text, a hybrid one some 1,640."""

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def policy_rows(policy: Policy) -> dict[str, str]:
    """What a policy says of itself, by label."""
    return {
        "version": str(policy.version),
        "fleet": policy.fleet,
        "meant for": _audience(policy),
        "valid": f"from {utc_text(policy.from_utc_s)} until {utc_text(policy.until_utc_s)}",
        "issued": utc_text(policy.issued_utc_s),
        "reason": policy.reason,
    }


def feed_rows(feed: FeedTerms) -> dict[str, str]:
    """Everything a policy says of one feed, by label, in the order to read it."""
    return {
        "purpose": feed.purpose,
        "controller": feed.controller,
        "legal basis": feed.legal_basis,
        "who can open it": ", ".join(f"{one.name} ({key_text(one.key)})" for one in feed.recipients),
        "confirmed by": feed.ack_key,
        "gets": _gets(feed),
        "never gets": ", ".join(FIELD_WORDS[f] for f in sorted(CHOOSABLE - feed.fields))
        or "nothing is kept back",
        "when": when(feed.calendar),
        "which reads": _which(feed),
        "how many": _how_many(feed),
        "goes out": _goes_out(feed),
        "waits on the unit": f"at most {span(feed.waits_s)}, then it is deleted there",
        "kept by the recipient": _kept(feed),
    }


def explain(policy: Policy) -> Iterator[str]:
    """The whole policy, line by line."""
    rows = policy_rows(policy)
    signed = (
        f"Policy {policy.version}"
        if policy.version
        else "The feeds of the unit's own configuration, unsigned"
    )
    yield f"{signed}, fleet {policy.fleet}, {rows['meant for']}."
    if policy.version:
        yield f"Valid {rows['valid']}; issued {rows['issued']}."
        yield f"Reason: {policy.reason}"
    if not policy.feeds:
        yield "There is no feed: nobody gets anything."
    for feed in policy.feeds:
        yield ""
        yield f"Feed {feed.name}"
        for label, text in feed_rows(feed).items():
            yield f"  {label + ':':<23} {text}"


def when(calendar: Calendar) -> str:
    """A calendar in words."""
    if not calendar.weekly:
        return "never: switched off"
    if calendar == ALWAYS_ON:
        return "at all times"
    parts = [f"{', '.join(map(hours_text, calendar.weekly))}, {calendar.zone} time"]
    if calendar.first_day is not None:
        parts.append(f"from {calendar.first_day}")
    if calendar.last_day is not None:
        parts.append(f"to {calendar.last_day}, that day included")
    if calendar.off_days:
        parts.append(f"not on {', '.join(_runs(calendar.off_days))}")
    return "; ".join(parts)


def hours_text(hours: Hours) -> str:
    """One span as it is written in a policy's source: `Mon-Fri 07:00-18:00`."""
    days = [f"{DAYS[a]}-{DAYS[b]}" if a != b else DAYS[a] for a, b in _spans(hours.days)]
    return f"{','.join(days)} {_clock(hours.start_min)}-{_clock(hours.end_min)}"


def key_text(key: str) -> str:
    """A public key, or the hash of one that is too long to read: no two keys have the same words."""
    if len(key) <= LONGEST_KEY_SHOWN:
        return key
    return f"{key.partition(':')[0]} key, SHA-256 {hashlib.sha256(key.encode()).hexdigest()}"


def span(seconds: int) -> str:
    """A length of time in its largest whole unit: 90 s, 45 min, 72 h, 14 days."""
    for size, name, least in ((86_400, "days", 4), (3600, "h", 1), (60, "min", 2)):
        if seconds % size == 0 and seconds // size >= least:
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def _spans(numbers: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """First and last of each run of successive numbers."""
    start = 0
    for at in range(1, len(numbers) + 1):
        if at == len(numbers) or numbers[at] != numbers[at - 1] + 1:
            yield numbers[start], numbers[at - 1]
            start = at


def _runs(days: tuple[date, ...]) -> Iterator[str]:
    for first, last in _spans(tuple(day.toordinal() for day in days)):
        begin, end = date.fromordinal(first), date.fromordinal(last)
        yield str(begin) if first == last else f"{begin} to {end}"


def _clock(minute: int) -> str:
    return "24:00" if minute == MINUTES_OF_DAY else f"{minute // 60:02d}:{minute % 60:02d}"


def _audience(policy: Policy) -> str:
    if not policy.units and not policy.groups:
        return "for every unit"
    named = [("unit", policy.units), ("group", policy.groups)]
    return "for " + " and ".join(f"{kind} {', '.join(names)}" for kind, names in named if names)


def _gets(feed: FeedTerms) -> str:
    time = "time to the millisecond" if feed.time_ms == 1 else f"time to {_step(feed.time_ms)}"
    chosen = [_field(field, feed) for field in sorted(feed.fields)]
    return ", ".join([ALWAYS_WORDS, time, *chosen])


def _field(field: Field, feed: FeedTerms) -> str:
    if field is not Field.FIX:
        return FIELD_WORDS[field]
    return f"place to {feed.place_m} m" if feed.place_m else "place as exactly as the unit knows it"


def _step(milliseconds: int) -> str:
    return span(milliseconds // 1000) if milliseconds % 1000 == 0 else f"{milliseconds} ms"


def _which(feed: FeedTerms) -> str:
    kinds = {"all": "all", "syntax-valid": "only those that fit a national pattern"}
    kind = kinds.get(feed.reads, "") if feed.watch is None else _matches(feed.watch)
    sure = f", at least {percent(feed.min_confidence)} sure" if feed.min_confidence else ""
    return kind + sure


def _goes_out(feed: FeedTerms) -> str:
    turn = "before the reads of other feeds" if feed.first else "in its turn"
    return f"{turn}, and early as a preview too" if feed.previews else turn


def _matches(watch: ListTerms) -> str:
    return f"only vehicles on the list {watch.name}, signed by its keeper with {key_text(watch.key)}"


def _how_many(feed: FeedTerms) -> str:
    share = "every one of those" if feed.share == 1 else f"{percent(feed.share)} of those, chosen at random"
    ceiling = f", at most {feed.most_per_minute} a minute" if feed.most_per_minute is not None else ""
    return share + ceiling


def _kept(feed: FeedTerms) -> str:
    if feed.kept_days is None:
        return "the policy does not say"
    days = "1 day" if feed.kept_days == 1 else f"{feed.kept_days} days"
    return f"{days}, by its own undertaking: the unit cannot enforce it"


def percent(share: float) -> str:
    """A share as people read it: 97.5 %."""
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"
