"""The uplink service: sealed reads from the outbox to the broker. It sees only ciphertext.

A read is *sent* when the broker accepts it and *gone* when the centre's signed watermark covers it.
The outbox owns every retry; nothing waits in the MQTT library.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from threading import Event

from anpr_edge.daemon.health import Counters
from anpr_edge.daemon.policywatch import PolicyWatch
from anpr_edge.daemon.state import StateReport
from anpr_edge.daemon.traffic import Traffic
from anpr_edge.daemon.uplinkdesk import UplinkDesk
from anpr_edge.daemon.watchdog import Watchdog
from anpr_edge.dailycounts import SENT, DailyCounts
from anpr_edge.errors import AnprError, OutboxBroken, OutboxError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Delivery, LinkState, SignedMessage
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.ownacks import open_own_ack
from anpr_edge.seams import Clock, Notifier, Uplink
from anpr_edge.uplink.meter import Wire
from anpr_edge.uplink.shaper import Shaper

log = logging.getLogger(__name__)

POLL_S = 0.1
RETRY_S = 1.0
HEALTH_EVERY_S = 60.0
SAVING_HEALTH_EVERY_S = 900.0
"""Health takes more bytes than most reads do: on a link whose budget is nearly spent it is told seldom."""

COUNTED = ("published", "accepted", "refused", "acks_refused", "set_aside")

SET_ASIDE_SHOWN = 10
"""How many of the reads that no broker can carry the state names."""


class UplinkService:
    """Drives one uplink from one outbox until `stop`.

    `unit_kid` names the key the reader signs with; `ack_keys` are the keys whose watermarks count, one for
    each feed; `shaper` says what may go out; `traffic` counts what `wire` says the link has carried;
    `publish_health` sends the state, which holds no plate, and says whether it could; `daily` has what the
    broker took, by day; `link_state` is what more the uplink says of itself;
    `commands` takes the fleet authority's; `watchdog` hears the uplink's threads. `start_again` says that it
    ended to be started again.
    """

    def __init__(
        self,
        outbox: SqliteOutbox,
        uplink: Uplink,
        clock: Clock,
        notifier: Notifier,
        report: StateReport,
        *,
        fleet: str,
        unit: str,
        unit_kid: bytes,
        ack_keys: Mapping[str, VerifyKey],
        shaper: Shaper,
        traffic: Traffic,
        publish_health: Callable[[Mapping[str, object]], bool],
        daily: DailyCounts,
        wire: Callable[[], Wire] = Wire,
        link_state: Callable[[], Mapping[str, object]] = dict,
        commands: UplinkDesk | None = None,
    ) -> None:
        self._outbox = outbox
        self._uplink = uplink
        self._clock = clock
        self._notifier = notifier
        self._report = report
        self._fleet = fleet
        self._unit = unit
        self._unit_kid = unit_kid
        self._ack_keys = ack_keys
        self._shaper = shaper
        self._traffic = traffic
        self._wire = wire
        self._link_state = link_state
        self._publish_health = publish_health
        self._daily = daily
        self._commands = commands
        self.watchdog = Watchdog("uplink", clock, notifier)
        self.watchdog.stages.suspend("link")  # until it gives its first sign of life
        self.start_again = False
        self._health_due_ns = clock.now().mono_ns
        self._stop = Event()
        self._in_flight: set[tuple[str, int]] = set()
        self._link = LinkState(False, "not connected yet")
        self._link_since_ns = clock.now().mono_ns
        self._counts = Counters()
        self._watermarks: dict[str, int] = {}
        self._set_aside: deque[dict[str, object]] = deque(maxlen=SET_ASIDE_SHOWN)
        self._last_cause = ""
        self._outbox_trouble = ""

    def stop(self) -> None:
        """End after the current turn. Safe in a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Block until stopped.

        Raises: UplinkError when the broker can never be used as configured; OutboxBroken when the outbox
        has to be begun anew, which takes that nobody has it open.
        """
        self._uplink.start()
        self._notifier.ready()
        ending = "failed"
        try:
            while not self._stop.is_set():
                self._turn()
            ending = "stopped"
        finally:
            self._notifier.stopping()
            self._report.write(self._state("stopping"), force=True)
            self._uplink.stop()
            self._daily.close()
            self._traffic.update(self._wire())
            self._traffic.save(closing=True)
            self._link, self._link_since_ns = LinkState(False, ending), self._clock.now().mono_ns
            self._report.write(self._state(ending), force=True)
            if self._commands is not None:
                self._commands.close()

    def _turn(self) -> None:
        try:
            self._outbox.check()
            self._take(self._uplink.events(POLL_S))
            self._traffic.update(self._wire())
            if self._link.connected:
                self._publish_due()
        except OutboxBroken:
            raise  # ends this service, so that the outbox can be begun anew
        except OutboxError as error:
            log.error("outbox: %s", error)
            self._clock.sleep(RETRY_S)
        self.watchdog.feed()
        self._daily.save_if_due()
        self._traffic.save()
        self._heed_commands()
        state = self._report.write(self._state("running"))
        if state is not None and self._health_due_ns <= self._clock.now().mono_ns:
            self._tell_health(state)

    def watch_policy(self, watch: PolicyWatch, look_every_s: float) -> None:
        """End when `watch` has news; a watch that hangs counts as a stage that does."""
        watch.start(self.stop, look_every_s, self.watchdog.stages)

    def _heed_commands(self) -> None:
        if self._commands is None:
            return
        if self._commands.turn(connected=self._link.connected):
            self.start_again = True
            self._stop.set()
        if self._commands.health_wanted:
            self._commands.health_wanted = False
            self._health_due_ns = self._clock.now().mono_ns

    # ── up ──────────────────────────────────────────────────────────────────────────────────

    def _publish_due(self) -> None:
        """Hand over what may go now: live reads, and of the backlog as many as its rate allows."""
        allowed = self._shaper.allowance()
        room, backlog = allowed.unanswered - len(self._in_flight), allowed.backlog
        if room <= 0:
            return
        for entry in self._outbox.due(room + backlog + len(self._in_flight), held=allowed.held):
            read = entry.read
            waits = (not entry.live and backlog <= 0) or self._shaper.is_held(read.feed)
            if room <= 0 or waits or (read.feed, read.seq) in self._in_flight:
                continue
            room, backlog = room - 1, backlog - (not entry.live)
            self._in_flight.add((read.feed, read.seq))
            self._counts.add("published")
            self._shaper.sent(entry)
            self._uplink.publish(read)

    # ── down ────────────────────────────────────────────────────────────────────────────────

    def _take(self, events: Sequence[Delivery | SignedMessage | LinkState]) -> None:
        """Heed every event, also when the outbox cannot record the deliveries among them."""
        deliveries = [event for event in events if isinstance(event, Delivery)]
        try:
            if deliveries:
                self._delivered(deliveries)
        finally:
            for event in events:
                if isinstance(event, LinkState):
                    self._link_changed(event)
                elif isinstance(event, SignedMessage) and event.kind == "ack":
                    self._acknowledged(event)
                elif isinstance(event, SignedMessage) and self._commands is not None:
                    self._commands.take(event)

    def _delivered(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._in_flight.discard((delivery.feed, delivery.seq))
            self._counts.add("accepted" if delivery.accepted else "refused")
            self._shaper.answered(delivery)
            if delivery.accepted:
                self._daily.add(delivery.feed, SENT)
            elif delivery.too_large:
                self._set_read_aside(delivery)
            else:
                log.warning(
                    "%s#%d refused: MQTT reason %d", delivery.feed, delivery.seq, delivery.reason_code
                )
        self._outbox.record(deliveries)

    def _set_read_aside(self, delivery: Delivery) -> None:
        self._counts.add("set_aside")
        self._set_aside.append({"feed": delivery.feed, "seq": delivery.seq})
        log.error("%s#%d set aside: the broker takes no packet of its size", delivery.feed, delivery.seq)

    def _link_changed(self, link: LinkState) -> None:
        """What was in flight on a lost connection is simply due again."""
        if link.connected:
            self._shaper.connected(link.broker)
        else:
            self._in_flight.clear()
            self._shaper.lost(link.cause)
            self._last_cause = link.cause or self._last_cause
        if link.connected != self._link.connected:
            self._link_since_ns = self._clock.now().mono_ns
        if link != self._link:
            log.log(logging.INFO if link.connected else logging.WARNING, "broker: %s", link.detail)
            self._notifier.status(link.detail)
        self._link = link

    def _acknowledged(self, message: SignedMessage) -> None:
        """Act on a watermark only when its feed's own recipient signed it for this unit and its key."""
        feed = message.name
        try:
            key = self._ack_keys.get(feed)
            if key is None:
                raise AnprError("no such feed on this unit")
            ack = open_own_ack(
                message.payload, key, fleet=self._fleet, unit=self._unit, feed=feed, unit_kid=self._unit_kid
            )
            self._outbox.settle(feed, ack.watermark, ack.gaps)
        except OutboxBroken:
            raise
        except AnprError as error:
            self._counts.add("acks_refused")
            log.warning("watermark for %s refused: %s", feed, error)
        else:
            self._watermarks[feed] = ack.watermark
            self._shaper.confirmed(feed, ack.watermark)

    # ── what it says of itself ──────────────────────────────────────────────────────────────

    def _state(self, state: str) -> dict[str, object]:
        counts = self._counts.state()
        since_s = (self._clock.now().mono_ns - self._link_since_ns) / 1e9
        return {
            "state": state,
            **self.watchdog.state(),
            "link": {
                "connected": self._link.connected,
                "detail": self._link.detail,
                "since_s": round(since_s, 1),
                "cause": self._link.cause,
                "last_cause": self._last_cause,
            },
            **{name: counts.get(name, 0) for name in COUNTED},
            "set_aside_last": list(self._set_aside),
            "shaping": self._shaper.state(),
            "traffic": self._traffic.state(),
            **self._link_state(),
            "acked": dict(self._watermarks),
            "outbox": self._outbox_state(),
            "outbox_trouble": self._outbox_trouble,
            "outbox_rebuilds": self._outbox.rebuilds,
            "commands": {} if self._commands is None else self._commands.state(),
        }

    def _tell_health(self, state: Mapping[str, object]) -> None:
        """Publish how the unit is; without a connection it is tried again with the next state."""
        if self._link.connected and self._publish_health(state):
            every_s = SAVING_HEALTH_EVERY_S if self._traffic.is_nearly_spent() else HEALTH_EVERY_S
            self._health_due_ns = self._clock.now().mono_ns + round(every_s * 1e9)

    def _outbox_state(self) -> dict[str, dict[str, object]]:
        try:
            stats = self._outbox.stats()
        except OutboxError as error:
            self._outbox_trouble = str(error)
            return {}
        self._outbox_trouble = ""
        return {
            feed: {
                "waiting": s.waiting,
                "sent": s.sent,
                "oldest_age_s": s.oldest_age_s,
                "dropped": dict(s.dropped),
                "restarts": s.restarts,
                "losses": [asdict(loss) for loss in s.losses],
                "losses_unconfirmed": s.losses_unconfirmed,
            }
            for feed, s in stats.items()
        }
