"""The steps of an update: install into the other slot, try it, commit it or go back.

Each step leaves the unit with a committed system that boots. Before the commit nothing that the firmware
reads is written; the commit is one file's replacement.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from anpr_edge.errors import UpdateError, reason
from anpr_edge.seams import Clock
from anpr_edge.update.bootstore import BootStore
from anpr_edge.update.bundle import Bundle, check_fits, check_sizes
from anpr_edge.update.layout import Layout
from anpr_edge.update.rauc import Progress, Rauc
from anpr_edge.update.record import Phase, Record, Recorder
from anpr_edge.update.slots import Slots, other
from anpr_edge.update.versions import running_version

log = logging.getLogger(__name__)

TRY_ONCE: Final = "0 tryboot"
"""Tells the firmware to boot, once, what `[tryboot]` names. Source: raspberrypi.com, "TRYBOOT"."""

ENDED_UNHEARD: Final = (
    "the new system ended before its gate had passed: the power went, a watchdog bit, or it never came up"
)
CUT_OFF: Final = "it was cut off while it was written: the power went, or somebody stopped it"
READ_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Wanted:
    """What may be installed, besides that it is signed: hashes and version are those of a signed command."""

    allow_older: bool = False
    version: str = ""
    sha256: str = ""
    number: int | None = None


class Updater:
    """Does the steps where `layout` says. `broker_reached`: whether the broker is reached now, if known."""

    def __init__(
        self,
        layout: Layout,
        recorder: Recorder,
        clock: Clock,
        *,
        broker_reached: Callable[[], bool | None] = lambda: None,
    ) -> None:
        self.layout = layout
        self.store = BootStore(layout)
        self.recorder = recorder
        self._clock = clock
        self._broker_reached = broker_reached

    # ── install ─────────────────────────────────────────────────────────────────────────────

    def install(self, path: Path, wanted: Wanted, progress: Progress) -> Record:
        """Check the bundle at `path`, write it into the other slot, read it back, and put it on trial.

        Nothing is written before every check has passed. The trial begins with `reboot_to_try`.

        Raises: UpdateError naming the first reason why not.
        """
        rauc = Rauc(self.layout.rauc_config)
        slot = other(self._settled().committed)
        bundle = self._checked(rauc, path, slot, wanted, progress)
        running = running_version(self.layout.release_file)
        sha256 = wanted.sha256 or hash_of(path)
        record = Record(Phase.INSTALLING, bundle.version, running, slot, sha256, number=wanted.number)
        self._note(record, Phase.INSTALLING)
        try:
            self.store.change(lambda slots: slots.set_bad(slot))
            rauc.install(path, progress)
            rauc.check_written(bundle, slot, progress)
            self.store.change(lambda slots: slots.set_primary(slot))
        except UpdateError as error:
            self._note(record, Phase.FAILED, str(error))
            raise
        return self._note(record, Phase.INSTALLED)

    def _settled(self) -> Slots:
        slots = self.store.load()
        if slots.on_trial:
            raise UpdateError(
                f"slot {slots.running} is on trial, and {slots.committed} is the way back",
                hint="wait for its gate, or anpr-edge update commit or rollback",
            )
        return slots

    def _checked(self, rauc: Rauc, path: Path, slot: str, wanted: Wanted, progress: Progress) -> Bundle:
        progress(f"checking {path.name}")
        bundle = rauc.info(path)
        if wanted.version and bundle.version != wanted.version:
            raise UpdateError(
                f"{path.name}: is version {bundle.version}, {wanted.version} was ordered",
                hint="order the version that this file is",
            )
        if wanted.sha256 and hash_of(path) != wanted.sha256:
            raise UpdateError(f"{path.name}: is not the file that was ordered: its SHA-256 is another")
        running = running_version(self.layout.release_file)
        check_fits(bundle, rauc.config, running, allow_older=wanted.allow_older)
        check_sizes(bundle, rauc.config, slot)
        return bundle

    # ── try ─────────────────────────────────────────────────────────────────────────────────

    def reboot_to_try(self) -> None:
        """Restart into the slot on trial, once. Raises: UpdateError when none is, or nobody restarts."""
        slots, record = self.store.load(), self.recorder.last()
        if slots.trial is None or slots.trial in slots.bad:
            raise UpdateError("nothing is on trial", hint="anpr-edge update install BUNDLE")
        if record is not None and record.slot == slots.trial:
            record = replace(record, broker_before=self._broker_reached())
            self._note(record, Phase.TRYING)
        self._reboot(TRY_ONCE)

    def reboot(self) -> None:
        """Restart into the committed slot. Raises: UpdateError when nobody restarts."""
        self._reboot("")

    # ── commit, or go back ──────────────────────────────────────────────────────────────────

    def commit(self, why: str = "") -> Slots:
        """Have the firmware boot what runs from now on. Raises: UpdateError when it cannot be written."""
        slots = self.store.commit_running()
        record = self.recorder.last()
        if record is not None and record.slot == slots.committed and record.phase is not Phase.COMMITTED:
            self._note(record, Phase.COMMITTED, why)
        return slots

    def give_up(self, why: str) -> Record | None:
        """Note that the trial has failed: its slot is tried no more, and the next start is the old one's.

        What cannot be written is only logged: going back takes none of it.
        """
        record = self.recorder.last()
        try:
            slots = self.store.load()
            if slots.running is not None and slots.on_trial:
                self.store.change(lambda now: now.set_bad(slots.running or ""))
            if record is not None:
                return self._note(record, Phase.ROLLED_BACK, why)
        except Exception as error:
            log.error("the trial's end cannot be noted: %s", error)
        return record

    def try_other(self) -> Record:
        """Put the committed slot's neighbour on trial: the way back after a commit.

        Raises: UpdateError when nothing that could boot is known to be there.
        """
        slots, last = self._settled(), self.recorder.last()
        back = other(slots.committed)
        if last is None or last.phase is not Phase.COMMITTED or back in slots.bad:
            raise UpdateError(
                f"slot {back} holds no system that was in force before", hint="install a bundle instead"
            )
        record = Record(Phase.INSTALLED, last.from_version, last.version, back)
        self.store.change(lambda now: now.set_primary(back))
        return self._note(record, Phase.INSTALLED, "going back to the system before")

    # ── after a start ───────────────────────────────────────────────────────────────────────

    def settle(self) -> Record | None:
        """Bring the record to what the firmware has made true; gives it when that changed it, else None.

        Raises: UpdateError when `autoboot.txt` does not say what is committed.
        """
        slots, record = self.store.load(), self.recorder.last()
        if record is None or slots.running is None:
            return None
        if record.phase is Phase.INSTALLING:
            return self._note(record, Phase.FAILED, CUT_OFF)
        if record.phase is not Phase.TRYING:
            return None
        if slots.committed == record.slot:
            return self._note(record, Phase.COMMITTED)
        if slots.running != record.slot:
            self.store.change(lambda now: now.set_bad(record.slot))
            return self._note(record, Phase.ROLLED_BACK, ENDED_UNHEARD)
        return None

    def _note(self, record: Record, phase: Phase, why: str = "") -> Record:
        utc_ns = self._clock.now().utc_ns
        noted = record.now(phase, utc_ns, why)
        self.recorder.write(noted, utc_ns)
        return noted

    def _reboot(self, argument: str) -> None:
        more = [f"--reboot-argument={argument}"] if argument else []
        command = [*self.layout.reboot, *more]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpdateError(f"{command[0]} cannot be run: {reason(error)}") from None
        if done.returncode:
            raise UpdateError(f"{' '.join(command)}: {done.stderr.strip()[:200]}", hint="run it as root")


def hash_of(path: Path) -> str:
    """A file's SHA-256. Raises: UpdateError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise UpdateError(f"{path}: {error.strerror}") from None
    return digest.hexdigest()
