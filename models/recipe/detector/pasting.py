"""Made-up plates and things that are none, pasted into a frame with known corners.

Frames here are `float32 (320, 448)` light, 1.0 just not saturated.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, Floats
from models.recipe.synthesis.furniture import random_words
from models.recipe.synthesis.plates import random_plate
from models.recipe.synthesis.surroundings import bodywork, non_plate

PASTED_WIDTHS_PX: Final = (9.0, 170.0)
_FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
_SUPERSAMPLE: Final = 3


def paste_plate(
    rng: np.random.Generator, light: Floats, taken: Floats, stretch: float = 1.0
) -> Floats | None:
    """Paste a made-up plate where no box of `taken` (n, 4) is; its corners, or None when there is no room.

    `stretch` is how much more the frame's height is scaled than its width. Changes `light`.
    """
    art = random_plate(rng).reflectance
    quad = _posed(rng, art.shape[0] / art.shape[1], stretch)
    low, high = quad.min(axis=0), quad.max(axis=0)
    room = np.array([WIDTH_PX, HEIGHT_PX], np.float32) - (high - low)
    if (room < 2).any():
        return None
    quad = quad - low + rng.uniform(0, 1, 2).astype(np.float32) * room
    if _overlaps(quad, taken):
        return None
    _surround(rng, light, quad)
    shade = float(rng.uniform(0.0, 0.15)) + art * float(rng.uniform(0.45, 1.15))
    draw_face(light, shade.astype(np.float32), quad)
    return np.asarray(quad, np.float32)


def draw_face(light: Floats, face: Floats, quad: Floats) -> None:
    """Warp `face` into `quad` over `light`, antialiased; changes `light`."""
    low = np.floor(quad.min(axis=0)).astype(int) - 1
    high = np.ceil(quad.max(axis=0)).astype(int) + 1
    x0, y0 = max(0, int(low[0])), max(0, int(low[1]))
    x1, y1 = min(WIDTH_PX, int(high[0])), min(HEIGHT_PX, int(high[1]))
    if x1 <= x0 or y1 <= y0:
        return
    fine = _SUPERSAMPLE
    sharp = _at_size(face, quad, fine)
    height, width = sharp.shape
    source = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32) - 0.5
    target = ((quad - (x0, y0)) * fine - 0.5).astype(np.float32)
    warp = cv2.getPerspectiveTransform(source, target)
    size = ((x1 - x0) * fine, (y1 - y0) * fine)
    seen = cv2.warpPerspective(sharp, warp, size, borderMode=cv2.BORDER_REPLICATE)
    cover = cv2.warpPerspective(np.ones_like(sharp), warp, size, borderValue=(0,))
    small = (x1 - x0, y1 - y0)
    covered = cv2.resize(seen * cover, small, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(cover, small, interpolation=cv2.INTER_AREA)
    light[y0:y1, x0:x1] = light[y0:y1, x0:x1] * (1 - alpha) + covered


def paste_decoy(rng: np.random.Generator, light: Floats, taken: Floats) -> None:
    """Paste something that is no plate: a sign, lettering, a grille, a row of lamps; changes `light`."""
    width = float(np.exp(rng.uniform(np.log(16), np.log(180))))
    aspect = float(np.exp(rng.uniform(np.log(0.12), np.log(1.2))))
    corners = np.array([(0, 0), (1, 0), (1, aspect), (0, aspect)], np.float32) * width
    quad = _turned(rng, corners, 12)
    room = np.array([WIDTH_PX, HEIGHT_PX], np.float32) - np.ptp(quad, axis=0)
    if (room < 2).any():
        return
    quad = quad - quad.min(axis=0) + rng.uniform(0, 1, 2).astype(np.float32) * room
    if _overlaps(quad, taken):
        return
    kind = rng.random()
    if kind < 0.2:
        _lamp_row(rng, light, quad)
    elif kind < 0.4:
        _badge(rng, light, quad)
    else:
        draw_face(light, _decoy_face(rng, max(0.1, aspect)), quad)


def _lamp_row(rng: np.random.Generator, light: Floats, quad: Floats) -> None:
    """A row of lamps, or one long lamp: brake lights, warning lights, street lights far off."""
    count = int(rng.integers(1, 9))
    start, stop = (quad[0] + quad[3]) / 2, (quad[1] + quad[2]) / 2
    glow = np.zeros_like(light)
    radius = max(1, int(np.linalg.norm(stop - start) / max(count, 3) * rng.uniform(0.2, 0.5)))
    for share in np.linspace(0, 1, count):
        x, y = start + (stop - start) * share
        cv2.circle(glow, (int(x), int(y)), radius, (float(rng.uniform(0.6, 1.2)),), -1, cv2.LINE_AA)
    if count < 3:
        ends = [(int(x), int(y)) for x, y in (start, stop)]
        cv2.line(glow, ends[0], ends[1], (float(rng.uniform(0.6, 1.2)),), 2 * radius, cv2.LINE_AA)
    light += cv2.GaussianBlur(glow, (0, 0), max(0.5, radius * float(rng.uniform(0.2, 0.8))))


def _badge(rng: np.random.Generator, light: Floats, quad: Floats) -> None:
    """A maker's or model's name in metal straight on the bodywork, with no ground of its own."""
    words = random_words(rng, 2, 9)
    words = words.upper() if rng.random() < 0.7 else words
    font, thick = int(rng.choice(_FONTS)), int(rng.integers(1, 3))
    (width, _), _ = cv2.getTextSize(words, font, 1.0, thick)
    scale = float(np.ptp(quad[:, 0])) / max(1, width)
    tone = float(rng.choice([rng.uniform(0.5, 1.0), rng.uniform(0, 0.2)]))
    origin = (int(quad[3][0]), int(quad[3][1]))
    cv2.putText(light, words, origin, font, scale, (tone,), thick, cv2.LINE_AA)


def caption(rng: np.random.Generator, light: Floats, taken: Floats) -> None:
    """Write a camera's overlay along the top or the bottom: date, time, name of the site; changes `light`."""
    words = " ".join(
        (
            f"{rng.integers(2009, 2031)}-{rng.integers(1, 13):02}-{rng.integers(1, 29):02}",
            f"{rng.integers(24):02}:{rng.integers(60):02}:{rng.integers(60):02}",
            random_words(rng, 3, 14).upper(),
        )
    )
    font, scale = int(rng.choice(_FONTS)), float(rng.uniform(0.25, 0.7))
    (width, height), _ = cv2.getTextSize(words, font, scale, 1)
    x = int(rng.uniform(2, max(3, WIDTH_PX - width)))
    y = int(rng.choice([height + 4, HEIGHT_PX - 6, rng.integers(height + 4, HEIGHT_PX - 6)]))
    area = np.array([(x, y - height), (x + width, y - height), (x + width, y), (x, y)], np.float32)
    if _overlaps(area, taken):
        return
    if rng.random() < 0.3:
        light[max(0, y - height - 3) : y + 4, x : x + width] = float(rng.uniform(0, 0.2))
    tone = float(rng.choice([1.0, 1.0, 0.0]))
    cv2.putText(light, words, (x, y), font, scale, (tone,), 1, cv2.LINE_AA)


