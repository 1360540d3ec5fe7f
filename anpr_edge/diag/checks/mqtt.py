"""Does the broker take us and what we publish, does the centre confirm? For `netcheck`: it publishes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError, EnvelopeError
from anpr_edge.seal.acks import Ack
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.ownacks import open_own_ack
from anpr_edge.unitpolicy import in_force
from anpr_edge.uplink.link import LinkOptions
from anpr_edge.uplink.netcheck import Heard, Probe
from anpr_edge.uplink.tls import Credentials

CONFIRMED_WITHIN_S = 600.0
"""The uplink offers a sent read again after so long; a centre that works confirms within seconds."""

FAILURE = 0x80
"""Source: MQTT 5.0 §2.4: reason codes from here on are failures."""

CONNECT = Condition(
    code="mqtt-connect",
    title="The broker takes the unit as an MQTT client",
    severity=Severity.DELIVERY,
    explanation=(
        "After TLS the broker decides whether it wants this client. It knows it by the name in its "
        "certificate."
    ),
    depends_on=("broker-tls",),
    next_step="the broker's log says why; is the unit in its access list, does it speak MQTT 5?",
)
PUBLISH = Condition(
    code="mqtt-publish",
    title="The broker takes what the unit publishes",
    severity=Severity.DELIVERY,
    explanation=(
        "A small message on the unit's own topic reply/netcheck is published and has to be answered. A "
        "broker that refuses it has no such unit in its access list, and refuses reads as well."
    ),
    depends_on=("mqtt-connect",),
    next_step="write the broker's access list anew: anpr-fleet broker config",
)
WATERMARK = Condition(
    code="centre-watermark",
    title="Every feed's centre confirms what it has",
    severity=Severity.DELIVERY,
    explanation=(
        "Each feed's centre leaves a signed watermark at the broker: it has all reads up to a number. "
        "Without one that is for this unit and its signing key, nothing ever leaves the outbox."
    ),
    depends_on=("mqtt-connect", "sign-pub", "policy"),
    next_step="ask the feed's centre: does it run with --store, and does its list of units have this key?",
)


def run(subject: Subject) -> Iterator[Finding]:
    """One conversation, each step of it timed."""
    config = subject.config
    try:
        feeds = {feed.name: VerifyKey.parse(feed.ack_key) for feed in in_force(config).feeds}
    except AnprError:
        feeds = {}
    heard = _probe(subject, tuple(feeds))
    if heard.connected_ms is None:
        yield fail(CONNECT, heard.why or "no answer")
        return
    yield ok(CONNECT, f"MQTT 5 with TLS, {heard.connected_ms:.0f} ms")
    yield _publish(heard)
    yield _watermarks(subject, feeds, heard.retained)


def _probe(subject: Subject, feeds: tuple[str, ...]) -> Heard:
    unit, broker = subject.config.unit, subject.config.broker
    options = LinkOptions(
        host=broker.host,
        port=broker.port,
        credentials=Credentials(broker.ca_file, broker.cert_file, broker.key_file),
        client_id=f"{unit.fleet}.{unit.id}.netcheck",
        keep_alive_s=broker.keep_alive_s,
    )
    return Probe(options, unit.fleet, unit.id, feeds, subject.clock).run()


def _publish(heard: Heard) -> Finding:
    if heard.reason_code is None:
        return fail(PUBLISH, heard.why or "the broker does not answer a publish")
    if heard.reason_code >= FAILURE:
        return fail(PUBLISH, f"refused: MQTT reason 0x{heard.reason_code:02x}")
    return ok(PUBLISH, f"PUBACK after {heard.answered_ms:.0f} ms")


def _watermarks(subject: Subject, feeds: Mapping[str, VerifyKey], retained: Mapping[str, bytes]) -> Finding:
    """The first feed whose centre does not confirm, else all of them."""
    if not feeds:
        return absent(WATERMARK, "no feed is in force")
    try:
        unit_kid = VerifyKey.load(subject.config.unit.keys_dir / "sign.pub").kid
    except AnprError as error:
        return not_checked(WATERMARK, str(error), next_step=error.hint)
    unit, outbox = subject.config.unit, subject.state("uplink").get("outbox", {})
    words = []
    for feed, key in feeds.items():
        kept = outbox.get(feed, {})
        if feed not in retained:
            if kept.get("waiting") or kept.get("sent"):
                return fail(WATERMARK, f"{feed}: its centre has never confirmed a read of this unit")
            words.append(f"{feed}: nothing to confirm yet")
            continue
        try:
            ack = open_own_ack(
                retained[feed], key, fleet=unit.fleet, unit=unit.id, feed=feed, unit_kid=unit_kid
            )
        except EnvelopeError as error:
            return fail(WATERMARK, f"{feed}: {error}")
        if _is_behind(kept):
            age = f"{kept['sent']} sent, the oldest kept {kept['oldest_age_s'] / 60:.0f} min ago"
            limit = f"{CONFIRMED_WITHIN_S / 60:.0f} min"
            return fail(WATERMARK, f"{feed}: up to #{ack.watermark} only, {age}", limit=limit)
        words.append(f"{feed}: up to #{ack.watermark}, {_age(subject, ack)}")
    return ok(WATERMARK, "; ".join(words))


def _is_behind(kept: Mapping[str, Any]) -> bool:
    return bool(kept.get("sent")) and (kept.get("oldest_age_s") or 0.0) > CONFIRMED_WITHIN_S


def _age(subject: Subject, ack: Ack) -> str:
    return f"signed {max(0.0, (subject.clock.now().utc_ns - ack.issued_utc_ns) / 1e9):.0f} s ago"


CHECK = Check("mqtt", (CONNECT, PUBLISH, WATERMARK), run)
