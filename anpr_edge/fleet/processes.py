"""Ends what was started: asked first, and made to when it does not."""

from __future__ import annotations

import subprocess


def end(process: subprocess.Popen[bytes] | subprocess.Popen[str], within_s: float) -> None:
    """Ask `process` to end, wait up to `within_s`, then kill it; it has ended when this returns."""
    process.terminate()
    try:
        process.wait(within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
