"""Ordered updates at the uplink: one at a time, fetched, then left for root to verify anew and install."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from anpr_edge.daemon.commandjudge import Identity
from anpr_edge.daemon.commandreply import Answer
from anpr_edge.daemon.fetching import Fetch, Life
from anpr_edge.daemon.updateorder import ORDER_FILE, READY_FILE, Order, clear, read_order, write_order
from anpr_edge.errors import UpdateError
from anpr_edge.seal.commands import Command
from anpr_edge.seams import Clock
from anpr_edge.update.record import Phase, Record, write_refused
from anpr_edge.uplink.fetch import Server
from anpr_edge.uplink.meter import Wire

log = logging.getLogger(__name__)

NO_SERVER: Final = "this unit takes no update by command: update.host is not set"


class Updating:
    """Holds the order in `folder`. `may_fetch` says whether the link's budget has room for it now, `running`
    which system runs.
    """

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        server: Server | None,
        clock: Clock,
        *,
        kilobytes_per_s: float,
        may_fetch: Callable[[], bool],
        running: str,
    ) -> None:
        self._folder = folder
        self._identity = identity
        self._server = server
        self._clock = clock
        self._bytes_per_s = kilobytes_per_s * 1000
        self._may_fetch = may_fetch
        self._running = running
        self._fetch: Fetch | None = None
        self._wire = Wire()
        self._life = Life()
        self._resume()

    def report_life(
        self, attempting: Callable[[], AbstractContextManager[None]], beat: Callable[[], None]
    ) -> None:
        """Let `attempting` surround each try to fetch, and `beat` be called while one goes on."""
        self._life.attempting, self._life.beat = attempting, beat

    def begin(self, blob: bytes, correlation: bytes) -> Answer:
        """Take a verified order in the place of the one before, and begin to fetch."""
        if self._server is None:
            return Answer("failed", NO_SERVER)
        if not self._folder.is_dir():
            return Answer("failed", f"{self._folder}: no such folder: this unit has no slots to update")
        if not self._end_fetch():
            return Answer("failed", "the fetch before it has not ended yet: order it again in a minute")
        try:
            write_order(self._folder / ORDER_FILE, blob, correlation)
            order = read_order(self._folder / ORDER_FILE, self._identity)
            clear(self._folder, but=order)
        except (UpdateError, OSError) as error:
            return Answer("failed", str(error))
        if order is None:
            return Answer("failed", "the order was not kept")
        self._start(order)
        says = f"version {order.version} is being fetched, {order.size} bytes"
        return Answer("accepted", says, {"version": order.version, "size": order.size})

    def ended(self) -> Iterator[tuple[Command, bytes, Answer]]:
        """Let the fetch go on or wait; gives the order that could not be fetched. Called each turn."""
        fetch = self._fetch
        if fetch is None:
            return
        fetch.allow(self._may_fetch())
        if not fetch.done.is_set():
            return
        self._end_fetch()
        if fetch.why:
            log.error("update %s: %s", fetch.order.version, fetch.why)
            clear(self._folder)
            self._note_given_up(fetch.order, fetch.why)
            yield fetch.order.command, fetch.order.correlation, Answer("failed", fetch.why)
        else:
            log.info("update %s is here", fetch.order.version)

    def state(self) -> dict[str, Any] | None:
        """The fetch under way; None when there is none."""
        fetch = self._fetch
        if fetch is None:
            return None
        order = fetch.order
        return {
            "version": order.version,
            "bytes": fetch.bytes_here,
            "of_bytes": order.size,
            "trouble": fetch.trouble,
        }

    @property
    def wire(self) -> Wire:
        """What fetching has put on the wire."""
        return self._wire + (Wire() if self._fetch is None else self._fetch.wire)

    def close(self) -> None:
        """End; the order stays, and is gone on with at the next start."""
        self._end_fetch()

    def _note_given_up(self, order: Order, why: str) -> None:
        """Let health tell of it, until the next order or update; who runs what was ordered lacks nothing."""
        if order.version == self._running:
            return
        record = Record(
            Phase.FAILED, order.version, self._running, "", order.sha256, number=order.command.number
        )
        try:
            write_refused(self._folder, record.now(Phase.FAILED, self._clock.now().utc_ns, why))
        except UpdateError as error:
            log.error("%s", error)

    def _resume(self) -> None:
        """Go on with an order from before a restart, unless its bundle already waits to be installed."""
        path = self._folder / ORDER_FILE
        try:
            order = None if (self._folder / READY_FILE).exists() else read_order(path, self._identity)
        except UpdateError as error:
            log.error("%s", error)
            return
        if order is not None and self._server is not None:
            self._start(order)

    def _start(self, order: Order) -> None:
        assert self._server is not None
        self._fetch = Fetch(
            order, self._folder, self._server, self._clock, bytes_per_s=self._bytes_per_s, life=self._life
        )
        self._fetch.start()

    def _end_fetch(self) -> bool:
        """True when none is under way any more."""
        if self._fetch is not None:
            if not self._fetch.stop():
                return False
            self._wire = self._wire + self._fetch.wire
            self._fetch = None
        return True