def _decoy_face(rng: np.random.Generator, aspect: float) -> Floats:
    """What a decoy looks like straight on, 240 px wide."""
    width, height = 240, max(20, int(240 * aspect))
    kind = rng.random()
    if kind < 0.35:
        return non_plate(rng, height, width)
    if kind < 0.45:
        return _hazard_board(rng, height, width)
    face = np.full((height, width), float(rng.random()), np.float32)
    if rng.random() < 0.5:
        face = bodywork(rng, height, width)
    tone = float(np.clip(face.mean() + rng.choice([-1, 1]) * rng.uniform(0.3, 0.9), 0, 1))
    rows = int(rng.integers(2, 4)) if aspect > 0.4 else int(rng.integers(1, 3))
    for row in range(rows):
        _write(rng, face, (row + 0.8) / rows * height, height / rows * 0.6, tone)
    if rng.random() < 0.4:
        cv2.rectangle(face, (3, 3), (width - 4, height - 4), (tone,), int(rng.integers(1, 6)))
    return face


def _hazard_board(rng: np.random.Generator, height: int, width: int) -> Floats:
    """Slanting bars, as on kerbs, barriers and the tails of lorries."""
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    period = width * float(rng.uniform(0.08, 0.4))
    bars = (xs + ys * float(rng.uniform(-1.5, 1.5))) % period < period / 2
    dark, bright = float(rng.uniform(0, 0.3)), float(rng.uniform(0.5, 1.0))
    return np.where(bars, bright, dark).astype(np.float32)


