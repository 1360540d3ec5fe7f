"""What the running uplink says of its broker, its feeds, its identity, its certificate and its budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.statefile import read_state
from anpr_edge.uplink.reasons import Cause

BROKER_USED = Condition(
    code="uplink-broker",
    title="The uplink uses the broker it prefers",
    severity=Severity.DELIVERY,
    explanation=(
        "While the first broker fails, a standby is used, and the first one is tried from time to time. "
        "Reads "
        "arrive all the same when the centre hears that one too; the next failure finds one broker less."
    ),
    depends_on=("service-uplink",),
    next_step="anpr-edge doctor broker says what is wrong with the preferred one",
)
ACCEPTED = Condition(
    code="uplink-accepted",
    title="The broker takes this unit as a client",
    severity=Severity.DELIVERY,
    explanation=(
        "TLS may succeed and the broker still refuse the client or its subscriptions: by its access list, "
        "a ban, "
        "or because it carries QoS 0 only, which answers nothing. It says so with a reason code."
    ),
    depends_on=("service-uplink",),
    next_step="is the unit in the broker's access list? does the broker's log name its certificate?",
)
IDENTITY = Condition(
    code="uplink-identity",
    title="No other client uses this unit's identity",
    severity=Severity.DELIVERY,
    explanation=(
        "Two clients with one name and key end each other's connection. A card that was copied does that, "
        "and so "
        "does a stolen key. The unit stays away for one to three minutes each time, so as not to quarrel."
    ),
    depends_on=("service-uplink",),
    next_step="find the copy of this unit's card; if there is none, give it a new identity: anpr-edge init",
)
FEEDS = Condition(
    code="uplink-feeds",
    title="The broker takes the reads of every feed",
    severity=Severity.DELIVERY,
    explanation=(
        "A feed whose reads the broker does not let this unit write is held: one read tries again after "
        "15 seconds, then less and less often, up to an hour; the other feeds go on. The held reads wait "
        "in the outbox."
    ),
    depends_on=("service-uplink",),
    next_step="let this unit write these feeds in the broker's access list: anpr-fleet broker config",
)
SIZE = Condition(
    code="uplink-size",
    title="The broker carries reads of every size",
    severity=Severity.READS,
    explanation=(
        "A read larger than the broker's maximum packet size is set aside and tried again after six hours; "
        "the queue goes on. It is lost when its feed's retention ends before somebody has changed the broker."
    ),
    depends_on=("service-uplink",),
    next_step="raise max_packet_size at the broker: 65536 carries every read",
)
CERTIFICATE_USED = Condition(
    code="uplink-certificate",
    title="The uplink uses the certificate that lies there",
    severity=Severity.DELIVERY,
    explanation=(
        "New files are taken without a restart. A pair that does not fit together, or is for another "
        "unit, from "
        "another authority or out of date, is left alone and the old one stays in use until the next restart."
    ),
    depends_on=("service-uplink", "certificate", "certificate-dates"),
    next_step=(
        "put a certificate and its own key there together; anpr-edge doctor keys says what does not fit"
    ),
)
BUDGET = Condition(
    code="uplink-budget",
    title="The day's bytes suffice",
    severity=Severity.DELIVERY,
    explanation=(
        "From four fifths of uplink.daily_megabytes on the backlog waits for the next day (UTC) and "
        "health is told "
        "every quarter of an hour; live reads go on. What counts are IP packets of the connection, both ways."
    ),
    depends_on=("service-uplink",),
    next_step="wait for midnight UTC, or raise uplink.daily_megabytes; a bad link sends much twice",
)

REFUSED = frozenset({Cause.NOT_AUTHORISED, Cause.SUBSCRIPTION, Cause.QOS})

State = Mapping[str, Any]


def run(subject: Subject) -> Iterator[Finding]:
    """One finding for each, from the uplink's state."""
    state = read_state(subject.config.unit.run_dir / "uplink.json") or {}
    link = state.get("link", {})
    yield _broker_used(state.get("broker") or {})
    yield _accepted(link)
    yield _identity(link)
    yield _feeds((state.get("shaping") or {}).get("held") or {})
    yield _size(state)
    yield _certificate(state.get("certificate") or {})
    yield _budget(state.get("traffic") or {})


def _broker_used(broker: State) -> Finding:
    where = broker.get("address", "not chosen yet")
    if broker.get("on_standby"):
        step = f"anpr-edge doctor broker says what is wrong with {broker['preferred']}"
        measured = f"{where}, after {broker['failovers']} changes"
        return warn(BROKER_USED, measured, limit=str(broker["preferred"]), next_step=step)
    return ok(BROKER_USED, str(where))


def _accepted(link: State) -> Finding:
    cause = link.get("cause", "")
    if cause in REFUSED:
        return fail(ACCEPTED, f"{cause}: {link.get('detail', '')}")
    return ok(ACCEPTED, "connected" if link.get("connected") else "not refused")


def _identity(link: State) -> Finding:
    if Cause.TAKEN_OVER in (link.get("cause"), link.get("last_cause")):
        return fail(IDENTITY, "the broker gave our session to another client")
    return ok(IDENTITY, "none met")


def _feeds(held: State) -> Finding:
    if not held:
        return ok(FEEDS, "no feed held")
    shown = ", ".join(
        f"{feed} refused (MQTT reason {one['reason_code']}) for {one['for_s'] / 60:.0f} min"
        for feed, one in held.items()
    )
    return fail(FEEDS, shown)


def _size(state: State) -> Finding:
    count = state.get("set_aside", 0)
    if not count:
        return ok(SIZE, "none set aside")
    last = ", ".join(f"{one['feed']}#{one['seq']}" for one in state.get("set_aside_last", ()))
    return fail(SIZE, f"{count} set aside, last {last}", limit="0")


def _certificate(certificate: State) -> Finding:
    if trouble := certificate.get("trouble"):
        until = certificate.get("until") or "an unknown time"
        return fail(CERTIFICATE_USED, f"{trouble}; in use is the one until {until}")
    return ok(CERTIFICATE_USED, f"until {certificate.get('until') or 'an unknown time'}")


def _budget(traffic: State) -> Finding:
    used_mb = traffic.get("today_bytes", 0) / 1e6
    limit_bytes = traffic.get("limit_bytes")
    if limit_bytes is None:
        return ok(BUDGET, f"{used_mb:.1f} MB today, not limited")
    limit = f"{limit_bytes / 1e6:.1f} MB"
    if traffic.get("budget") == "spent":
        return fail(BUDGET, f"{used_mb:.1f} MB today, only live reads go", limit=limit)
    if traffic.get("budget") == "saving":
        return warn(BUDGET, f"{used_mb:.1f} MB today, the backlog waits", limit=limit)
    return ok(BUDGET, f"{used_mb:.1f} MB today", limit=limit)


CHECK = Check("uplink", (BROKER_USED, ACCEPTED, IDENTITY, FEEDS, SIZE, CERTIFICATE_USED, BUDGET), run)
