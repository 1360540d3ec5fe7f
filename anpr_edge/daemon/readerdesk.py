"""Commands at the reader: judged once more, since the uplink's word counts for nothing, and acted on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from anpr_edge.commandstore import CommandStore, Handed
from anpr_edge.daemon.commandjudge import CommandJudge, Ruling
from anpr_edge.daemon.commandreply import Answer, Voice
from anpr_edge.daemon.gate import FeedGate
from anpr_edge.daemon.state import moment
from anpr_edge.errors import AnprError
from anpr_edge.seal.commandbook import READER, acting
from anpr_edge.seal.commands import Argument, Command
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

LOOK_EVERY_NS = 10**9


class ReaderDesk:
    """Looks each second for what the uplink has left. `reload` and `restart` do what their names say."""

    def __init__(
        self,
        voice: Voice,
        judge: CommandJudge,
        store: CommandStore,
        gate: FeedGate,
        clock: Clock,
        *,
        reload: Callable[[], Answer],
        restart: Callable[[], Answer],
    ) -> None:
        self._voice = voice
        self._judge = judge
        self._store = store
        self._gate = gate
        self._clock = clock
        self._reload = reload
        self._restart = restart
        self._look_at_ns = 0
        self._trouble = ""

    def turn(self) -> None:
        """Act on the commands that wait; a store that fails is logged, and reading goes on."""
        now_ns = self._clock.now().mono_ns
        if now_ns < self._look_at_ns:
            return
        self._look_at_ns = now_ns + LOOK_EVERY_NS
        try:
            while handed := self._store.handed():
                self._take(handed)
                self._store.forget_handed(handed.id)
            self._trouble = ""
        except AnprError as error:
            if str(error) != self._trouble:
                log.error("commands: %s", error)
            self._trouble = str(error)

    def close(self) -> None:
        """Release the store."""
        self._store.close()

    def _take(self, handed: Handed) -> None:
        ruling = self._judge.judge(handed.name, handed.blob)
        command = ruling.command
        if command is None or (ruling.refused and not ruling.answer):
            return
        answer = self._answer(ruling, command)
        if answer.outcome == "failed":
            self._judge.failed(command, answer.says)
        elif answer.outcome != "refused":
            self._store.ended(READER, command.number, answer.outcome)
        self._store.put_reply(command.name, handed.correlation, self._voice.reply(command, answer))

    def _answer(self, ruling: Ruling, command: Command) -> Answer:
        if ruling.refused is not None:
            return Answer("refused", str(ruling.refused), kind=str(ruling.refused.kind))
        if READER not in acting(command):
            return Answer("failed", "that is not the reader's to do")
        log.info("command %s, number %d", command.name, command.number)
        return self._do(command.name, ruling.arguments)

    def _do(self, name: str, arguments: Mapping[str, Argument]) -> Answer:
        if name == "reload":
            return self._reload()
        if name == "restart":
            return self._restart()
        feed = str(arguments["feed"])
        if feed not in self._gate.feeds:
            return Answer("failed", f"this unit has no feed {feed}; it has {', '.join(self._gate.feeds)}")
        return self._pause(feed, int(arguments["minutes"])) if name == "pause" else self._resume(feed)

    def _pause(self, feed: str, minutes: int) -> Answer:
        until_utc_s = self._clock.now().utc_ns // 10**9 + 60 * minutes
        self._store.pause(feed, until_utc_s)
        self._apply()
        return Answer(
            "done",
            f"feed {feed} gets no reads until {moment(until_utc_s)}; what waits for it still goes out",
            {"feed": feed, "until_utc": moment(until_utc_s)},
        )

    def _resume(self, feed: str) -> Answer:
        paused = self._store.resume(feed)
        self._apply()
        says = f"feed {feed} gets reads again" if paused else f"feed {feed} was not paused"
        return Answer("done", says, {"feed": feed})

    def _apply(self) -> None:
        self._gate.pause(self._store.pauses(self._clock.now().utc_ns // 10**9))
