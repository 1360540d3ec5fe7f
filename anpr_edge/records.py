"""The records that flow through a unit, in the order they are made. Units are in the names.

`Frame → Detection → Track → PlateCandidate → PlateRead → SealedRead → OutboxEntry → Delivery`

Whatever holds a plate masks it in `repr()`, so that no log line or traceback can show one.
This module needs no numpy at run time: the centre uses it without.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Point = tuple[float, float]
Direction = Literal["toward", "away"]

NO_MATCHING_SUBSCRIBERS = 0x10
PACKET_TOO_LARGE = 0x95
"""Source: MQTT 5.0 §2.4, reason codes."""


def mask_plate(text: str) -> str:
    """Show the first two characters only, and hide how many follow: `AB12CDE` → `AB•••`."""
    return f"{text[:2]}•••" if len(text) > 2 else "•••"


@dataclass(frozen=True, slots=True)
class Instant:
    """One moment by both clocks. `utc_error_ms` is None while the clock is unsynchronised."""

    utc_ns: int
    mono_ns: int
    utc_error_ms: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture from the sensor: `pixels` is uint8 (height, width) IR luma, never stored."""

    seq: int
    taken: Instant
    pixels: NDArray[np.uint8]
    exposure_us: float | None = None
    gain: float | None = None
    illuminated: bool | None = None

    def __repr__(self) -> str:
        height, width = self.pixels.shape[:2]
        return f"Frame(seq={self.seq}, {width}x{height})"


@dataclass(frozen=True, slots=True)
class Exposure:
    """How pictures are to be taken; `lamp_level` is 0 (dark) to 1 (full)."""

    shutter_us: float
    gain: float
    lamp_level: float


@dataclass(frozen=True, slots=True)
class Brightness:
    """How bright one frame came out, in grey levels 0 to 255.

    `scene_grey` is the whole picture's median. `plate_grey` is what nine in ten pixels on the plates do not
    exceed, and `plate_clipped` the share of those pixels, 0 to 1, that the sensor could not tell from
    white; both are None without a plate.
    """

    scene_grey: float
    plate_grey: float | None = None
    plate_clipped: float | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in sensor pixels, half-open: x0 ≤ x < x1, y0 ≤ y < y1."""

    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def width(self) -> float:
        return self.x1 - self.x0

    @property
    def height(self) -> float:
        return self.y1 - self.y0

    @property
    def centre(self) -> Point:
        return (self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2

    def centred_at(self, centre: Point) -> Box:
        """The same rectangle, elsewhere."""
        right, down = centre[0] - self.centre[0], centre[1] - self.centre[1]
        return Box(self.x0 + right, self.y0 + down, self.x1 + right, self.y1 + down)

    def iou(self, other: Box) -> float:
        """Intersection over union with `other`, 0 to 1."""
        across = min(self.x1, other.x1) - max(self.x0, other.x0)
        down = min(self.y1, other.y1) - max(self.y0, other.y0)
        if across <= 0 or down <= 0:
            return 0.0
        shared = across * down
        union = self.width * self.height + other.width * other.height - shared
        return shared / union if union > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Quad:
    """Four corners in sensor pixels, clockwise from the plate's own top left."""

    top_left: Point
    top_right: Point
    bottom_right: Point
    bottom_left: Point

    @property
    def points(self) -> tuple[Point, Point, Point, Point]:
        return self.top_left, self.top_right, self.bottom_right, self.bottom_left

    @property
    def box(self) -> Box:
        """The smallest upright box around the four corners."""
        xs = [x for x, _ in self.points]
        ys = [y for _, y in self.points]
        return Box(min(xs), min(ys), max(xs), max(ys))

    @property
    def centre(self) -> Point:
        """The mean of the four corners."""
        (ax, ay), (bx, by), (cx, cy), (dx, dy) = self.points
        return (ax + bx + cx + dx) / 4, (ay + by + cy + dy) / 4

    @classmethod
    def of_box(cls, box: Box) -> Quad:
        """The box's own corners."""
        return cls((box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1))


@dataclass(frozen=True, slots=True)
class Detection:
    """A plate found in one frame; `score` is 0 to 1."""

    box: Box
    quad: Quad
    score: float


@dataclass(frozen=True, slots=True)
class Track:
    """One plate followed over frames: how often it was matched and how often missed since."""

    track_id: int
    box: Box
    first: Instant
    last: Instant
    matches: int
    misses: int


@dataclass(frozen=True, slots=True, eq=False)
class PlateCandidate:
    """What one look at one plate gave.

    `char_probs` is float32 (slots, alphabet): one row for each character of `text`, each row summing
    to 1 over the recogniser's alphabet. `score` is the probability that the whole text is right.
    """

    text: str
    char_probs: NDArray[np.float32]
    score: float
    sharpness: float
    plate_width_px: float

    def __repr__(self) -> str:
        return (
            f"PlateCandidate({mask_plate(self.text)}, score={self.score:.3f}, "
            f"plate_width_px={self.plate_width_px:.0f})"
        )


