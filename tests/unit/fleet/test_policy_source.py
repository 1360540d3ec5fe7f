"""A policy's source says what is meant, or is refused with the key that does not."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import PolicyError
from anpr_edge.fleet.policy_source import FIELD_NAMES, compile_source, load_source, parse_hours
from anpr_edge.seal.policy.model import ALWAYS_ON, CHOOSABLE, Calendar, Hours, Recipient
from anpr_edge.seal.policy.words import hours_text
from anpr_edge.seal.wire import Field
from anpr_edge.seal.wire_values import Wrong
from tests.vectors.keys import recipient, signer

RECIPIENT, ACK_KEY = recipient().public.text, signer("ack").public.text
SOURCE = f"""\
[policy]
fleet = "london"
version = 2
valid_from = 2026-12-01T01:00:00+01:00
valid_until = 2027-12-01T00:00:00Z
units = ["unit-2", "unit-1"]
reason = "because"

[feeds.charging]
purpose = "charging"
controller = "the authority"
legal_basis = "an Act"
ack_key = "{ACK_KEY}"
fields = ["place", "lane"]
time_step_s = 0.5
place_step_m = 20
reads = "syntax-valid"
min_confidence = 0.75
share = 0.5
most_per_minute = 10
waits_hours = 1.5
kept_days = 3
recipients = {{"The centre" = "{RECIPIENT}"}}

[feeds.charging.when]
zone = "Europe/London"
hours = ["Mon-Fri 07:00-18:00", "Sat,Sun 22:00-06:00"]
first_day = 2026-12-01
off_days = [2026-12-26, 2026-12-25]
"""


def data() -> dict[str, Any]:
    return tomllib.loads(SOURCE)


def test_everything_arrives_where_it_belongs() -> None:
    policy = compile_source(data(), 1_790_000_000)
    assert (policy.fleet, policy.version, policy.issued_utc_s) == ("london", 2, 1_790_000_000)
    assert (policy.from_utc_s, policy.until_utc_s) == (1_796_083_200, 1_827_619_200)
    assert (policy.units, policy.groups, policy.reason) == (("unit-1", "unit-2"), (), "because")
    (feed,) = policy.feeds
    assert (feed.name, feed.recipients) == ("charging", (Recipient("The centre", RECIPIENT),))
    assert (feed.fields, feed.time_ms, feed.place_m) == (frozenset({Field.FIX, Field.LANE}), 500, 20)
    assert (feed.reads, feed.min_confidence, feed.share) == ("syntax-valid", 0.75, 0.5)
    assert (feed.most_per_minute, feed.waits_s, feed.kept_days) == (10, 5400, 3)
    assert feed.calendar == Calendar(
        "Europe/London",
        (Hours((0, 1, 2, 3, 4), 420, 1080), Hours((5, 6), 1320, 360)),
        first_day=date(2026, 12, 1),
        off_days=(date(2026, 12, 25), date(2026, 12, 26)),
    )


def test_what_is_left_out_takes_nothing_away() -> None:
    values = data()
    feed = values["feeds"]["charging"]
    for name in ("time_step_s", "place_step_m", "reads", "min_confidence", "share", "most_per_minute"):
        del feed[name]
    del feed["kept_days"]
    feed["when"] = "always"
    (terms,) = compile_source(values, 0).feeds
    assert (terms.time_ms, terms.place_m, terms.reads, terms.min_confidence) == (1, 0, "all", 0.0)
    assert (terms.share, terms.most_per_minute, terms.kept_days) == (1.0, None, None)
    assert terms.calendar == ALWAYS_ON


def test_a_feed_can_be_off_and_a_policy_without_feeds() -> None:
    values = data()
    values["feeds"]["charging"]["when"] = "off"
    assert compile_source(values, 0).feeds[0].calendar.weekly == ()
    assert compile_source({"policy": values["policy"]}, 0).feeds == ()


def test_every_field_that_may_be_denied_has_a_name() -> None:
    assert set(FIELD_NAMES.values()) == CHOOSABLE


def put(*path: str, value: object) -> Callable[[dict[str, Any]], None]:
    def change(values: dict[str, Any]) -> None:
        for part in path[:-1]:
            values = values[part]
        if value is None:
            del values[path[-1]]
        else:
            values[path[-1]] = value

    return change


FEED = ("feeds", "charging")
FAULTS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "no policy": (put("policy", value=None), "source.policy: missing"),
    "an unknown section": (put("feed", value={}), "source.feed: unknown; did you mean feeds"),
    "no reason": (put("policy", "reason", value=None), "policy.reason: missing"),
    "a misspelt key": (put("policy", "unit", value=[]), "policy.unit: unknown; did you mean units"),
    "a date without a zone": (
        put("policy", "valid_from", value=data()["policy"]["valid_from"].replace(tzinfo=None)),
        "policy.valid_from: needs a time zone",
    ),
    "text for a number": (put("policy", "version", value="2"), "policy.version: needs int, not str"),
    "true for a number": (put("policy", "version", value=True), "policy.version: needs int, not bool"),
    "no legal basis": (put(*FEED, "legal_basis", value=None), "feeds.charging.legal_basis: missing"),
    "an empty purpose": (put(*FEED, "purpose", value=""), "feeds.charging.purpose: not printable text"),
    "an unknown field": (put(*FEED, "fields", value=["colour"]), "charging.fields: colour is none of"),
    "a share above one": (put(*FEED, "share", value=50), "feeds.charging.share: not from 0 to 1"),
    "no time": (put(*FEED, "time_step_s", value=0), "feeds.charging.time_ms: not a whole number"),
    "a list to come": (
        put(*FEED, "reads", value="vehicles-of-interest"),
        "reads and list do not go together",
    ),
    "no calendar": (put(*FEED, "when", value="sometimes"), 'when: needs "always", "off" or'),
    "no such zone": (put(*FEED, "when", "zone", value="Europe/Atlantis"), "calendar.zone: not a time zone"),
    "a placeholder": (put(*FEED, "ack_key", value="ed25519:PUT"), "charging.ack_key: not a usable"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_key(fault: str) -> None:
    change, words = FAULTS[fault]
    values = data()
    change(values)
    with pytest.raises(Wrong, match=words):
        compile_source(values, 0)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("Mon 00:00-24:00", Hours((0,), 0, 1440)),
        ("Mon-Sun 09:30-10:00", Hours((0, 1, 2, 3, 4, 5, 6), 570, 600)),
        ("Sat-Mon 22:00-06:00", Hours((0, 5, 6), 1320, 360)),
        ("Mon,Wed-Thu,Sun 01:30-00:05", Hours((0, 2, 3, 6), 90, 5)),
        ("Fri 22:00-00:00", Hours((4,), 1320, 1440)),
    ],
)
def test_hours(text: str, hours: Hours) -> None:
    assert parse_hours(text) == hours
    assert parse_hours(hours_text(hours)) == hours


@pytest.mark.parametrize(
    "text", ["", "Mon", "Mon 7:00-8:00", "Mo 07:00-08:00", "Mon 07:00-25:00", "Mon-Xyz 07:00-08:00"]
)
def test_what_are_no_hours(text: str) -> None:
    with pytest.raises(Wrong):
        parse_hours(text)


def test_a_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    with pytest.raises(PolicyError, match=r"policy\.toml: No such file"):
        load_source(file, 0)
    file.write_text("[policy\n")
    with pytest.raises(PolicyError, match=r"policy\.toml: not TOML"):
        load_source(file, 0)
    file.write_text("[policy]\n")
    with pytest.raises(PolicyError, match=r"policy\.toml: policy\.fleet: missing"):
        load_source(file, 0)
