"""A real libcamera and a real picamera2 on libcamera's virtual camera; no Raspberry Pi needed.

Needs libcamera ≥ 0.4 with its Python bindings and virtual pipeline (Debian 13: python3-libcamera),
picamera2 from PyPI, and `virtual.yaml` from this folder where it says. `scripts/test --trixie` does all that.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.fakes import FakeClock

FRAMES = Path("/tmp/anpr-edge-virtual-camera")
INSTALLED = Path("/usr/share/libcamera/pipeline/virtual/virtual.yaml")

MakeCamera = Callable[..., Any]


class _AnyPixelFormat:
    def __getattr__(self, name: str) -> str:
        return name


def _without_display() -> None:
    """Stand in for the display library, which picamera2 imports and a camera unit never uses."""
    pykms = ModuleType("pykms")
    pykms.PixelFormat = _AnyPixelFormat()  # type: ignore[attr-defined]
    sys.modules.setdefault("pykms", pykms)


def _write_frames() -> None:
    """Two pictures: a ramp from dark to bright, left to right and then right to left."""
    from PIL import Image

    FRAMES.mkdir(exist_ok=True)
    ramp = np.tile(np.linspace(0, 255, 1280).astype(np.uint8), (720, 1))
    for number, picture in enumerate((ramp, ramp[:, ::-1])):
        Image.fromarray(picture).convert("RGB").save(FRAMES / f"{number}.jpg", quality=95)


@pytest.fixture
def make_camera(virtual_camera: MakeCamera) -> Iterator[MakeCamera]:
    """Opens the adapter on the virtual camera, with any of its keywords; closes it in the end."""
    opened = []

    def make(clock: FakeClock, **settings: object) -> Any:
        opened.append(virtual_camera(clock, **settings))
        return opened[-1]

    yield make
    for camera in opened:
        camera.close()


@pytest.fixture(scope="session")
def virtual_camera() -> MakeCamera:
    """The adapter with what the virtual camera needs in a Pi's place."""
    pytest.importorskip("libcamera", reason="libcamera's Python bindings are not installed")
    if not INSTALLED.exists():
        pytest.skip(f"the virtual camera is not set up: {INSTALLED} is missing")
    _without_display()
    picamera2 = pytest.importorskip("picamera2", reason="picamera2 is not installed")
    _write_frames()

    from anpr_edge.capture.picamera import Picamera
    from tests.camera.memfd_allocator import MemfdAllocator

    # The virtual pipeline has no raw stream for picamera2 to ask its modes of, and closing a Picamera2
    # makes a new default allocator.
    picamera2.Picamera2._get_raw_modes = lambda _: [{"format": "SRGGB10_CSI2P", "size": (1280, 720)}]
    sys.modules["picamera2.picamera2"].DmaAllocator = MemfdAllocator  # type: ignore[attr-defined]
    return partial(_open, Picamera, MemfdAllocator)


def _open(adapter: Any, allocator: Any, clock: FakeClock, **settings: object) -> Any:
    buffers = allocator()
    camera = adapter(clock, allocator=buffers, **{"pixel_format": "NV12", **settings})
    buffers.started.set()
    return camera
