"""Installs what a signed command ordered and the uplink fetched, as root; and tells how it ended.

It takes nobody's word: signature, addressee, number and time are judged anew, and the file is taken out of
the uplink's reach before its hash is.
"""

from __future__ import annotations

import fcntl
import logging
import os
from pathlib import Path
from typing import Final

from anpr_edge.commandstore import COMMANDS_FILE, CommandStore, Taken
from anpr_edge.daemon.commandjudge import Identity
from anpr_edge.daemon.commandreply import Answer, Voice
from anpr_edge.daemon.updateorder import ORDER_FILE, Order, clear, read_order
from anpr_edge.errors import AnprError, UpdateError
from anpr_edge.seal.commandbook import UPLINK
from anpr_edge.seams import Clock
from anpr_edge.update.rauc import Progress
from anpr_edge.update.record import Phase, Record
from anpr_edge.update.updater import CUT_OFF, Updater, Wanted
from anpr_edge.update.versions import running_version

log = logging.getLogger(__name__)

SERVICE: Final = "update"
"""Under this name `commands.db` remembers which order was acted on last."""

BUNDLE_FILE: Final = "ordered.raucb"


class UpdateAgent:
    """Acts on orders for `identity`; `unit_state_dir` holds commands and their replies."""

    def __init__(self, updater: Updater, identity: Identity, unit_state_dir: Path, clock: Clock) -> None:
        self._updater = updater
        self._identity = identity
        self._unit_state_dir = unit_state_dir
        self._clock = clock
        self._folder = updater.layout.state_dir
        self._incoming = updater.layout.incoming

    def take(self, progress: Progress) -> Record | None:
        """Install the order that lies ready, and put it on trial; None when none does.

        Whatever comes of it, the order and its bundle are gone then: it is acted on once at most. An order
        that is refused before anything is written is kept for health to tell of.

        Raises: UpdateError saying why it was not installed; who ordered it is told.
        """
        bundle, order = self._folder / BUNDLE_FILE, None
        try:
            order = read_order(self._incoming / ORDER_FILE, self._identity)
            if order is None:
                return None
            self._check(order)
            self._keep(order)
            take_over(order.bundle(self._incoming), bundle)
            clear(self._incoming)  # at once: a newer order may come while this one is installed
            wanted = Wanted(order.allow_older, order.version, order.sha256, order.command.number)
            return self._updater.install(bundle, wanted, progress)
        except UpdateError as error:
            self._note_refused(order, str(error))
            self.tell(Answer("failed", str(error)))
            clear(self._incoming)
            raise
        finally:
            bundle.unlink(missing_ok=True)

    def clean_up(self) -> None:
        """After a start: remove the bundle of an installation that was cut off, and tell who ordered it."""
        (self._folder / BUNDLE_FILE).unlink(missing_ok=True)
        record = self._updater.recorder.last()
        goes_on = record is not None and record.phase in (Phase.INSTALLED, Phase.TRYING)
        if not goes_on and (self._folder / ORDER_FILE).exists():
            self._note_refused(self._kept(), CUT_OFF)
            self.tell(Answer("failed", CUT_OFF))

    def tell_end(self, record: Record) -> None:
        """Tell who ordered it what has become of it, once."""
        details = {"version": record.version, "from": record.from_version, "slot": record.slot}
        if record.phase is Phase.COMMITTED:
            self.tell(Answer("done", f"version {record.version} is in force", details))
        elif record.phase in (Phase.ROLLED_BACK, Phase.FAILED):
            self.tell(Answer("failed", f"{record.version} {record.phase}: {record.why}"[:500], details))

    def tell(self, answer: Answer) -> None:
        """Leave a reply for the uplink to sign and send. What cannot be told is logged."""
        path = self._folder / ORDER_FILE
        if not path.exists():
            path = self._incoming / ORDER_FILE
        try:
            order = read_order(path, self._identity)
            if order is None:
                return
            identity = self._identity
            voice = Voice(identity.fleet, identity.unit, UPLINK, self._clock)
            store = CommandStore(self._unit_state_dir / COMMANDS_FILE)
            try:
                store.put_reply(order.command.name, order.correlation, voice.reply(order.command, answer))
            finally:
                store.close()
            path.unlink(missing_ok=True)
        except AnprError as error:
            log.error("how the update ended cannot be told: %s", error)

    def _kept(self) -> Order | None:
        try:
            return read_order(self._folder / ORDER_FILE, self._identity)
        except UpdateError:
            return None

    def _note_refused(self, order: Order | None, why: str) -> None:
        """Let health tell of an order that came to nothing; what the record has of it already stays.

        Whoever runs what was ordered lacks nothing. What cannot be noted is logged.
        """
        recorder, running = self._updater.recorder, running_version(self._updater.layout.release_file)
        if order is None or order.version == running:
            return
        number = order.command.number
        known = [
            one.number for one in (recorder.last(), recorder.refused()) if one and one.number is not None
        ]
        if number <= max(known, default=0):
            return
        utc_ns = self._clock.now().utc_ns
        record = Record(Phase.FAILED, order.version, running, "", order.sha256, number=number)
        try:
            recorder.refuse(record.now(Phase.FAILED, utc_ns, why), utc_ns)
        except AnprError as error:
            log.error("that the update was refused cannot be noted: %s", error)

    def _check(self, order: Order) -> None:
        now_s = self._clock.now().utc_ns // 10**9
        if now_s >= order.until_utc_s:
            raise UpdateError(
                f"version {order.version} was to be installed within {order.arguments['within_h']} hours",
                hint="order it again",
            )
        store = CommandStore(self._unit_state_dir / COMMANDS_FILE)
        try:
            number = order.command.number
            taken = Taken(number, order.command.issued_utc_s, order.command.name, now_s, "accepted")
            if not store.accept(SERVICE, taken):
                raise UpdateError(f"order {number} is not above the last one", hint="order it again")
        except AnprError as error:
            raise UpdateError(str(error), hint=error.hint) from None
        finally:
            store.close()

    def _keep(self, order: Order) -> None:
        """Move the order to where only root writes, for the reply after the trial."""
        source, target = self._incoming / ORDER_FILE, self._folder / ORDER_FILE
        try:
            source.replace(target)
            os.chown(target, os.geteuid(), os.getegid())
        except OSError as error:
            raise UpdateError(f"{source}: {error.strerror}") from None
        if read_order(target, self._identity) != order:
            raise UpdateError(f"{target}: was changed while it was read", hint="order it again")


def take_over(source: Path, target: Path) -> None:
    """Move a file to where its owner cannot write it any more; nobody may still have it open to write.

    Raises: UpdateError when it is no plain file, or somebody has.
    """
    try:
        source.replace(target)
        descriptor = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            os.fchown(descriptor, os.geteuid(), os.getegid())
            os.fchmod(descriptor, 0o600)
            if os.fstat(descriptor).st_nlink != 1:
                raise UpdateError(f"{source.name}: has a second name, by which it could be changed")
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)  # refused while a writer is there
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UpdateError(
            f"{source}: cannot be taken over: {error.strerror}", hint="order the update again"
        ) from None
