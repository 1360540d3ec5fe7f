"""Threads of one service: when one fails, all stop, and the service ends with that failure."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

from anpr_edge.daemon.health import Heartbeats
from anpr_edge.errors import AnprError

log = logging.getLogger(__name__)


class Stages:
    """Runs each stage's function in a thread of its own until all have returned.

    A function that raises sets `stop`; its error is raised again by `raise_failure` in the main thread.
    """

    def __init__(self, heartbeats: Heartbeats, stop: Event) -> None:
        self._heartbeats = heartbeats
        self._stop = stop
        self._threads: list[Thread] = []
        self._failure: BaseException | None = None

    def start(self, stage: str, work: Callable[[], None]) -> None:
        """Begin `stage`; its name is the thread's name and its heartbeat's."""
        thread = Thread(name=stage, target=self._guarded, args=(stage, work), daemon=True)
        self._threads.append(thread)
        thread.start()

    def running(self) -> bool:
        """True while any stage has not returned."""
        return any(thread.is_alive() for thread in self._threads)

    def join(self) -> None:
        """Wait until every stage has returned."""
        for thread in self._threads:
            thread.join()

    @property
    def failed(self) -> bool:
        """True when something else than their own end stopped the stages."""
        return self._failure is not None

    def raise_failure(self) -> None:
        """Raise what stopped the stages, if anything but their own end did."""
        if self._failure is not None:
            raise self._failure

    def _guarded(self, stage: str, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            log.error("%s: %s", stage, in_words(error))
            self._failure = self._failure or error
            self._stop.set()
        finally:
            self._heartbeats.suspend(stage)


def in_words(error: BaseException) -> str:
    """Our own errors speak for themselves; the text of any other may hold a plate and stays out."""
    if isinstance(error, AnprError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
