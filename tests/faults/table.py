"""Every fault that is done to the fleet, as one table: what it is, how it is done, what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.places import CARD, CLOCK, NETWORK
from tests.faults.strikes import (
    EXPIRED,
    GONE,
    READ_ONLY,
    REFUSED,
    SILENT,
    UNKEPT,
    Strike,
    card_read_only,
    crash_store,
    delay,
    expire_broker,
    expire_centre,
    expire_unit,
    fill_card,
    fill_centre,
    forget_all,
    kill,
    leave_half_open,
    lose_all_packets,
    lose_link,
    lose_packets,
    queue_little,
    refuse,
    step_clock,
    stutter,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One row.

    `traces` are words that a service, or one of several, has to say: a fault nobody notices is none. Only
    what `loses` may cost reads, reported with their cause. No two that take the same thing are done at once.
    """

    name: str
    does: str
    strike: Strike
    needs: tuple[str, ...] = ()
    traces: tuple[tuple[str, str], ...] = ()
    loses: bool = False
    takes: str = ""


FAULTS = (
    Fault("writer killed", "kill -9, three times", kill("writer", 3)),
    Fault("uplink killed", "kill -9, three times", kill("uplink", 3)),
    Fault(
        "broker killed",
        "kill -9, twice: loses what it accepted since it last saved",
        kill("broker", 2),
        traces=(("uplink", GONE),),
    ),
    Fault("centre killed", "kill -9 of the subscriber, three times", kill("centre", 3)),
    Fault("store crashed", "kill -9, and a line is left half written", crash_store),
    Fault("unit's link lost", "broken and refused, twice", lose_link(0), traces=(("uplink", GONE),)),
    Fault(
        "centre's link lost", "broken and refused, twice", lose_link(1), traces=(("centre", "reset|hung up"),)
    ),
    Fault(
        "unit's link half-open",
        "nothing passes, nobody is told",
        leave_half_open(0),
        traces=(("uplink", SILENT),),
    ),
    Fault(
        "centre's link half-open",
        "nothing passes, nobody is told",
        leave_half_open(1),
        traces=(("centre", SILENT),),
    ),
    Fault("2 s delay", "every byte of both links comes 2 s late, each way", delay),
    Fault("links in fits", "every fifth chunk waits up to 1.5 s", stutter),
    Fault("30 % packet loss", "of every TCP packet, between all", lose_packets, (NETWORK,)),
    Fault("no packet passes", "all dropped, nobody is told", lose_all_packets, (NETWORK,)),
    Fault("broker forgets", "accepts for an absent centre, then loses its disk", forget_all),
    Fault("broker's queue full", "keeps 10 messages for an absent centre, accepts all", queue_little),
    Fault(
        "broker refuses",
        "the unit may not publish for a while",
        refuse,
        traces=(("uplink", REFUSED),),
    ),
    Fault(
        "unit's disk full",
        "not a byte free, twice",
        fill_card,
        (CARD,),
        traces=(("writer|centre", UNKEPT),),
        loses=True,
        takes="card",
    ),
    Fault(
        "unit's disk read-only",
        "found so after a restart",
        card_read_only,
        (CARD,),
        traces=(("writer", READ_ONLY), ("uplink", READ_ONLY)),
        takes="card",
    ),
    Fault(
        "centre's disk full",
        "not a byte free",
        fill_centre,
        (CARD,),
        traces=(("centre", "cannot keep reads: No space"),),
    ),
    Fault("clock steps", "a day back, a day forth, and home", step_clock, (CLOCK,)),
    Fault(
        "unit's certificate expired",
        "refused until it has a new one",
        expire_unit,
        traces=(("uplink", EXPIRED),),
    ),
    Fault(
        "broker's certificate expired",
        "refused by all until it has a new one",
        expire_broker,
        traces=(("uplink", EXPIRED), ("centre", EXPIRED)),
    ),
    Fault(
        "centre's certificate expired",
        "refused until it has its own again",
        expire_centre,
        traces=(("centre", EXPIRED),),
    ),
)
