"""A policy as CBOR maps with integer keys, and back; only the one encoding of a sound policy is taken.

The table of each map is the format's reference (docs/policy.md). Messages name the key by its path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from anpr_edge.errors import KeyFileError
from anpr_edge.seal.header import NAME
from anpr_edge.seal.keys import RecipientKey, VerifyKey
from anpr_edge.seal.policy.model import (
    CHOOSABLE,
    LISTED,
    MINUTES_OF_DAY,
    Calendar,
    FeedTerms,
    Hours,
    ListTerms,
    Policy,
    Recipient,
)
from anpr_edge.seal.wire import Field
from anpr_edge.seal.wire_values import Wrong, listed, maybe, probability, text, to_probability, whole

FORMAT_VERSION: Final = 1

LATEST_S: Final = 253_402_300_799
"""The last second of the year 9999, the last a date can hold."""

LONGEST_WAIT_S: Final = 31 * 86_400
MOST_FEEDS: Final = 16
MOST_RECIPIENTS: Final = 16

_KINDS: Final = ("all", "syntax-valid", LISTED)

_EPOCH: Final = date(1970, 1, 1)

Check = Callable[[object], Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a map: its number on the wire, its name for people, and what it may hold."""

    key: int
    name: str
    check: Check


def mapped(entries: tuple[Entry, ...], build: Callable[..., Any]) -> Check:
    """A map with exactly these keys, turned into `build(name=value, …)`."""

    def check(value: object) -> Any:
        if not isinstance(value, Mapping) or value.keys() != {entry.key for entry in entries}:
            raise Wrong(f"not a map with exactly the keys 1 to {len(entries)}")
        found = {}
        for entry in entries:
            try:
                found[entry.name] = entry.check(value[entry.key])
            except Wrong as wrong:
                raise Wrong(_path(entry.name, str(wrong))) from None
        return build(**found)

    return check


def _path(name: str, wrong: str) -> str:
    """`calendar` and `zone: not …` make `calendar.zone: not …`."""
    inner = re.match(r"[a-z_]+[:.]", wrong)
    return f"{name}.{wrong}" if inner else f"{name}: {wrong}"


def _name(value: object) -> str:
    if not isinstance(value, str) or not NAME.fullmatch(value):
        raise Wrong("not a name of 1 to 64 letters, digits, dots, dashes or underscores")
    return value


def _parsed_key(parse: Callable[[str], object], what: str) -> Check:
    def check(value: object) -> str:
        shown = text(4096)(value)
        try:
            parse(shown)
        except KeyFileError:
            raise Wrong(f"not a usable {what}") from None
        return shown

    return check


def _words(longest: int) -> Check:
    """Printable text, so on one line, without spaces around it."""
    inner = text(longest)

    def check(value: object) -> str:
        found = inner(value)
        if found != found.strip():
            raise Wrong("not words without spaces around them")
        return found

    return check


def _rising(check: Callable[[object], tuple[Any, ...]]) -> Check:
    """A list without repeats, in order: so that there is one way to write it."""

    def checked(value: object) -> tuple[Any, ...]:
        found = check(value)
        if list(found) != sorted(set(found)):
            raise Wrong("not in order, or with something twice")
        return found

    return checked


def _zone(value: object) -> str:
    name = text(64)(value)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        raise Wrong("not a time zone this machine knows, such as Europe/London") from None
    return name


