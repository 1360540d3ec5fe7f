"""What was started is ended, whether it listens or not."""

from __future__ import annotations

import signal
import subprocess
import sys

from anpr_edge.fleet.processes import end

DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
)
OPEN = "import time; print(flush=True); time.sleep(600)"


def started(code: str) -> subprocess.Popen[bytes]:
    """A Python process that has come as far as its first line."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_process_is_asked_to_end() -> None:
    with started(OPEN) as process:
        end(process, 60.0)
        assert process.returncode == -signal.SIGTERM


def test_a_process_that_does_not_listen_is_killed() -> None:
    with started(DEAF) as process:
        end(process, 0.05)
        assert process.returncode == -signal.SIGKILL
