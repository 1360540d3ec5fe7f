"""Frames at the detector's input size with what is known about their plates, in memory and on disk.

All positions are pixels of the 448 x 320 input, counted from its outer edge. A plate's *box* is the upright
rectangle around its face, grown by `BOX_MARGIN`: label styles differ by source, from the bare face to the
whole holder, and this lies between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from anpr_edge.records import Box

Floats = NDArray[np.float32]

HEIGHT_PX: Final = 320
WIDTH_PX: Final = 448
BOX_MARGIN: Final = (1.05, 1.18)
"""Width and height of a box over those of the face inside it. At these an exact detection has an IoU of about
0.8 with the tightest and the loosest labels alike.
Source: our measurement of boxes against corners, by source; see `LABEL_STYLE`."""
LABEL_STYLE: Final[dict[str, tuple[float, float]]] = {
    "robertlucian": (1.095, 1.41),
    "openimages_plates": (1.006, 1.02),
    "openalpr_us": (0.993, 0.943),
    "openalpr_br": (0.988, 0.964),
    "kslat3r_uk": (1.032, 1.116),
}
"""Median width and height of each source's boxes over those of the face inside.
Source: our measurement on the 514 plates with corners."""
TOO_SMALL_PX: Final = 6.5
"""A plate narrower than this in the input is neither asked for nor forbidden."""
VISIBLE_SHARE: Final = 0.6
"""A plate of which the frame shows less than this is neither asked for nor forbidden."""


@dataclass(frozen=True, eq=False)
class LabelledFrame:
    """One picture for the detector.

    `pixels` uint8 (320, 448); `boxes` float32 (n, 4) as x0 y0 x1 y1; `quads` float32 (n, 4, 2) clockwise
    from the plate's own top left, NaN where unknown; `ignored` float32 (m, 4): areas where neither
    finding nor missing a plate counts. `complete` is false when plates may be there that nobody labelled.
    """

    pixels: NDArray[np.uint8]
    boxes: Floats
    quads: Floats
    ignored: Floats
    complete: bool


@dataclass(frozen=True, eq=False)
class Shard:
    """Many frames as arrays; `owner[i]` is the frame of plate i, `ignored_owner[i]` of ignored area i."""

    pixels: NDArray[np.uint8]
    complete: NDArray[np.bool_]
    boxes: Floats
    quads: Floats
    owner: NDArray[np.int64]
    ignored: Floats
    ignored_owner: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.pixels)

    def frame(self, index: int) -> LabelledFrame:
        """Frame number `index`."""
        own, out = self.owner == index, self.ignored_owner == index
        complete = bool(self.complete[index])
        return LabelledFrame(
            self.pixels[index], self.boxes[own], self.quads[own], self.ignored[out], complete
        )


def standard_box(box: Box, source: str) -> Box:
    """A labelled box of `source` brought to the style all targets share."""
    label_width, label_height = LABEL_STYLE.get(source, (1.0, 1.0))
    return grow(box, BOX_MARGIN[0] / label_width, BOX_MARGIN[1] / label_height)


def grow(box: Box, across: float, down: float) -> Box:
    """`box` about its centre, `across` times as wide and `down` times as high."""
    x, y = box.centre
    half_width, half_height = box.width * across / 2, box.height * down / 2
    return Box(x - half_width, y - half_height, x + half_width, y + half_height)


def sort_out(boxes: Floats) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks over `boxes`: plates that count, and areas where nothing counts; the rest is out of frame."""
    edge = np.array([WIDTH_PX, HEIGHT_PX, WIDTH_PX, HEIGHT_PX], np.float32)
    seen = np.clip(boxes, 0, edge)
    area = (seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1])
    whole = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    touched = area > 0
    counted = touched & (area >= VISIBLE_SHARE * whole) & (boxes[:, 2] - boxes[:, 0] >= TOO_SMALL_PX)
    return counted, touched & ~counted


def save_shard(path: Path, frames: Sequence[LabelledFrame]) -> None:
    """Write the frames to `path` (.npz) in one step, so that a reader never sees half a shard."""
    boxes = [frame.boxes.reshape(-1, 4) for frame in frames]
    ignored = [frame.ignored.reshape(-1, 4) for frame in frames]
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez(
        partial,
        pixels=np.stack([frame.pixels for frame in frames]),
        complete=np.array([frame.complete for frame in frames]),
        boxes=np.concatenate(boxes).astype(np.float32),
        quads=np.concatenate([frame.quads.reshape(-1, 4, 2) for frame in frames]).astype(np.float32),
        owner=np.repeat(np.arange(len(frames)), [len(rows) for rows in boxes]),
        ignored=np.concatenate(ignored).astype(np.float32),
        ignored_owner=np.repeat(np.arange(len(frames)), [len(rows) for rows in ignored]),
    )
    partial.rename(path)


def load_shard(path: Path) -> Shard:
    """Read one shard.

    Raises: ValueError when the pictures are not of the detector's input size.
    """
    with np.load(path) as stored:
        shard = Shard(**{name: stored[name] for name in Shard.__dataclass_fields__})
    if shard.pixels.shape[1:] != (HEIGHT_PX, WIDTH_PX):
        raise ValueError(
            f"{path.name}: pictures of {shard.pixels.shape[1:]}, expected {(HEIGHT_PX, WIDTH_PX)}"
        )
    return shard


def shard_paths(folder: Path) -> list[Path]:
    """The folder's finished shards by name."""
    return sorted(path for path in folder.glob("*.npz") if not path.name.startswith("."))
