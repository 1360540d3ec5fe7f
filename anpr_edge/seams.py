"""Where concrete parts meet: protocols of one to four methods.

Each has one contract suite in tests/contract that runs over every implementation, fakes included.
Motion gate, tracker, fusion and syntax are plain classes and need no seam.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from anpr_edge.records import (
    Box,
    Delivery,
    Detection,
    Exposure,
    Fix,
    Frame,
    Instant,
    LinkState,
    Loss,
    OutboxEntry,
    PlateCandidate,
    PlateRead,
    Quad,
    SealedRead,
    SignedMessage,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SealAs = Callable[[int, bytes], SealedRead]
"""Seals one read, given its feed's next sequence number and the hash of the envelope before it."""


class Clock(Protocol):
    """The only way to learn the time."""

    def now(self) -> Instant: ...

    def sleep(self, seconds: float) -> None: ...


class FrameSource(Protocol):
    """Gives frames in the order they were taken."""

    def read(self) -> Frame | None:
        """Wait for the next frame; None when a finite source has ended.

        Raises: SourceStalled when no frame comes within the source's own limit.
        """
        ...

    def close(self) -> None:
        """Release the device; harmless when called twice."""
        ...


@runtime_checkable
class Exposable(Protocol):
    """A frame source whose exposure can be set; recordings and strangers' streams are none."""

    def expose(self, exposure: Exposure) -> None:
        """Take later frames with this shutter and gain, as near as the sensor can; returns at once.

        Any thread may call it. What a frame was taken with is in the frame.
        """
        ...


class Detector(Protocol):
    """Finds plates."""

    @property
    def model_id(self) -> str: ...

    def detect(self, pixels: NDArray[np.uint8], known: Sequence[Box] = ()) -> list[Detection]:
        """Plates in a uint8 (height, width) picture, best first.

        `known` are plates, where they should be by now, that nobody will read in this picture: where they are
        is enough, so an implementation need not look closely at them.
        """
        ...


class Recogniser(Protocol):
    """Reads plates."""

    @property
    def model_id(self) -> str: ...

    @property
    def alphabet(self) -> str:
        """What each column of `PlateCandidate.char_probs` stands for."""
        ...

    def recognise(self, pixels: NDArray[np.uint8], quad: Quad) -> PlateCandidate | None:
        """The plate inside `quad`, or None when nothing there can be read."""
        ...


class Sealer(Protocol):
    """Turns a read into what one feed may have of it, for the feed's recipients alone."""

    def seal(self, read: PlateRead, feed: str, seq: int, previous: bytes) -> SealedRead: ...

    def seal_losses(self, losses: Sequence[Loss], feed: str, seq: int, previous: bytes) -> SealedRead:
        """A report of numbers the feed will never get, in a read's place."""
        ...


class Outbox(Protocol):
    """Keeps sealed reads until their feed's centre has them."""

    def append(self, requests: Sequence[tuple[str, SealAs]]) -> list[SealedRead]:
        """Number, seal and keep one read for each (feed, seal) pair, all in one transaction."""
        ...

    def due(self, limit: int, *, held: Collection[str] = ()) -> list[OutboxEntry]:
        """Unsent reads whose time has come: the newest first, then the backlog oldest first.

        None of the feeds `held`.
        """
        ...

    def record(self, deliveries: Sequence[Delivery]) -> None:
        """Mark accepted reads sent; put refused ones back with a later next attempt."""
        ...

    def settle(self, feed: str, watermark: int, gaps: Sequence[tuple[int, int]]) -> None:
        """Forget reads up to `watermark` except inside `gaps` (first, last), which go out again.

        When there has been a higher watermark, nothing is forgotten.
        """
        ...


class Uplink(Protocol):
    """One connection to the broker."""

    def start(self) -> None: ...

    def publish(self, read: SealedRead) -> None:
        """Hand one read to the broker; its `Delivery` comes out of `events`."""
        ...

    def events(self, timeout_s: float) -> list[Delivery | SignedMessage | LinkState]:
        """What happened since the last call, waiting up to `timeout_s` for the first."""
        ...

    def stop(self) -> None: ...


class Positioner(Protocol):
    """Knows where the unit is."""

    def fix(self) -> Fix | None:
        """The latest fix; None when there is no receiver and no surveyed position."""
        ...


class Illuminator(Protocol):
    """Drives the IR lamps."""

    def set_level(self, level: float) -> None:
        """Brightness from 0 (dark) to 1 (full)."""
        ...


class Notifier(Protocol):
    """Tells the service manager how the process is."""

    def ready(self) -> None: ...

    def alive(self) -> None: ...

    def status(self, text: str) -> None: ...

    def stopping(self) -> None: ...
