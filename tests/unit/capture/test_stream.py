"""A real stream over HTTP through the real opener: read, broken off, opened again."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import cv2
import numpy as np
import pytest

from anpr_edge.capture.video import VideoStream
from tests.fakes import FakeClock

FRAMES_A_CONNECTION = 8


class MotionJpeg(BaseHTTPRequestHandler):
    """Sends a few JPEGs as a camera's web page does, then hangs up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(FRAMES_A_CONNECTION):
            jpeg = cv2.imencode(".jpg", np.full((48, 64), 20 * number, np.uint8))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def camera_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), MotionJpeg)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/live.mjpg"
    server.shutdown()
    server.server_close()


def test_a_stream_that_hangs_up_is_opened_again(camera_url: str) -> None:
    clock = FakeClock()
    stream = VideoStream(clock, camera_url)
    frames = [frame for _ in range(2 * FRAMES_A_CONNECTION) if (frame := stream.read())]
    stream.close()

    assert [frame.seq for frame in frames] == list(range(2 * FRAMES_A_CONNECTION))
    assert {frame.pixels.shape for frame in frames} == {(48, 64)}
    assert clock.now().mono_ns > 0  # it waited before it opened the stream again
