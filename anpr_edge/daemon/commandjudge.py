"""Whether a service acts on a command: verified, for this unit, in time, new, and sound.

Each service judges for itself, also what the other one has passed on: nobody acts on another's word.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge import auditlog
from anpr_edge.commandstore import CommandStore, Taken
from anpr_edge.daemon.health import Counters
from anpr_edge.errors import AnprError, CommandError, CommandRefusal
from anpr_edge.seal.commandbook import BOOK, acting, checked
from anpr_edge.seal.commands import Argument, Command, open_command
from anpr_edge.seal.keys import VerifyKey
from anpr_edge.seal.policy.model import utc_text
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

SKEW_S: Final = 300
"""How far a command may be issued ahead of the unit's clock."""

COMMANDS_PER_MIN: Final = 30
REFUSALS_ENTERED_PER_HOUR: Final = 30
REFUSALS_REPLIED_PER_MIN: Final = 6

ANSWERED: Final = frozenset(
    {
        CommandRefusal.RESPONSE_TOPIC,
        CommandRefusal.EXPIRED,
        CommandRefusal.NOT_YET_VALID,
        CommandRefusal.REPLAY,
        CommandRefusal.UNKNOWN_COMMAND,
        CommandRefusal.ARGUMENTS,
        CommandRefusal.BUSY,
    }
)
"""Refusals that are replied to: the authority signed the command, and meant this unit."""


class Allowance:
    """So many in a span of time; what is not used up fills again evenly."""

    def __init__(self, clock: Clock, most: int, span_s: float) -> None:
        self._clock = clock
        self._most = most
        self._per_ns = most / (span_s * 1e9)
        self._left = float(most)
        self._at_ns = clock.now().mono_ns

    def take(self) -> bool:
        """Use one up; False when none is left."""
        now_ns = self._clock.now().mono_ns
        self._left = min(self._most, self._left + (now_ns - self._at_ns) * self._per_ns)
        self._at_ns = now_ns
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a service makes of a command: to act on it, or why not.

    `command` is None when nobody knows who sent it. `answer` says whether the refusal is replied to.
    """

    command: Command | None
    arguments: Mapping[str, Argument]
    refused: CommandError | None = None
    answer: bool = True


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose commands count: this unit's, signed with `key`; None: none do."""

    fleet: str
    unit: str
    groups: tuple[str, ...]
    key: VerifyKey | None