def _day(value: object) -> date:
    return _EPOCH + timedelta(days=whole(0, LATEST_S // 86_400)(value))


def _kind(value: object) -> str:
    if value not in _KINDS:
        raise Wrong(f"not one of {', '.join(_KINDS)}")
    return str(value)


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("not true or false")
    return value


def _fields(value: object) -> frozenset[Field]:
    numbers = _rising(listed(len(CHOOSABLE), whole(min(CHOOSABLE), max(CHOOSABLE))))(value)
    return frozenset(Field(number) for number in numbers)


HOURS: Final = (
    Entry(1, "days", _rising(listed(7, whole(0, 6)))),
    Entry(2, "start_min", whole(0, MINUTES_OF_DAY - 1)),
    Entry(3, "end_min", whole(1, MINUTES_OF_DAY)),
)
CALENDAR: Final = (
    Entry(1, "zone", _zone),
    Entry(2, "weekly", listed(32, mapped(HOURS, Hours))),
    Entry(3, "first_day", maybe(_day)),
    Entry(4, "last_day", maybe(_day)),
    Entry(5, "off_days", _rising(listed(400, _day))),
)
RECIPIENT: Final = (
    Entry(1, "name", _words(100)),
    Entry(2, "key", _parsed_key(RecipientKey.parse, "recipient key, as `anpr-central keygen` prints one")),
)
_verify_key: Final = _parsed_key(VerifyKey.parse, "verifying key, as ed25519:… or p256:…")
LIST: Final = (
    Entry(1, "name", _name),
    Entry(2, "key", _verify_key),
)
FEED: Final = (
    Entry(1, "name", _name),
    Entry(2, "purpose", _words(200)),
    Entry(3, "controller", _words(200)),
    Entry(4, "legal_basis", _words(400)),
    Entry(5, "recipients", listed(MOST_RECIPIENTS, mapped(RECIPIENT, Recipient))),
    Entry(6, "ack_key", _verify_key),
    Entry(7, "fields", _fields),
    Entry(8, "time_ms", whole(1, 86_400_000)),
    Entry(9, "place_m", whole(0, 100_000)),
    Entry(10, "calendar", mapped(CALENDAR, Calendar)),
    Entry(11, "reads", _kind),
    Entry(12, "min_confidence", probability),
    Entry(13, "share", probability),
    Entry(14, "waits_s", whole(60, LONGEST_WAIT_S)),
    Entry(15, "kept_days", maybe(whole(0, 36_500))),
    Entry(16, "most_per_minute", maybe(whole(1, 1_000_000))),
    Entry(17, "watch", maybe(mapped(LIST, ListTerms))),
    Entry(18, "first", _yes_or_no),
    Entry(19, "previews", _yes_or_no),
)


_feed_terms: Final = mapped(FEED, FeedTerms)


def _feed(value: object) -> Any:
    """A feed; what is wrong with it is said with its name, when it has one."""
    try:
        return _feed_terms(value)
    except Wrong as wrong:
        name = value.get(1) if isinstance(value, Mapping) else None
        raise Wrong(
            f"{name}.{wrong}" if isinstance(name, str) and NAME.fullmatch(name) else str(wrong)
        ) from None


_names: Final = _rising(listed(10_000, _name))
_second: Final = whole(0, LATEST_S)
POLICY: Final = (
    Entry(2, "fleet", _name),
    Entry(3, "version", whole(1, 2**53 - 1)),
    Entry(4, "issued_utc_s", _second),
    Entry(5, "from_utc_s", _second),
    Entry(6, "until_utc_s", _second),
    Entry(7, "units", _names),
    Entry(8, "groups", _names),
    Entry(9, "reason", _words(1000)),
    Entry(10, "feeds", listed(MOST_FEEDS, _feed)),
)
VERSION_KEY: Final = 1

_shape: Final = mapped((Entry(VERSION_KEY, "format", whole(1, 1)), *POLICY), lambda format, **rest: rest)


def policy_of(values: object) -> Policy:
    """The policy in a decoded map. Raises: Wrong, with the path of what is wrong and never its value."""
    policy = Policy(**_shape(values))
    wrong = _first_wrong(policy) or next(filter(None, map(_first_wrong_in_feed, policy.feeds)), "")
    if wrong:
        raise Wrong(wrong)
    return policy


def _first_wrong(policy: Policy) -> str:
    """What no single key shows, or nothing."""
    if policy.from_utc_s >= policy.until_utc_s:
        return "until_utc_s: not after from_utc_s"
    keepers = {(feed.watch.name, feed.watch.key) for feed in policy.feeds if feed.watch}
    if len(keepers) != len({name for name, _ in keepers}):
        return "feeds: one list has two keys"
    names = [feed.name for feed in policy.feeds]
    if names != sorted(set(names)):
        return "feeds: not in the order of their names, or one twice"
    return ""


def _first_wrong_in_feed(feed: FeedTerms) -> str:
    keys = [recipient.key for recipient in feed.recipients]
    calendar = feed.calendar
    if not keys:
        return f"feed {feed.name}: no recipient"
    if len(set(keys)) != len(keys):
        return f"feed {feed.name}: the same recipient twice"
    if (feed.reads == LISTED) != (feed.watch is not None):
        return f"feed {feed.name}: reads and list do not go together"
    if feed.previews and feed.share < 1:
        return f"feed {feed.name}: previews and a share do not go together, the two would be drawn apart"
    if any(not hours.days or hours.start_min == hours.end_min for hours in calendar.weekly):
        return f"feed {feed.name}: hours without a day or without length"
    if calendar.first_day and calendar.last_day and calendar.first_day > calendar.last_day:
        return f"feed {feed.name}: last_day is before first_day"
    return ""


def values_of(policy: Policy) -> dict[int, object]:
    """The map that `policy_of` reads; whether it is sound is for that to say."""
    plain = {entry.key: getattr(policy, entry.name) for entry in POLICY}
    lists = {7: list(policy.units), 8: list(policy.groups), 10: [_feed_values(f) for f in policy.feeds]}
    return {VERSION_KEY: FORMAT_VERSION, **plain, **lists}


def _feed_values(feed: FeedTerms) -> dict[int, object]:
    plain = {entry.key: getattr(feed, entry.name) for entry in FEED}
    return {
        **plain,
        5: [{1: one.name, 2: one.key} for one in feed.recipients],
        7: sorted(int(field) for field in feed.fields),
        10: _calendar_values(feed.calendar),
        12: to_probability(feed.min_confidence),
        13: to_probability(feed.share),
        17: None if feed.watch is None else {1: feed.watch.name, 2: feed.watch.key},
    }


def _calendar_values(calendar: Calendar) -> dict[int, object]:
    return {
        1: calendar.zone,
        2: [{1: list(h.days), 2: h.start_min, 3: h.end_min} for h in calendar.weekly],
        3: None if calendar.first_day is None else (calendar.first_day - _EPOCH).days,
        4: None if calendar.last_day is None else (calendar.last_day - _EPOCH).days,
        5: [(day - _EPOCH).days for day in calendar.off_days],
    }
