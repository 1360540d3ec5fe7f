"""Character shapes to write plates with: fonts of clear licence, our own strokes, cuttings of real plates.

Fonts are looked for in the Debian font folder, in the labelled picture collection (``ANPR_DATA``) and in the
folders named by the environment variable ``ANPR_FONTS`` (separated like ``PATH``), for example a
``node_modules/@fontsource`` folder. A font file that is not there is left out; our own strokes are always
there.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from anpr_edge.capture.render.glyphs import glyph_mask
from models.recipe.data import data_root

Mask = npt.NDArray[np.uint8]

CAP_HEIGHT_PX: Final = 64
"""Height of every glyph mask; one plate millimetre is about 0.8 of these pixels."""

FONT_FILES: Final = {
    "GlNummernschildEng-XgWd.ttf": ("eu", 5.0),
    "RG2014B.ttf": ("us", 1.0),
    "RG2014C.ttf": ("us", 2.0),
    "RG2014D.ttf": ("us", 2.0),
    "RG2014E.ttf": ("us", 1.0),
    "RG2014EM.ttf": ("uk", 1.0),
    "LiberationSansNarrow-Bold.ttf": ("eu", 2.0),
    "LiberationSans-Bold.ttf": ("uk", 1.5),
    "DejaVuSansCondensed-Bold.ttf": ("uk", 1.0),
    "RobotoCondensed-Bold.ttf": ("eu", 1.0),
    "RobotoCondensed-Medium.ttf": ("eu", 1.0),
    "Lato-Bold.ttf": ("us", 0.7),
    "OpenSans-Bold.ttf": ("uk", 0.7),
    "barlow-condensed-latin-600-normal.woff": ("eu", 2.0),
    "barlow-condensed-latin-700-normal.woff": ("eu", 2.0),
    "barlow-semi-condensed-latin-600-normal.woff": ("eu", 2.0),
    "barlow-latin-600-normal.woff": ("eu", 2.0),
    "barlow-latin-700-normal.woff": ("uk", 1.0),
    "overpass-latin-700-normal.woff": ("uk", 1.5),
    "roboto-condensed-latin-700-normal.woff": ("br", 1.5),
    "saira-condensed-latin-600-normal.woff": ("eu", 2.0),
    "saira-condensed-latin-700-normal.woff": ("us", 1.0),
    "oswald-latin-500-normal.woff": ("us", 1.5),
    "oswald-latin-700-normal.woff": ("br", 1.0),
    "archivo-narrow-latin-700-normal.woff": ("uk", 1.0),
    "rajdhani-latin-700-normal.woff": ("eu", 1.0),
}
"""File name → (family it resembles most, weight among its family)."""


class Typeface(Protocol):
    """Something that can write characters."""

    family: str
    weight: float

    def glyph(self, char: str, rng: np.random.Generator) -> Mask:
        """The character as ``uint8 (CAP_HEIGHT_PX, width)``, 255 = ink."""
        ...


@dataclass
class FontTypeface:
    """A font file."""

    path: Path
    family: str
    weight: float
    _cache: dict[str, Mask] = field(default_factory=dict, repr=False)

    def glyph(self, char: str, rng: np.random.Generator) -> Mask:
        """The character as ``uint8 (CAP_HEIGHT_PX, width)``; the same each time."""
        if char not in self._cache:
            self._cache[char] = _rasterise(self.path, char)
        return self._cache[char]


@dataclass
class CutTypeface:
    """Characters cut from real plates: another specimen each time."""

    specimens: dict[str, list[Mask]]
    family: str = "uk"
    weight: float = 6.0

    def glyph(self, char: str, rng: np.random.Generator) -> Mask:
        """One specimen of the character; digit and letter stand in for each other where one is missing."""
        pool = self.specimens.get(char) or self.specimens[{"O": "0", "I": "1", "Q": "0"}.get(char, "0")]
        return pool[int(rng.integers(len(pool)))]


@dataclass
class StrokeTypeface:
    """Our own strokes, as the road renderer draws them."""

    family: str = "uk"
    weight: float = 4.0
    _cache: dict[str, Mask] = field(default_factory=dict, repr=False)

    def glyph(self, char: str, rng: np.random.Generator) -> Mask:
        """The character with the statutory 79 × 50 mm proportions."""
        if char not in self._cache:
            width_mm = 14.0 if char in "1I" else 50.0
            self._cache[char] = glyph_mask(char, round(CAP_HEIGHT_PX * width_mm / 79.0), CAP_HEIGHT_PX)
        return self._cache[char]


@cache
def typefaces() -> tuple[Typeface, ...]:
    """Every typeface that can be had on this machine."""
    found: list[Typeface] = [
        FontTypeface(path, *FONT_FILES[path.name]) for path in _font_paths() if path.name in FONT_FILES
    ]
    specimens = _cut_specimens(data_root() / "glyphs" / "gb")
    if specimens:
        found.append(CutTypeface(specimens))
    found.append(StrokeTypeface())
    return tuple(found)


def pick_typeface(rng: np.random.Generator, family: str) -> Typeface:
    """A typeface of the family; one plate in seven, and every one of family ``any``, takes any typeface."""
    pool = [face for face in typefaces() if face.family == family]
    if not pool or family == "any" or rng.random() < 0.15:
        pool = list(typefaces())
    weights = np.array([face.weight for face in pool])
    return pool[int(rng.choice(len(pool), p=weights / weights.sum()))]


def _font_paths() -> Iterator[Path]:
    named = [Path(entry) for entry in os.environ.get("ANPR_FONTS", "").split(os.pathsep) if entry]
    seen: set[str] = set()
    for folder in (*named, data_root() / "fonts", Path("/usr/share/fonts")):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.suffix in {".ttf", ".otf", ".woff"} and path.name not in seen:
                seen.add(path.name)
                yield path


def _rasterise(path: Path, char: str) -> Mask:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(str(path), 128)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(char))
    image = Image.new("L", (right - left + 8, bottom - top + 8), 0)
    ImageDraw.Draw(image).text((4 - left, 4 - top), char, font=font, fill=255)
    return _fit(np.asarray(image, dtype=np.uint8))


def _cut_specimens(folder: Path) -> dict[str, list[Mask]]:
    specimens: dict[str, list[Mask]] = defaultdict(list)
    for path in sorted(folder.glob("*.jpg")):
        picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        char = path.name[0].upper()
        if picture is None or not char.isalnum():
            continue
        specimens[char].append(_fit(np.asarray(255 - picture, np.uint8)))
    return dict(specimens)


def _fit(picture: Mask) -> Mask:
    """Cut to the ink and scale to the common height, keeping the proportions."""
    rows, columns = np.nonzero(picture > 90)
    if rows.size == 0:
        return np.full((CAP_HEIGHT_PX, CAP_HEIGHT_PX // 4), 255, np.uint8)
    ink = picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    width = max(8, round(ink.shape[1] * CAP_HEIGHT_PX / ink.shape[0]))
    shrink = ink.shape[0] > CAP_HEIGHT_PX
    fitted = cv2.resize(
        ink, (width, CAP_HEIGHT_PX), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC
    )
    return np.asarray(fitted, np.uint8)
