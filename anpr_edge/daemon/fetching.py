"""Fetches one ordered bundle in a thread of its own: resumed after breaks, bounded in rate, time and room."""

from __future__ import annotations

import hashlib
import logging
import os
import random
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anpr_edge.daemon.updateorder import READY_FILE, Order
from anpr_edge.durable import sync_folder
from anpr_edge.errors import AnprError, UpdateError, UplinkError
from anpr_edge.seams import Clock
from anpr_edge.update.replacefile import replace_file
from anpr_edge.uplink.backoff import Backoff
from anpr_edge.uplink.fetch import Server, fetch_rest
from anpr_edge.uplink.meter import Meter, Wire

log = logging.getLogger(__name__)

LEFT_FREE_BYTES: Final = 64_000_000
"""Room that a bundle leaves on the data partition, for reads."""

WRONG_FILES: Final = 3
"""So often the whole file may have another hash than was ordered, before it is given up."""

STOP_WITHIN_S: Final = 3.0
LOOK_EVERY_S: Final = 1.0
LONGEST_PAUSE_S: Final = 900.0


@dataclass(slots=True)
class Life:
    """Whom a fetch tells that it lives: `attempting` surrounds each try, `beat` is called during one."""

    attempting: Callable[[], AbstractContextManager[None]] = nullcontext
    beat: Callable[[], None] = lambda: None


class Fetch:
    """Fetches `order` into `folder`, once started, until it is there, given up, or `stop`.

    `allow` says whether it may use the link now. `done` is when it ended; `why` then says why it failed, or
    is empty. `life` is told of its tries.
    """

    def __init__(
        self, order: Order, folder: Path, server: Server, clock: Clock, *, bytes_per_s: float, life: Life
    ) -> None:
        self.order = order
        self.folder = folder
        self._server = server
        self._clock = clock
        self._bytes_per_s = bytes_per_s
        self._life = life
        self._meter = Meter()
        self._before = Wire()
        self._stopping, self._allowed = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="fetch", daemon=True)
        self.done = threading.Event()
        self.why = ""
        self.trouble = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> bool:
        """End; what has come stays, and is gone on with by the next one. False when it takes longer."""
        self._stopping.set()
        self._thread.join(STOP_WITHIN_S)
        return not self._thread.is_alive()

    def allow(self, allowed: bool) -> None:
        """Let it use the link, or wait."""
        (self._allowed.set if allowed else self._allowed.clear)()

    @property
    def bytes_here(self) -> int:
        """How much of the bundle has come."""
        for path in (self.order.part(self.folder), self.order.bundle(self.folder)):
            if path.exists():
                return path.stat().st_size
        return 0

    @property
    def wire(self) -> Wire:
        """What it has put on the wire since it was made."""
        return self._before + self._meter.read()

    def _run(self) -> None:
        try:
            self.why = self._fetch()
        except Exception as error:
            log.exception("fetching the update")
            self.why = f"unexpected {type(error).__name__}"
        self.done.set()

    def _fetch(self) -> str:
        """Try until the bundle is here; gives why not, or nothing."""
        backoff, wrong = Backoff(random.Random(), first_s=2.0, most_s=LONGEST_PAUSE_S), 0
        while not self._stopping.is_set():
            if self._clock.now().utc_ns // 10**9 >= self.order.until_utc_s:
                hours = self.order.arguments["within_h"]
                return f"not fetched within {hours} hours: {self.trouble or 'there was no time'}"
            if not self._allowed.wait(LOOK_EVERY_S):
                self.trouble = "waits: the link's budget is kept for reads"
                continue
            try:
                with self._life.attempting():
                    if self._attempt():
                        return ""
            except UpdateError as error:
                wrong += 1
                self.trouble = str(error)
                if wrong >= WRONG_FILES:
                    return self.trouble
            except AnprError as error:
                self.trouble = str(error)
                log.warning("update %s: %s", self.order.version, error)
            self._stopping.wait(backoff.next_delay_s())
        return "stopped"

    def _attempt(self) -> bool:
        """One connection's worth; True when the whole bundle is here.

        Raises: UplinkError, or UpdateError when it is another file than was ordered.
        """
        part = self.order.part(self.folder)
        self._check_room(part)
        have = part.stat().st_size if part.exists() else 0
        if have < self.order.size and not self._receive(part):
            return False
        self.trouble = ""
        self._check_hash(part)
        part.replace(self.order.bundle(self.folder))
        sync_folder(self.folder)
        replace_file(self.folder / READY_FILE, self.order.sha256.encode())
        return True

    def _receive(self, part: Path) -> bool:
        meter = self._meter = Meter()
        try:
            path = str(self.order.arguments["path"])
            return fetch_rest(self._server, path, part, self.order.size, go_on=self._paced, meter=meter)
        finally:
            self._before, self._meter = self._before + meter.read(), Meter()

    def _paced(self, count: int) -> bool:
        """Take as long for a block as the rate allows."""
        self._life.beat()
        self._stopping.wait(count / self._bytes_per_s)
        return self._allowed.is_set() and not self._stopping.is_set()

    def _check_room(self, part: Path) -> None:
        found = os.statvfs(self.folder)
        have = part.stat().st_size if part.exists() else 0
        if have > self.order.size:
            part.unlink()
            have = 0
        free, wanted = found.f_bavail * found.f_frsize, self.order.size - have + LEFT_FREE_BYTES
        if free < wanted:
            raise UplinkError(
                f"{self.folder}: {free} bytes free, the update takes {wanted}, with what is left for reads"
            )

    def _check_hash(self, part: Path) -> None:
        digest = hashlib.sha256()
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
                self._life.beat()
        if digest.hexdigest() != self.order.sha256:
            part.unlink()
            raise UpdateError(
                f"{self.order.arguments['path']}: is not the file that was ordered: its SHA-256 is"
                f" {digest.hexdigest()[:16]}…"
            )
