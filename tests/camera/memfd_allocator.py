"""Camera buffers in anonymous memory, for a libcamera without DMA heaps.

The virtual pipeline wants NV12 buffers of two planes, which picamera2's own allocators do not make.
"""

from __future__ import annotations

import mmap
import os
from threading import Event
from typing import Any

import libcamera
from picamera2.allocators.allocator import Allocator, Sync

_LONGEST_START_S = 5.0
_ATTEMPTS = 200


class MemfdAllocator(Allocator):  # type: ignore[misc]
    """One memfd for each buffer: luma first, chroma behind it.

    The virtual camera completes a request as soon as it has it, and picamera2 keeps for good what
    completes before its own start() has returned. So no frame gets through until `started` is set.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sync = _MappedSync
        self.started = Event()
        self._buffers: dict[Any, list[Any]] = {}
        self._files: list[int] = []

    def allocate(self, libcamera_config: Any, _use_case: Any) -> None:
        """Make the buffers of every stream."""
        self.close()
        for config in libcamera_config:
            self._buffers[config.stream] = [self._make(config) for _ in range(config.buffer_count)]

    def _make(self, config: Any) -> Any:
        fd = os.memfd_create("camera")
        os.ftruncate(fd, config.frame_size)
        self._files.append(fd)
        luma_bytes = config.stride * config.size.height
        planes = []
        for offset, length in ((0, luma_bytes), (luma_bytes, luma_bytes // 2)):
            plane = libcamera.FrameBuffer.Plane()
            plane.fd, plane.offset, plane.length = fd, offset, length
            planes.append(plane)
        return _successful(planes)

    def buffers(self, stream: Any) -> list[Any]:
        """The buffers of one stream."""
        return self._buffers[stream]

    def close(self) -> None:
        """Give the memory back."""
        self._buffers.clear()
        while self._files:
            os.close(self._files.pop())


def _successful(planes: list[Any]) -> Any:
    """A buffer whose frames count as good.

    libcamera 0.4's virtual pipeline never writes a frame's status, and picamera2 throws away all but
    successes: so keep making buffers until one's unset status happens to be zero, which is success.
    """
    refused = []
    for _ in range(_ATTEMPTS):
        buffer = libcamera.FrameBuffer(planes)
        if buffer.metadata.status == libcamera.FrameMetadata.Status.Success:
            return buffer
        refused.append(buffer)  # held, so that the next one gets other memory
    raise RuntimeError(f"no buffer of {_ATTEMPTS} begins with status 0")


class _MappedSync(Sync):  # type: ignore[misc]
    """Maps the whole file behind a buffer, for as long as it is looked at."""

    def __init__(self, allocator: Any, buffer: Any, write: bool) -> None:
        super().__init__(allocator, buffer, write)
        self._started = allocator.started
        self._fd = buffer.planes[0].fd
        self._map: mmap.mmap | None = None

    def __enter__(self) -> mmap.mmap:
        self._started.wait(_LONGEST_START_S)
        self._map = mmap.mmap(self._fd, os.fstat(self._fd).st_size, mmap.MAP_SHARED, mmap.PROT_READ)
        return self._map

    def __exit__(self, *_: object) -> None:
        if self._map is not None:
            self._map.close()
            self._map = None
