"""A process that appends to or empties an outbox until it is killed: `worker append|drain PATH`.

`append` prints, after each commit, the numbers it was given; a printed number is an acknowledged read.
"""

from __future__ import annotations

import sys
from pathlib import Path

from anpr_edge.devices.clock import SystemClock
from tests.unit.outbox.samples import keep, opened, send

BATCH = 3


def append(path: Path) -> None:
    """Keep small batches for ever."""
    outbox = opened(path, SystemClock(), max_bytes=100_000_000)
    while True:
        print(*keep(outbox, BATCH), flush=True)


def drain(path: Path) -> None:
    """Send what is due for ever; the centre is always two hundred reads behind."""
    outbox = opened(path, SystemClock(), max_bytes=100_000_000)
    print("ready", flush=True)
    while True:
        send(outbox, *(entry.read.seq for entry in outbox.due(20)))
        last_seq = outbox.stats()["charging"].last_seq if outbox.stats() else 0
        if last_seq > 200:
            outbox.settle("charging", 50, [(10, 20)])


if __name__ == "__main__":
    {"append": append, "drain": drain}[sys.argv[1]](Path(sys.argv[2]))
