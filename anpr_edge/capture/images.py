"""Still pictures: one at a time, or a folder of them as a frame source."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from anpr_edge.capture.image_header import declared_size
from anpr_edge.capture.luma import to_luma
from anpr_edge.errors import BadImage, SourceUnavailable
from anpr_edge.records import Frame
from anpr_edge.seams import Clock

log = logging.getLogger(__name__)

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"})
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_SIDE_PX = 8192
MIN_SIDE_PX = 4

_DECODE = cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH


def load_luma(path: Path | str) -> NDArray[np.uint8]:
    """One picture file as uint8 (H, W), upright as its EXIF orientation says.

    Colour becomes luma, 16 bits become 8.

    Raises: BadImage naming the file, when it cannot be read or decoded or is absurdly large.
    """
    file = Path(path)
    data = _read_limited(file)
    size = declared_size(data)
    if size is not None:
        _check_size(file, *size)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE)
    except cv2.error as error:
        raise _undecodable(file) from error
    if picture is None:
        raise _undecodable(file)
    _check_size(file, picture.shape[1], picture.shape[0])
    try:
        return to_luma(picture)
    except ValueError as error:
        raise BadImage(f"{file}: {error}", hint="save it as an 8 or 16 bit picture") from error


def _read_limited(file: Path) -> bytes:
    try:
        length = file.stat().st_size
        if length > MAX_FILE_BYTES:
            raise BadImage(f"{file}: {length} bytes, at most {MAX_FILE_BYTES}")
        data = file.read_bytes()
    except OSError as error:
        raise BadImage(f"{file}: cannot be read: {error.strerror or error}") from error
    if not data:
        raise BadImage(f"{file}: the file is empty")
    return data


def _check_size(file: Path, width: int, height: int) -> None:
    if not (MIN_SIDE_PX <= width <= MAX_SIDE_PX and MIN_SIDE_PX <= height <= MAX_SIDE_PX):
        raise BadImage(
            f"{file}: {width}x{height} px, each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} px",
        )


def _undecodable(file: Path) -> BadImage:
    known = ", ".join(sorted(suffix[1:] for suffix in SUFFIXES))
    return BadImage(f"{file}: not a picture that can be decoded", hint=f"known formats: {known}")


class ImageFolder:
    """Picture files as frames: each path's own, or a folder's pictures in natural order.

    A picture that cannot be decoded is left out, said in the log and counted in `skipped`.
    """

    def __init__(self, clock: Clock, paths: Iterable[Path | str]) -> None:
        """Find the pictures.

        Raises: SourceUnavailable when a path does not exist or no picture is found at all.
        """
        self._clock = clock
        self._files = [file for path in paths for file in find_images(Path(path))]
        if not self._files:
            raise SourceUnavailable(
                "no picture in the given paths",
                hint=f"a folder is searched for {', '.join(sorted(SUFFIXES))}",
            )
        self._at = 0
        self._seq = 0
        self.skipped = 0

    def read(self) -> Frame | None:
        """The next picture that can be decoded; None after the last."""
        while self._at < len(self._files):
            file, self._at = self._files[self._at], self._at + 1
            try:
                pixels = load_luma(file)
            except BadImage as error:
                self.skipped += 1
                log.warning("picture left out: %s", error)
                continue
            frame = Frame(self._seq, self._clock.now(), pixels)
            self._seq += 1
            return frame
        return None

    def close(self) -> None:
        """Give no more pictures."""
        self._at = len(self._files)


def find_images(path: Path) -> list[Path]:
    """A file as it is; a folder's picture files, `frame2` before `frame10`, subfolders not searched.

    Raises: SourceUnavailable when there is nothing at `path`.
    """
    if path.is_dir():
        found = (file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        return sorted(found, key=_natural)
    if not path.exists():
        raise SourceUnavailable(f"{path}: no such file or folder")
    return [path]


def _natural(file: Path) -> list[tuple[int, int, str]]:
    """Sort key that compares runs of digits as numbers."""
    parts = re.findall(r"(\d+)|(\D+)", file.name.lower())
    return [(0, int(digits), "") if digits else (1, 0, other) for digits, other in parts]
