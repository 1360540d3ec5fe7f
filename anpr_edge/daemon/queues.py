"""The two queues between a service's threads: one that drops, for frames, and one that waits, for reads."""

from __future__ import annotations

from collections import deque
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """The queue is closed: nothing more goes in, and everything that was in it has been taken out."""


class _Queue(Generic[T]):
    """What both queues share: taking out, and closing."""

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"a queue of {limit} items holds nothing; at least 1")
        self.limit = limit
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        with self._changed:
            return len(self._items)

    def get(self, timeout_s: float | None = None) -> T | None:
        """Take the oldest item, waiting for one; None when none came within `timeout_s`.

        Raises: Closed when the queue is closed and empty. What was put before `close` still comes out.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout_s)
            if self._items:
                item = self._items.popleft()
                self._changed.notify_all()
                return item
            if self._closed:
                raise Closed
            return None

    def close(self) -> None:
        """Let nothing more in and wake everyone who waits; harmless when called twice."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class DropOldest(_Queue[T]):
    """Keeps the newest `limit` items; a full queue loses its oldest, so that putting never waits."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """How many items were lost so far because nobody took them in time."""
        with self._changed:
            return self._dropped

    def put(self, item: T) -> int:
        """Add an item and return at once with how many older ones were dropped for it, 0 or 1.

        Raises: Closed after `close`.
        """
        with self._changed:
            if self._closed:
                raise Closed
            lost = len(self._items) - self.limit + 1
            if lost > 0:
                self._items.popleft()
                self._dropped += 1
            self._items.append(item)
            self._changed.notify_all()
            return max(0, lost)


class Bounded(_Queue[T]):
    """Holds up to `limit` items and loses none: putting into a full queue waits for room."""

    def put(self, item: T, timeout_s: float | None = None) -> bool:
        """Add an item, waiting for room; False, and not added, when there was none within `timeout_s`.

        Raises: Closed after `close`, also when that happens while waiting.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._items) < self.limit, timeout_s)
            if self._closed:
                raise Closed
            if len(self._items) >= self.limit:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True
