"""What stands on a plate and is not to be read: bands, seals, arms, slogans, bolts, dirt."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Reflectance = npt.NDArray[np.float32]

_SLOGAN_LETTERS: Final = "AEIOUNRSTLDMCHGBPFYWVK aeiounrstldmchgbpfywvk .-"
_BAND_FACES: Final = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)
_SLOGAN_FACES: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)


def draw_seal(
    rng: np.random.Generator, face: Reflectance, centre: tuple[int, int], height: int, ground: float
) -> None:
    """A registration seal, sticker or coat of arms around ``centre``, with some pattern inside."""
    x, y = centre
    half_h = max(4, int(height * rng.uniform(0.16, 0.36)))
    half_w = max(4, int(half_h * rng.uniform(0.75, 1.1)))
    tone = float(rng.uniform(0.15, 0.85))
    shape = int(rng.integers(4))
    if shape == 0:
        cv2.ellipse(face, (x, y), (half_w, half_h), 0, 0, 360, (tone,), -1, cv2.LINE_AA)
    elif shape == 1:
        shield = [[-1, -1], [1, -1], [1, 0.2], [0, 1], [-1, 0.2]]
        points = (np.array(shield) * (half_w, half_h) + (x, y)).astype(np.int32)
        cv2.fillPoly(face, [points], (tone,), cv2.LINE_AA)
        if rng.random() < 0.5:
            light = (float(rng.uniform(0.6, 1.0)),)
            cv2.line(face, (x, y - half_h), (x, y + half_h), light, max(1, half_w // 3))
            cv2.line(
                face, (x - half_w, y - half_h // 3), (x + half_w, y - half_h // 3), light, max(1, half_w // 3)
            )
        cv2.polylines(face, [points], True, (float(rng.uniform(0, 0.4)),), 2, cv2.LINE_AA)
    elif shape == 2:
        cv2.rectangle(face, (x - half_w, y - half_h), (x + half_w, y + half_h), (tone,), -1)
    else:
        cv2.ellipse(face, (x, y), (half_w, half_h), 0, 0, 360, (tone,), int(rng.integers(2, 5)), cv2.LINE_AA)
    for _ in range(int(rng.integers(1, 6))):
        dx, dy = rng.uniform(-0.6, 0.6, 2) * (half_w, half_h)
        size = max(1, int(half_w * rng.uniform(0.1, 0.4)))
        cv2.circle(face, (int(x + dx), int(y + dy)), size, (float(rng.uniform(0, ground)),), -1, cv2.LINE_AA)


def draw_stickers(
    rng: np.random.Generator, face: Reflectance, middle: tuple[int, int], height: int, ground: float
) -> None:
    """Two round stickers, one above the other, as German plates carry."""
    x, y = middle
    radius = max(3, int(height * rng.uniform(0.13, 0.22)))
    for side in (-1, 1):
        centre = (x, y + side * int(height * 0.26))
        tone = float(ground * rng.uniform(0.25, 0.95))
        cv2.circle(face, centre, radius, (tone,), -1, cv2.LINE_AA)
        cv2.circle(face, centre, radius, (float(ground * 0.4),), 1, cv2.LINE_AA)
        for _ in range(int(rng.integers(2, 7))):
            dx, dy = rng.integers(-radius, radius + 1, 2)
            spot = (centre[0] + int(dx) // 2, centre[1] + int(dy) // 2)
            cv2.circle(face, spot, 2, (float(rng.uniform(0, 0.8)),), -1)


def draw_stack(
    rng: np.random.Generator, face: Reflectance, centre: tuple[int, int], height: int, ink: float
) -> None:
    """Small letters one above the other, or a picture in their place, as American plates have."""
    x, y = centre
    if rng.random() < 0.5:
        blob = rng.normal(0, 0.22, (9, 2)).cumsum(axis=0) * height * 0.5
        points = (blob - blob.mean(axis=0)).clip(-0.45 * height, 0.45 * height) + centre
        cv2.fillPoly(face, [points.astype(np.int32)], (float(rng.uniform(0.1, 0.8)),), cv2.LINE_AA)
        return
    count = int(rng.integers(2, 4))
    scale = height / count / 30
    for row, char in enumerate(random_words(rng, count, count + 1).upper()):
        base = int(y - height / 2 + (row + 0.85) * height / count)
        cv2.putText(
            face, char, (x - int(9 * scale), base), cv2.FONT_HERSHEY_SIMPLEX, scale, (ink,), 2, cv2.LINE_AA
        )


def draw_band(rng: np.random.Generator, face: Reflectance, x0: int, x1: int, code: str) -> None:
    """A national band between two columns: stars, flag or arms above, the nation's letters below."""
    height, width = face.shape[0], x1 - x0
    dark = rng.random() < 0.75
    tone = float(rng.uniform(0.02, 0.55) if dark else rng.uniform(0.55, 1.0))
    mark = float(np.clip(tone + rng.uniform(0.25, 0.8) * (1 if tone < 0.5 else -1), 0, 1))
    face[:, x0:x1] = tone
    style = rng.random()
    if style < 0.5:
        _draw_stars(face, x0 + width / 2, height * 0.3, width * 0.3, mark)
    elif style < 0.7:
        split = int(height * rng.uniform(0.3, 0.5))
        face[int(height * 0.06) : split, x0 + 3 : x1 - 3] = float(rng.uniform(0.1, 1))
        cv2.line(face, (x0 + 3, split // 2), (x1 - 4, split // 2), (float(rng.uniform(0, 1)),), 3)
        cv2.line(face, ((x0 + x1) // 2, 4), ((x0 + x1) // 2, split), (float(rng.uniform(0, 1)),), 3)
    elif style < 0.8:
        draw_seal(rng, face, ((x0 + x1) // 2, int(height * 0.3)), height // 2, tone)
    if rng.random() < 0.85:
        _draw_band_letters(rng, face[:, x0:x1], code, mark)


def _draw_stars(face: Reflectance, x: float, y: float, radius: float, tone: float) -> None:
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        centre = (int(x + radius * np.cos(angle)), int(y + radius * np.sin(angle)))
        cv2.circle(face, centre, max(1, int(radius / 6)), (tone,), -1, cv2.LINE_AA)


def _draw_band_letters(rng: np.random.Generator, band: Reflectance, code: str, tone: float) -> None:
    font = _BAND_FACES[int(rng.integers(len(_BAND_FACES)))]
    (width, _), _ = cv2.getTextSize(code, font, 1.0, 2)
    scale = min((band.shape[1] - 6) / max(width, 1), 0.9 * float(rng.uniform(0.7, 1.2)))
    left = int((band.shape[1] - width * scale) / 2)
    cv2.putText(band, code, (left, int(band.shape[0] * 0.88)), font, scale, (tone,), 2, cv2.LINE_AA)


def random_words(rng: np.random.Generator, shortest: int = 5, longest: int = 22) -> str:
    """Letters that look like words: a slogan, a dealer, a web address."""
    length = int(rng.integers(shortest, longest))
    words = "".join(_SLOGAN_LETTERS[int(i)] for i in rng.integers(0, len(_SLOGAN_LETTERS), length))
    return words.upper() if rng.random() < 0.5 else words


def draw_slogan(rng: np.random.Generator, face: Reflectance, top: int, bottom: int, ink: float) -> None:
    """A line of small words between two rows of pixels: state, slogan, dealer; centred or off to a side."""
    room = bottom - top
    if room < 6:
        return
    words = random_words(rng)
    font = _SLOGAN_FACES[int(rng.integers(len(_SLOGAN_FACES)))]
    (width, height), _ = cv2.getTextSize(words, font, 1.0, 1)
    scale = min(room * float(rng.uniform(0.6, 0.95)) / height, face.shape[1] * 0.9 / width)
    left = int((face.shape[1] - width * scale) * rng.uniform(0.3, 0.7))
    tone = float(np.clip(ink + rng.uniform(-0.1, 0.35), 0, 1))
    thick = 2 if scale > 0.7 else 1
    cv2.putText(face, words, (left, bottom - max(1, room // 6)), font, scale, (tone,), thick, cv2.LINE_AA)


def draw_bolts(rng: np.random.Generator, face: Reflectance) -> None:
    """Up to four screw heads or caps, anywhere along the plate, also through characters."""
    height, width = face.shape
    for _ in range(int(rng.integers(1, 5))):
        centre = (int(rng.uniform(0.03, 0.97) * width), int(rng.choice([0.1, 0.5, 0.9]) * height))
        tone = float(rng.uniform(0, 1))
        radius = int(rng.integers(2, 8))
        cv2.circle(face, centre, radius, (tone,), -1, cv2.LINE_AA)
        cv2.circle(face, centre, max(1, radius // 2), (1 - tone,), -1, cv2.LINE_AA)


def draw_border(rng: np.random.Generator, face: Reflectance, ink: float) -> None:
    """A painted or embossed edge line."""
    inset, thick = int(rng.integers(0, 6)), int(rng.integers(1, 4))
    height, width = face.shape
    tone = float(ink + rng.uniform(0, 0.4))
    cv2.rectangle(face, (inset, inset), (width - 1 - inset, height - 1 - inset), (tone,), thick, cv2.LINE_AA)


def soil(rng: np.random.Generator, face: Reflectance) -> Reflectance:
    """Dirt: a smooth film, and sometimes splashes, that darken the plate."""
    height, width = face.shape
    grid = rng.random((int(rng.integers(2, 7)), int(rng.integers(4, 20)))).astype(np.float32)
    film = np.clip(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC) * 1.6 - 0.6, 0, 1)
    soiled = face * (1 - rng.uniform(0.1, 0.55) * film)
    for _ in range(int(rng.integers(0, 12)) if rng.random() < 0.3 else 0):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(soiled, centre, int(rng.integers(1, 6)), (float(rng.uniform(0.05, 0.5)),), -1, cv2.LINE_AA)
    return np.asarray(soiled, np.float32)


def shade(rng: np.random.Generator, face: Reflectance) -> Reflectance:
    """A shadow edge across the plate, soft or sharp, or a plain gradient."""
    height, width = face.shape
    angle = rng.uniform(0, 2 * np.pi)
    across = np.linspace(-1, 1, width)[None] * np.cos(angle) + np.linspace(-1, 1, height)[:, None] * np.sin(
        angle
    )
    edge = 1 / (1 + np.exp(-(across - rng.uniform(-0.6, 0.6)) * rng.uniform(1.5, 30)))
    return np.asarray(face * (1 - rng.uniform(0.15, 0.6) * edge), np.float32)


def draw_scenery(rng: np.random.Generator, face: Reflectance, ground: float) -> None:
    """A faint picture behind the characters, as on American plates: hills, a gradient, blobs."""
    height, width = face.shape
    slope = np.linspace(0, 1, height, dtype=np.float32)[:, None] * float(rng.uniform(-0.35, 0.35))
    face += slope
    for _ in range(int(rng.integers(0, 4))):
        xs = np.arange(0, width, 4)
        waves = np.sin(xs / width * rng.uniform(3, 14) + rng.uniform(0, 6)) * rng.uniform(4, 18)
        line = np.stack([xs, rng.uniform(0.2, 1.0) * height + waves], 1)
        hills = np.concatenate([line, [[width, height], [0, height]]]).astype(np.int32)
        layer = face.copy()
        cv2.fillPoly(layer, [hills], (float(ground * rng.uniform(0.5, 1.05)),), cv2.LINE_AA)
        cv2.addWeighted(layer, 0.6, face, 0.4, 0, face)
    np.clip(face, 0, 1, out=face)
