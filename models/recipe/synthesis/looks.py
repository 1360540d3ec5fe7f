"""How a camera sees a plate: optics, exposure, infrared flash, motion, sensor noise, compression.

Functions take and give ``float32 (H, W)`` light, where 1.0 is just not saturated; `expose` ends in ``uint8``.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Light = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]


def expose(rng: np.random.Generator, light: Light, plate_width_px: float) -> Picture:
    """One shot of a scene in which the plate is ``plate_width_px`` wide.

    Blur grows with the size of the plate, so that large characters can be as hard to read as small ones.
    """
    size = plate_width_px / 110
    light = _flash(rng, light) if rng.random() < 0.3 else light
    light = _haze(rng, light) if rng.random() < 0.25 else light
    light = _defocus(rng, light, size) if rng.random() < 0.45 else light
    light = _smear(rng, light, size) if rng.random() < 0.25 else light
    light = _glare(rng, light) if rng.random() < 0.12 else light
    light = _develop(rng, light)
    return _compress(rng, np.asarray(np.clip(light, 0, 1) * 255, np.uint8))


def expose_far(rng: np.random.Generator, light: Light) -> Picture:
    """One shot of a small plate in the dark through glass: soft, hazy, lit by its own lamps."""
    light = _haze(rng, light) if rng.random() < 0.6 else light
    light = np.asarray(cv2.GaussianBlur(light, (0, 0), float(rng.uniform(0.4, 1.3))), np.float32)
    light = _smear(rng, light, float(rng.uniform(0.4, 0.7))) if rng.random() < 0.3 else light
    light = _glare(rng, light) if rng.random() < 0.3 else light
    light = _sharpen(rng, light) if rng.random() < 0.5 else light
    light = _develop(rng, light)
    return _compress(rng, np.asarray(np.clip(light, 0, 1) * 255, np.uint8))


def _sharpen(rng: np.random.Generator, light: Light) -> Light:
    """What a camera's own processing does to a soft picture: dark and bright rings along the edges."""
    soft = cv2.GaussianBlur(light, (0, 0), float(rng.uniform(1.0, 2.5)))
    return np.asarray(np.clip(light + float(rng.uniform(0.4, 1.6)) * (light - soft), 0, None), np.float32)


def reexpose(rng: np.random.Generator, picture: Picture, plate_width_px: float) -> Picture:
    """Another, somewhat worse shot of what a real picture shows; one in four is left as it is."""
    if rng.random() < 0.25:
        return picture
    low, high = np.percentile(picture, (2, 98))
    light = np.clip(
        (picture.astype(np.float32) - np.float32(low)) / np.float32(max(high - low, 8.0)), -0.2, 1.3
    )
    size = plate_width_px / 110
    light = _flash(rng, light) if rng.random() < 0.06 else light
    light = _defocus(rng, light, 0.6 * size) if size > 0.8 and rng.random() < 0.3 else light
    light = _smear(rng, light, 0.6 * size) if size > 0.8 and rng.random() < 0.15 else light
    light = _glare(rng, light) if rng.random() < 0.06 else light
    light = _develop(rng, np.clip(light, 0, None)) if rng.random() < 0.6 else light
    return _compress(rng, np.asarray(np.clip(light, 0, 1) * 255, np.uint8))


def _flash(rng: np.random.Generator, light: Light) -> Light:
    """An infrared flash: the sheeting saturates and its halo eats into the characters."""
    lit = light * float(rng.uniform(0.8, 2.0))
    halo = np.clip(lit - 0.6, 0, 2)
    radius = float(rng.uniform(0.8, 4.0))
    return np.asarray(lit + float(rng.uniform(0.1, 0.7)) * cv2.GaussianBlur(halo, (0, 0), radius), np.float32)


def _haze(rng: np.random.Generator, light: Light) -> Light:
    """A dirty windscreen or lens: everything glows into everything, the plate beyond its edges."""
    height, width = light.shape
    cells = int(rng.integers(5, 16))
    small = cv2.resize(light, (max(2, width * cells // height), cells), interpolation=cv2.INTER_AREA)
    veil = cv2.resize(cv2.GaussianBlur(small, (0, 0), 1.0), (width, height), interpolation=cv2.INTER_CUBIC)
    share = float(rng.uniform(0.25, 0.75))
    return np.asarray(light * (1 - share) + veil * share, np.float32)


def _defocus(rng: np.random.Generator, light: Light, size: float) -> Light:
    sigma = max(0.3, float(rng.uniform(0.3, 1.5)) * size)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), sigma), np.float32)


def _smear(rng: np.random.Generator, light: Light, size: float) -> Light:
    """Motion during the exposure, or the double image of a blended video frame."""
    length = max(2, round(float(rng.uniform(2, 6.5)) * size))
    kernel = np.zeros((length, length), np.float32)
    if rng.random() < 0.2:
        kernel[length // 2, [0, -1]] = (0.6, 0.4)
    else:
        ends = rng.integers(0, length, 2)
        cv2.line(kernel, (0, int(ends[0])), (length - 1, int(ends[1])), (1.0,), 1, cv2.LINE_AA)
    return np.asarray(
        cv2.filter2D(light, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE), np.float32
    )


def _glare(rng: np.random.Generator, light: Light) -> Light:
    """Number-plate lamps above the plate or a headlight beside it."""
    height, width = light.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    for _ in range(int(rng.integers(1, 3))):
        x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.2, 0.5) * height
        reach = rng.uniform(0.1, 0.6) * height
        distance = ((xs - x) ** 2 / rng.uniform(1, 4) + (ys - y) ** 2) / reach**2
        light = light + np.float32(rng.uniform(0.2, 0.8)) * np.exp(-distance)
    return np.asarray(light, np.float32)


def _develop(rng: np.random.Generator, light: Light) -> Light:
    """Black level, gain, gamma and noise; one shot in four is of very low contrast."""
    low = float(rng.uniform(0, 0.4))
    span = float(rng.uniform(0.12, 0.4) if rng.random() < 0.25 else rng.uniform(0.35, 1.2))
    developed = np.clip(low + light * span, 0, None) ** float(rng.uniform(0.6, 1.6))
    noise = span * float(rng.choice([0.003, 0.012, 0.035, 0.07], p=[0.35, 0.35, 0.2, 0.1]))
    grain = rng.standard_normal(light.shape, np.float32) * noise
    if rng.random() < 0.3:
        grain = cv2.GaussianBlur(grain, (0, 0), 0.7) * 1.6
    return np.asarray(developed + grain, np.float32)


def _compress(rng: np.random.Generator, picture: Picture) -> Picture:
    """Camera sharpening, interlaced rows and JPEG blocks, each now and then."""
    if rng.random() < 0.15:
        soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.8, 1.6)))
        picture = np.asarray(cv2.addWeighted(picture, 1.8, soft, -0.8, 0), np.uint8)
    if rng.random() < 0.04:
        picture = picture.copy()
        picture[1::2] = np.roll(picture[1::2], int(rng.integers(1, 3)), axis=1)
    if rng.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(18, 85))]
        _, coded = cv2.imencode(".jpg", picture, quality)
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return picture
