"""Commands at the uplink: judged, acted on or passed to the reader, replied to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any, Final

from anpr_edge.commandstore import CommandStore
from anpr_edge.daemon.commandjudge import CommandJudge, Ruling
from anpr_edge.daemon.commandreply import Answer, Voice
from anpr_edge.daemon.draining import Draining
from anpr_edge.daemon.state import moment
from anpr_edge.daemon.updating import Updating
from anpr_edge.errors import AnprError
from anpr_edge.records import SignedMessage
from anpr_edge.seal.commandbook import READER, UPLINK, acting
from anpr_edge.seal.commands import Argument, Command
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

LONGEST_CORRELATION: Final = 64
END_WITHIN_NS: Final = 5 * 10**9
"""How long the uplink, when it is to end, waits for replies, the reader's too, to go out; those left go out
once it runs again."""

Act = Callable[[Command, Mapping[str, Argument]], Answer]


class UplinkDesk:
    """Takes what came by `…/cmd/<name>`. `acts` are what the uplink itself can do, by name.

    `send` publishes one reply, and says whether it could. `own_reply` is the unit's reply topic for a
    command. A store that fails is logged and shown in the state; the uplink goes on.
    """

    def __init__(
        self,
        voice: Voice,
        judge: CommandJudge,
        store: CommandStore,
        clock: Clock,
        *,
        acts: Mapping[str, Act],
        draining: Draining,
        updating: Updating,
        own_reply: Callable[[str], str],
        reader_runs: Callable[[], bool],
        send: Callable[[str, bytes, Mapping[str, Any]], bool],
    ) -> None:
        self._voice = voice
        self._judge = judge
        self._store = store
        self._clock = clock
        self._acts = acts
        self._draining = draining
        self._updating = updating
        self._own_reply = own_reply
        self._reader_runs = reader_runs
        self._send = send
        self._taken = 0
        self._trouble = ""
        self._end_by_ns: int | None = None
        self.health_wanted = False

    def take(self, message: SignedMessage) -> None:
        """Judge one command, and do what it says."""
        try:
            self._take(message)
            self._trouble = ""
        except AnprError as error:
            log.error("command %s: %s", message.name, error)
            self._trouble = str(error)

    def turn(self, *, connected: bool) -> bool:
        """Send a reply that waits, see how a drain goes. True when the service is to end, to start again."""
        try:
            for command, correlation, answer in chain(self._draining.ended(), self._updating.ended()):
                self._say(command, correlation, answer)
            reply = self._store.reply()
            if reply is not None and connected and self._send(reply.name, reply.correlation, reply.document):
                self._store.forget_reply(reply.id)
            return self._is_to_end(said_all=reply is None and self._store.handed() is None)
        except AnprError as error:
            log.error("commands: %s", error)
            self._trouble = str(error)
            return self._is_to_end(said_all=True)

    def state(self) -> dict[str, Any]:
        """The `commands` part of the uplink's state."""
        try:
            paused = self._store.pauses(self._clock.now().utc_ns // 10**9)
            marks = [mark for service in (READER, UPLINK) if (mark := self._store.last(service))]
        except AnprError as error:
            return {"trouble": str(error)}
        last = max(marks, key=lambda mark: mark.number, default=None)
        return {
            "trouble": self._trouble,
            "key": self._judge.has_key,
            "taken": self._taken,
            "refused": self._judge.refused,
            "paused": [{"feed": feed, "until_utc": moment(until)} for feed, until in paused.items()],
            "last": last
            and {
                "name": last.name,
                "number": last.number,
                "utc": moment(last.utc_s),
                "outcome": last.outcome,
            },
        }

    def want_health(self) -> None:
        """Have the health message published at the next turn."""
        self.health_wanted = True

    def end_soon(self) -> None:
        """End the service once its replies are out."""
        self._end_by_ns = self._clock.now().mono_ns + END_WITHIN_NS

    def close(self) -> None:
        """Release the store; a fetch under way is gone on with at the next start."""
        self._updating.close()
        self._store.close()

    def _take(self, message: SignedMessage) -> None:
        own = message.response_topic in ("", self._own_reply(message.name))
        ok = own and len(message.correlation) <= LONGEST_CORRELATION
        ruling = self._judge.judge(message.name, message.payload, response_ok=ok)
        correlation = message.correlation[:LONGEST_CORRELATION]
        if ruling.refused is not None:
            self._say_refused(ruling, correlation)
        elif ruling.command is not None:
            self._taken += 1
            log.info("command %s, number %d", ruling.command.name, ruling.command.number)
            self._do(ruling.command, ruling.arguments, message.payload, correlation)

    def _say_refused(self, ruling: Ruling, correlation: bytes) -> None:
        if ruling.answer and ruling.command is not None and ruling.refused is not None:
            kind = str(ruling.refused.kind)
            self._say(ruling.command, correlation, Answer("refused", str(ruling.refused), kind=kind))

    def _do(
        self, command: Command, arguments: Mapping[str, Argument], blob: bytes, correlation: bytes
    ) -> None:
        who = acting(command)
        if READER in who:
            self._pass_on(command, blob, correlation)
        if UPLINK not in who:
            return
        if command.name == "drain":
            answer = self._draining.begin(command, correlation, int(arguments["within_s"]))
        elif command.name == "update":
            answer = self._updating.begin(blob, correlation)
        else:
            answer = self._acts[command.name](command, arguments)
        if answer.outcome == "failed":
            self._judge.failed(command, answer.says)
        else:
            self._store.ended(UPLINK, command.number, answer.outcome)
        self._say(command, correlation, answer)

    def _pass_on(self, command: Command, blob: bytes, correlation: bytes) -> None:
        """Leave the command, as signed, for the reader, who judges for itself."""
        if not self._reader_runs():
            why = "the reader does not run"
        elif not self._store.hand_over(command.name, blob, correlation):
            why = "too many commands wait for the reader"
        else:
            self._store.ended(UPLINK, command.number, "accepted")
            return
        self._judge.failed(command, why)
        reply = replace(self._voice, by=READER).reply(command, Answer("failed", why))
        self._store.put_reply(command.name, correlation, reply)

    def _say(self, command: Command, correlation: bytes, answer: Answer) -> None:
        self._store.put_reply(command.name, correlation, self._voice.reply(command, answer))

    def _is_to_end(self, *, said_all: bool) -> bool:
        due = self._end_by_ns
        return due is not None and (said_all or self._clock.now().mono_ns >= due)