class CommandJudge:
    """Judges for one `service`; `state_dir` holds the audit log, `store` the numbers used."""

    def __init__(
        self, service: str, identity: Identity, store: CommandStore, state_dir: Path, clock: Clock
    ) -> None:
        self.service = service
        self._identity = identity
        self._store = store
        self._state_dir = state_dir
        self._clock = clock
        self._commands = Allowance(clock, COMMANDS_PER_MIN, 60)
        self._entries = Allowance(clock, REFUSALS_ENTERED_PER_HOUR, 3600)
        self._answers = Allowance(clock, REFUSALS_REPLIED_PER_MIN, 60)
        self._unlisted = 0
        self._counts = Counters()
        self._floor = 0 if store.last(service) else self._number_in_audit()

    @property
    def has_key(self) -> bool:
        """Whether there is a key whose commands count."""
        return self._identity.key is not None

    @property
    def refused(self) -> dict[str, int]:
        """Refusals since the service started, by kind."""
        return self._counts.state()

    def judge(self, name: str, blob: bytes, *, response_ok: bool = True) -> Ruling:
        """What to make of a command that came by the topic `…/cmd/<name>`; one that counts is used up by it.

        `response_ok` is False when its response topic is not this unit's own. A command that this service
        acts on is entered in the audit log.
        """
        command: Command | None = None
        try:
            command = self._opened(name, blob)
            if not response_ok:
                raise CommandError(
                    CommandRefusal.RESPONSE_TOPIC, f"{name}: it asks for a reply on a foreign topic"
                )
            self._in_time(command)
            arguments = checked(command)
            if not self._commands.take():
                raise CommandError(
                    CommandRefusal.BUSY,
                    f"more than {COMMANDS_PER_MIN} commands a minute",
                    hint="wait a little",
                )
            self._is_new(command)
            self._use(command, arguments)
        except CommandError as refused:
            return self._refuse(name, command, refused)
        return Ruling(command, arguments)

    def failed(self, command: Command, why: str) -> None:
        """Note that an accepted command could not be done."""
        self._store.ended(self.service, command.number, "failed")
        details = {"command": command.name, "number": command.number, "by": self.service, "why": why}
        self._enter(auditlog.COMMAND_FAILED, details)

    def _opened(self, name: str, blob: bytes) -> Command:
        identity = self._identity
        if identity.key is None:
            raise CommandError(
                CommandRefusal.NO_KEY,
                "this unit has no command key",
                hint="bring command.pub to its keys folder",
            )
        command = open_command(blob, identity.key)
        if command.name != name:
            raise CommandError(CommandRefusal.TOPIC, f"{command.name}: it came by the topic of {name[:64]}")
        if not command.is_for(identity.fleet, identity.unit, identity.groups):
            raise CommandError(
                CommandRefusal.FOREIGN, f"{command.name}: not for unit {identity.fleet}/{identity.unit}"
            )
        return command

    def _in_time(self, command: Command) -> None:
        """An unsynchronised clock is behind, if anything: what has expired by it has expired."""
        now, last = self._clock.now(), self._store.last(self.service)
        clock_s = now.utc_ns // 10**9
        utc_s = max(clock_s, last.issued_utc_s if last else 0)
        if utc_s >= command.expires_utc_s:
            raise CommandError(
                CommandRefusal.EXPIRED,
                f"{command.name}: expired at {utc_text(command.expires_utc_s)}, here it is {utc_text(utc_s)}",
                hint="sign it again",
            )
        behind = clock_s + SKEW_S < command.issued_utc_s
        entry = BOOK.get(command.name)
        harmless = entry is not None and entry.quiet and now.utc_error_ms is None
        if behind and not harmless:
            raise CommandError(
                CommandRefusal.NOT_YET_VALID,
                f"{command.name}: issued at {utc_text(command.issued_utc_s)}, here it is {utc_text(clock_s)}",
                hint="look at the clocks of both sides",
            )

    def _is_new(self, command: Command) -> None:
        last = self._store.last(self.service)
        if command.number <= max(self._floor, last.number if last else 0):
            raise CommandError(
                CommandRefusal.REPLAY,
                f"{command.name}: number {command.number} is not above the last one",
                hint="sign it again",
            )

    def _use(self, command: Command, arguments: Mapping[str, Argument]) -> None:
        """Use the number up, then enter the command: it is acted on once at most, and never untraced."""
        utc_s = self._clock.now().utc_ns // 10**9
        issued_utc_s = command.issued_utc_s if command.issued_utc_s <= utc_s + SKEW_S else 0
        taken = Taken(command.number, issued_utc_s, command.name, utc_s, "accepted")
        if not self._store.accept(self.service, taken):
            raise CommandError(CommandRefusal.REPLAY, f"{command.name}: number {command.number} was used")
        if self.service not in acting(command):
            return
        details: dict[str, Any] = {"command": command.name, "number": command.number, "by": self.service}
        details |= {"arguments": dict(arguments), "request": command.request.hex()}
        if not self._enter(auditlog.COMMAND_TAKEN, details) and not BOOK[command.name].quiet:
            raise CommandError(
                CommandRefusal.BUSY,
                f"{command.name}: the audit log cannot be written",
                hint="look at the disk",
            )

    def _refuse(self, name: str, command: Command | None, refused: CommandError) -> Ruling:
        self._counts.add(refused.kind)
        log.warning("command refused (%s): %s", refused.kind, refused)
        if self._entries.take():
            details: dict[str, Any] = {"kind": str(refused.kind), "why": str(refused), "by": self.service}
            if command is not None:
                details |= {"command": command.name, "number": command.number}
            if self._unlisted:
                details["unlisted"] = self._unlisted
            self._unlisted = 0
            self._enter(auditlog.COMMAND_REFUSED, details)
        else:
            self._unlisted += 1
        answer = command is not None and refused.kind in ANSWERED and self._answers.take()
        return Ruling(command, {}, refused, answer)

    def _enter(self, event: str, details: Mapping[str, Any]) -> bool:
        try:
            with auditlog.in_turn(self._state_dir):
                auditlog.append(
                    self._state_dir / auditlog.AUDIT_FILE, self._clock.now().utc_ns, event, details
                )
        except AnprError as error:
            log.error("%s", error)
            return False
        return True

    def _number_in_audit(self) -> int:
        """The highest number this service entered, for a unit that has lost its store."""
        try:
            entries = auditlog.read_audit(self._state_dir / auditlog.AUDIT_FILE).entries
        except AnprError:
            return 0
        numbers = [
            entry.get("number")
            for entry in entries
            if entry["event"] == auditlog.COMMAND_TAKEN and entry.get("by") == self.service
        ]
        return max((number for number in numbers if isinstance(number, int)), default=0)
