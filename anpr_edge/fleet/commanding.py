"""Sends one signed command to units over the broker, and gathers what they reply."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import JSONDecodeError, loads
from typing import Any, Final

from anpr_edge.errors import SealError, UplinkError
from anpr_edge.seal.certificates import Certificate
from anpr_edge.seal.commandbook import BOOK, acting
from anpr_edge.seal.commands import Command
from anpr_edge.seal.replies import open_reply
from anpr_edge.seams import Clock
from anpr_edge.uplink import topics
from anpr_edge.uplink.link import Limits, Link, LinkOptions, Message

FIND_UNITS_S: Final = 2.0
"""How long retained statuses may take to arrive when a command is for a group or the whole fleet."""

NO_MATCHING_SUBSCRIBERS: Final = 0x10
FAILURE: Final = 0x80
"""Source: MQTT 5.0 §2.4."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One service's reply, or why there is none to be believed (`by` and `outcome` are empty then)."""

    unit: str
    by: str
    outcome: str
    says: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Answered:
    mid: int
    reason_code: int


_Event = Message | _Answered | str | None


class Commander:
    """One connection of a commander. `authority` is whose certificates units show in their replies."""

    def __init__(self, options: LinkOptions, authority: Certificate, clock: Clock) -> None:
        self._authority = authority
        self._clock = clock
        self._happened: queue.Queue[_Event] = queue.Queue()
        self._most = 1
        self.left_out: tuple[str, ...] = ()
        """Units that were not asked: retired, and away."""

        self._link = Link(options, self, clock)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commander", daemon=True)

    def send(
        self,
        command: Command,
        blob: bytes,
        units: Sequence[str],
        wait_s: float,
        *,
        retired: Collection[str] = (),
    ) -> Iterator[Reply]:
        """Publish the command, and give replies as they come, for `wait_s` seconds at most.

        Without `units` it goes to those that the broker knows and the command is for, but for the `retired`
        ones of which only an old status is left there.

        Raises: UplinkError when the broker cannot be reached, refuses us, or hangs up.
        """
        self._thread.start()
        try:
            self._await_connection()
            fleet = command.fleet
            self._link.subscribe([topics.reply(fleet, "+", command.name)])
            yield from self._exchange(command, blob, units or self._units_for(command, retired), wait_s)
        finally:
            self._stopping.set()
            self._thread.join(5.0)

    def _await_connection(self) -> None:
        event = self._next(self._clock.now().mono_ns + 20 * 10**9)
        while isinstance(event, Message | _Answered):
            event = self._next(self._clock.now().mono_ns + 20 * 10**9)
        if event != "up":
            raise UplinkError(event or "the broker does not answer", hint="check --host, --port and --home")

    def _units_for(self, command: Command, retired: Collection[str]) -> Sequence[str]:
        """The units whose status is kept at the broker, and that the command is for."""
        self._link.subscribe([topics.status(command.fleet, "+")])
        until_ns = self._clock.now().mono_ns + round(FIND_UNITS_S * 1e9)
        found: dict[str, bool] = {}
        while (event := self._next(until_ns)) is not None:
            if isinstance(event, Message):
                unit, status = event.topic.split("/")[3], _status(event.payload)
                if command.is_for(command.fleet, unit, _groups(status)):
                    found[unit] = status.get("state") == "offline"
        self.left_out = tuple(sorted(unit for unit, away in found.items() if away and unit in retired))
        return sorted(found.keys() - set(self.left_out))

    def _exchange(
        self, command: Command, blob: bytes, units: Sequence[str], wait_s: float
    ) -> Iterator[Reply]:
        sent: dict[int, str] = {}
        waiting, unanswered = list(units), 0
        open_ends = {(unit, by) for unit in units for by in acting(command)}
        until_ns = self._clock.now().mono_ns + round(wait_s * 1e9)
        while open_ends:
            while waiting and unanswered < self._most:
                unit = waiting.pop(0)
                sent[self._publish(command, blob, unit, until_ns)] = unit
                unanswered += 1
            event = self._next(until_ns)
            if event is None:
                break
            unanswered -= isinstance(event, _Answered) and event.mid in sent
            for reply in self._heard(event, command, sent):
                if not reply.by:
                    open_ends -= {end for end in open_ends if end[0] == reply.unit}
                elif reply.outcome != "accepted" or not BOOK[command.name].later:
                    open_ends.discard((reply.unit, reply.by))
                yield reply
        for unit, by in sorted(open_ends):
            yield Reply(unit, by, "silent", f"no word within {wait_s:.0f} s", {})

    def _publish(self, command: Command, blob: bytes, unit: str, until_ns: int) -> int:
        """The broker keeps it for a unit that is away only for as long as somebody waits for the reply."""
        now = self._clock.now()
        left_s = min(command.expires_utc_s - now.utc_ns // 10**9, (until_ns - now.mono_ns) // 10**9)
        return self._link.publish(
            topics.command(command.fleet, unit, command.name),
            blob,
            content_type=topics.READS_CONTENT_TYPE,
            expiry_s=max(1, left_s),
            response_topic=topics.reply(command.fleet, unit, command.name),
            correlation=command.request,
        )

    def _heard(self, event: _Event, command: Command, sent: Mapping[int, str]) -> Iterator[Reply]:
        if isinstance(event, _Answered) and event.mid in sent:
            if event.reason_code == NO_MATCHING_SUBSCRIBERS:
                yield Reply(sent[event.mid], "", "silent", "it is not connected", {})
            elif event.reason_code >= FAILURE:
                why = f"the broker refuses the command: reason {event.reason_code}"
                yield Reply(sent[event.mid], "", "silent", why, {})
        elif isinstance(event, Message) and event.correlation == command.request:
            unit = event.topic.split("/")[3]
            try:
                said = open_reply(event.payload, self._authority, unit)
            except SealError as error:
                yield Reply(unit, "", "silent", str(error), {})
                return
            if said.get("request") == command.request.hex():
                yield Reply(unit, str(said.get("by")), str(said.get("outcome")), str(said.get("says")), said)
        elif isinstance(event, str):
            raise UplinkError(event)

    def _next(self, until_ns: int) -> _Event:
        """What happens next; None when nothing does in time."""
        left_s = (until_ns - self._clock.now().mono_ns) / 1e9
        try:
            return self._happened.get(timeout=max(0.0, left_s))
        except queue.Empty:
            return None

    def _run(self) -> None:
        self._happened.put(self._link.run(self._stopping))

    # ── what the link says, from its own thread ────────────────────────────────────────────

    def up(self, limits: Limits) -> None:
        """The broker has taken us."""
        self._most = max(1, limits.receive_maximum - 1)
        self._happened.put("up")

    def message(self, message: Message) -> None:
        """A reply or a status."""
        self._happened.put(message)

    def answered(self, mid: int, reason_code: int) -> None:
        """The broker has the command, or refuses it."""
        self._happened.put(_Answered(mid, reason_code))

    def tick(self) -> None:
        """Nothing here depends on time."""

    def leaving(self) -> None:
        """A commander has no status to leave behind."""


def _status(payload: bytes) -> Mapping[str, Any]:
    try:
        said = loads(payload)
    except (JSONDecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _groups(status: Mapping[str, Any]) -> tuple[str, ...]:
    groups = status.get("groups")
    return tuple(map(str, groups)) if isinstance(groups, list) else ()