def _write(rng: np.random.Generator, face: Floats, base: float, cap_px: float, tone: float) -> None:
    """One row on a decoy: small letters, a telephone number, or capitals too many for a plate."""
    words = random_words(rng, 3, 18).lower()
    if rng.random() < 0.3:
        digits = "".join(str(digit) for digit in rng.integers(0, 10, 11))
        words = f"{digits[:5]} {digits[5:]}"
    elif rng.random() < 0.5:
        words = random_words(rng, 10, 20).upper()
    font, thick = int(rng.choice(_FONTS)), int(rng.integers(1, 4))
    (width, height), _ = cv2.getTextSize(words, font, 1.0, thick)
    scale = min(cap_px / height, face.shape[1] * 0.92 / width)
    x = int((face.shape[1] - width * scale) * rng.uniform(0.1, 0.9))
    cv2.putText(face, words, (x, int(base)), font, scale, (tone,), thick, cv2.LINE_AA)


def _surround(rng: np.random.Generator, light: Floats, quad: Floats) -> None:
    """Bodywork behind the plate now and then, and a holder's rim around it."""
    middle = quad.mean(axis=0)
    if rng.random() < 0.5:
        around = middle + (quad - middle) * rng.uniform(1.4, 3.2, 2).astype(np.float32)
        patch = bodywork(rng, 80, 200)
        draw_face(light, patch, around.astype(np.float32))
    if rng.random() < 0.6:
        height = float(np.linalg.norm(quad[3] - quad[0]))
        rim = 1 + np.array([0.25, 1.0]) * rng.uniform(0.04, 0.35)
        shift = np.array([0, height * rng.uniform(-0.05, 0.12)])
        around = middle + (quad - middle) * rim + shift
        tone = float(rng.uniform(0, 0.4) if rng.random() < 0.75 else rng.uniform(0.4, 1.0))
        draw_face(light, np.full((20, 80), tone, np.float32), around.astype(np.float32))


def _posed(rng: np.random.Generator, aspect: float, stretch: float) -> Floats:
    """Corners of a plate turned in space, as wide as drawn at random, about the origin."""
    width = float(np.exp(rng.uniform(*np.log(PASTED_WIDTHS_PX))))
    width *= 1.6 if rng.random() < 0.07 else 1.0
    steep = 60 if rng.random() < 0.25 else 30
    face = np.array([(-1, -aspect), (1, -aspect), (1, aspect), (-1, aspect)]) / 2
    yaw, pitch = np.radians(rng.uniform(-steep, steep)), np.radians(rng.uniform(-10, 35))
    depth = 1 + 0.25 * (face[:, 0] * np.sin(yaw) + face[:, 1] * np.sin(pitch))
    seen = face * (np.cos(yaw), np.cos(pitch)) / depth[:, None]
    quad = _turned(rng, seen.astype(np.float32), 20 if rng.random() < 0.25 else 7)
    quad *= np.array([1, stretch], np.float32)
    return np.asarray(quad * (width / np.ptp(quad[:, 0])), np.float32)


def _turned(rng: np.random.Generator, corners: Floats, limit_deg: float) -> Floats:
    angle = np.radians(rng.uniform(-limit_deg, limit_deg))
    turn = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))], np.float32)
    return np.asarray(corners @ turn, np.float32)


def _at_size(face: Floats, quad: Floats, fine: int) -> Floats:
    """`face` shrunk to about the size it is drawn at, so that warping does not alias."""
    width = max(float(np.linalg.norm(quad[1] - quad[0])), 2.0) * fine
    height = max(float(np.linalg.norm(quad[3] - quad[0])), 2.0) * fine
    size = min(face.shape[1], max(2, round(width))), min(face.shape[0], max(2, round(height)))
    return np.asarray(cv2.resize(face, size, interpolation=cv2.INTER_AREA), np.float32)


def _overlaps(quad: Floats, taken: Floats) -> bool:
    low, high = quad.min(axis=0) - 4, quad.max(axis=0) + 4
    return bool(((taken[:, :2] < high) & (taken[:, 2:] > low)).all(axis=1).any())