@dataclass(frozen=True, slots=True)
class Fix:
    """A position. `mode` as in NMEA: 0 unknown, 1 no fix, 2 two-dimensional, 3 three-dimensional.

    Without a fix `lat_deg` and `lon_deg` are None, never 0,0. A surveyed site position is mode 3
    with `taken` None.
    """

    mode: Literal[0, 1, 2, 3]
    lat_deg: float | None
    lon_deg: float | None
    eph_m: float | None
    taken: Instant | None


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another text the same pixels could be, with the probability of exactly that spelling."""

    text: str
    confidence: float

    def __repr__(self) -> str:
        return f"Alternative({mask_plate(self.text)}, {self.confidence:.3f})"


@dataclass(frozen=True, slots=True)
class PlateRead:
    """One vehicle's plate as the unit read it, from all frames that saw it.

    `plate_text` is the most probable reading of the pixels. Only where characters are drawn alike (O, Q
    and 0; I and 1) does a national pattern choose the spelling; when that is another than the pixels
    alone favour, theirs is the first of `alternatives`. `confidence` is the probability that `plate_text`
    is right, spellings drawn alike counted as one; it is what `reading.min_confidence` is held against.
    `syntax` names the national pattern the text fits (such as `gb:current`), or None; `region` is the
    ISO 3166-1 country that pattern belongs to. `plate_width_px` is the widest the plate was
    seen; it stays on the unit. A `preview` is given while the vehicle is still looked at; its
    read has the same `first` instant.
    """

    plate_text: str
    confidence: float
    char_confidences: tuple[float, ...]
    alternatives: tuple[Alternative, ...]
    syntax: str | None
    region: str | None
    first: Instant
    last: Instant
    frames_used: int
    direction: Direction | None
    lane: str | None
    fix: Fix | None
    model_ids: tuple[str, ...]
    preview: bool = False
    plate_width_px: float | None = None

    def __repr__(self) -> str:
        hidden = {"plate_text": mask_plate(self.plate_text), "char_confidences": "…"}
        shown = (f"{f.name}={hidden.get(f.name) or repr(getattr(self, f.name))}" for f in fields(self))
        return f"PlateRead({', '.join(shown)})"


EPOCH_NUMBERS: Final = 2**40
"""How many numbers an epoch of a feed has. A unit that has lost its outbox goes on in the next epoch."""


class LossCause(StrEnum):
    """Why a unit has a number no more, or never had a read for it."""

    FULL = "full"
    """The outbox was full, and the broker had not taken the read."""
    FULL_SENT = "full-sent"
    """The outbox was full; the broker had taken the read, and the centre had not confirmed it."""
    EXPIRED = "expired"
    EXPIRED_SENT = "expired-sent"
    """Its feed's retention was over."""
    DISK_FULL = "disk-full"
    """Something else filled the disk, and the outbox had to shrink."""
    BROKEN = "broken"
    """The outbox's file was damaged, and the read could not be saved from it."""
    NO_OUTBOX = "no-outbox"
    """The outbox took no reads for so long that memory was full of them: it was never sealed."""
    UNSEALABLE = "unsealable"
    """It broke the wire format's limits, and was never sealed."""
    UNKNOWN = "unknown"
    """The centre asked for it, and the unit knows nothing of it."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the numbers `first` to `last` of a feed the unit has none, and will never send one."""

    first: int
    last: int
    cause: LossCause


@dataclass(frozen=True, slots=True)
class SealedRead:
    """A read as one feed may have it: ciphertext, numbered by the feed."""

    feed: str
    seq: int
    blob: bytes

    def __repr__(self) -> str:
        return f"SealedRead({self.feed}#{self.seq}, {len(self.blob)} bytes)"


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A sealed read waiting in the outbox, and when it may be tried again.

    `attempts`: how often in a row the broker gave the answer it gave last. `live`: before the backlog.
    """

    read: SealedRead
    attempts: int
    next_attempt_utc_ns: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """The broker's answer to one publish; `reason_code` is MQTT 5's, below 128 is success.

    "No matching subscribers" is a success by that rule, and yet nobody has the read: not accepted.
    """

    feed: str
    seq: int
    reason_code: int

    @property
    def accepted(self) -> bool:
        return self.reason_code < 128 and self.reason_code != NO_MATCHING_SUBSCRIBERS

    @property
    def too_large(self) -> bool:
        """Whether the broker takes no packet of its size: none succeeds before somebody changes that."""
        return self.reason_code == PACKET_TOO_LARGE


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """Bytes that came down from the broker, unverified, with the topic's last part as `name`.

    A command (`cmd`) may say on which topic, and with what, it is to be replied to; empty when it does not.
    """

    kind: Literal["ack", "cmd"]
    name: str
    payload: bytes
    response_topic: str = ""
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class LinkState:
    """The uplink's connection changed; `detail` says why, in the broker's or the system's words.

    `broker` is the one it is, or was to be, with; `cause` why there is none, in one of a few stable words.
    """

    connected: bool
    detail: str
    broker: str = ""
    cause: str = ""
