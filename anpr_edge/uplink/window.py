"""The publishes a broker has not answered yet: who they were, how many there may be."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from anpr_edge.records import Delivery


@dataclass(frozen=True, slots=True)
class _Sent:
    feed: str
    seq: int
    mono_ns: int
    size: int


class Window:
    """The in-flight window of one connection; `emit` gets exactly one Delivery for each publish.

    Once closed it emits nothing more. `sent` and `answered` may come in either order: the network
    thread can hear the answer before the publishing thread has learnt the identifier.
    """

    def __init__(self, size: int, emit: Callable[[Delivery], None]) -> None:
        self._size = size
        self._emit = emit
        self._changed = threading.Condition()
        self._reserved = 0
        self._closed = False
        self._sent: dict[int, _Sent] = {}
        self._early: dict[int, int] = {}
        self._ignored: dict[int, int] = {}

    def __len__(self) -> int:
        with self._changed:
            return self._reserved

    def limit(self, size: int) -> None:
        """Make the window no larger than `size`, as the broker may ask."""
        with self._changed:
            self._size = max(1, min(self._size, size))

    def reserve(self) -> bool:
        """Wait for room for one publish; False when the window closed instead."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._reserved < self._size)
            if self._closed:
                return False
            self._reserved += 1
            return True

    def sent(self, mid: int, feed: str, seq: int, mono_ns: int, size: int = 0) -> bool:
        """Note which read went out as `mid`, in `size` bytes; False when the window closed meanwhile."""
        with self._changed:
            if self._closed:
                return False
            entry = self._sent[mid] = _Sent(feed, seq, mono_ns, size)
            if mid in self._early:
                self._settle(mid, entry, self._early.pop(mid))
            return True

    def ignore(self, mid: int, size: int = 0) -> None:
        """Expect an answer to `mid` that nobody needs: status and health take no room."""
        with self._changed:
            if self._early.pop(mid, None) is None:
                self._ignored[mid] = size

    def expects(self, mid: int) -> bool:
        """Whether the answer to an ignored `mid` has not come yet."""
        with self._changed:
            return mid in self._ignored

    def refused(self, feed: str, seq: int, reason_code: int) -> None:
        """Answer a reserved publish ourselves, because the broker would not take it."""
        with self._changed:
            if not self._closed:
                self._release()
                self._emit(Delivery(feed, seq, reason_code))

    def answered(self, mid: int, reason_code: int) -> None:
        """Pass on the broker's answer to `mid`."""
        with self._changed:
            if self._closed:
                return
            entry = self._sent.get(mid)
            if entry is not None:
                self._settle(mid, entry, reason_code)
            elif mid in self._ignored:
                del self._ignored[mid]
            else:
                self._early[mid] = reason_code

    def oldest_mono_ns(self) -> int | None:
        """When the longest unanswered publish went out."""
        with self._changed:
            return min((entry.mono_ns for entry in self._sent.values()), default=None)

    def largest(self) -> int:
        """The size of the largest unanswered packet; 0 when all are answered."""
        with self._changed:
            sizes = [entry.size for entry in self._sent.values()]
            return max((*sizes, *self._ignored.values()), default=0)

    def close(self) -> None:
        """Forget everything unanswered; the outbox will offer it again."""
        with self._changed:
            self._closed = True
            self._sent.clear()
            self._early.clear()
            self._ignored.clear()
            self._reserved = 0
            self._changed.notify_all()

    def _settle(self, mid: int, entry: _Sent, reason_code: int) -> None:
        del self._sent[mid]
        self._release()
        self._emit(Delivery(entry.feed, entry.seq, reason_code))

    def _release(self) -> None:
        self._reserved -= 1
        self._changed.notify_all()
