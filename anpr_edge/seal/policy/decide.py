"""Which feeds get a read: a function of the policy, the read and the moment it was made."""

from __future__ import annotations

from enum import StrEnum

from anpr_edge.records import PlateRead
from anpr_edge.seal.policy.calendar import local_time, runs_at
from anpr_edge.seal.policy.model import FeedTerms, Policy


class Ruling(StrEnum):
    """What becomes of a read for one feed. Values are stable: they are counted and shown."""

    GIVEN = "given"
    POLICY_NOT_VALID = "policy-not-valid"
    OUT_OF_HOURS = "out-of-hours"
    OTHER_READS = "other-reads"
    NOT_LISTED = "not-listed"
    NOT_SAMPLED = "not-sampled"
    OVER_CEILING = "over-ceiling"
    PAUSED = "paused"
    """By a command of the fleet's authority (docs/commands.md)."""


def ruling(policy: Policy, feed: FeedTerms, read: PlateRead) -> Ruling:
    """What the policy says of this read for this feed, before sampling and ceiling."""
    utc_ns = read.first.utc_ns
    if not policy.is_valid(utc_ns):
        return Ruling.POLICY_NOT_VALID
    if not runs_at(feed.calendar, local_time(utc_ns, feed.calendar.zone)):
        return Ruling.OUT_OF_HOURS
    if read.confidence < feed.min_confidence or (feed.reads == "syntax-valid" and read.syntax is None):
        return Ruling.OTHER_READS
    return Ruling.GIVEN
