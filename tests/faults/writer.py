"""A reader without a camera: seals made-up reads into the unit's outbox as fast as it is told to.

    python -m tests.faults.writer unit.toml ledger.txt --reads 2000 --seed 1

It is built of the reader's own parts (policy, sealer, outbox) and behaves like the reader's commit stage:
what the outbox cannot keep now is tried again until it can. Killed and started again it goes on where its
ledger ends. When it has kept `--reads` it goes on slowly, as traffic does, until it is told to stop.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import string
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event

from anpr_edge.config import load_config
from anpr_edge.daemon.keeping import PATIENCE_S
from anpr_edge.daemon.wiring_common import admit_policy, build_outbox
from anpr_edge.daemon.wiring_reader import build_sealer
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import OutboxError
from anpr_edge.outbox.outbox import SqliteOutbox
from anpr_edge.records import Instant, Loss, PlateRead, SealedRead
from anpr_edge.seal.sealer import CoseSealer
from anpr_edge.seal.tpm import load_signing_key
from anpr_edge.seams import SealAs
from tests.faults.ledger import Pen, read_ledger
from tests.sealed_reads import bare_read

RETRY_S = 0.2
REPORT_EVERY_S = 1.0
MOST_IN_A_BATCH = 12
TRAFFIC_PAUSE_S = 0.5
"""Between two batches once all reads are kept: traffic that goes on shows the centre what it lacks."""


class Writer:
    """Keeps batches of made-up reads, each for every feed, and notes what it did."""

    def __init__(
        self, outbox: SqliteOutbox, sealer: CoseSealer, feeds: list[str], pen: Pen, rng: random.Random
    ) -> None:
        self._outbox = outbox
        self._sealer = sealer
        self._feeds = feeds
        self._pen = pen
        self._rng = rng
        self._clock = SystemClock()
        self._report_due_ns = 0
        self.stop = Event()

    def keep(self, count: int) -> None:
        """Keep `count` reads for each feed in one transaction, once the outbox takes them."""
        reads = [made_up(self._rng, self._clock.now()) for _ in range(count)]
        requests = [(feed, self._sealing(read, feed)) for read in reads for feed in self._feeds]
        began_ns = self._clock.now().mono_ns
        while not self.stop.is_set():
            waited_s = (self._clock.now().mono_ns - began_ns) / 1e9
            try:
                kept = self._outbox.append(requests, patient=waited_s < PATIENCE_S)
            except OutboxError as error:
                print(f"cannot keep: {error}", file=sys.stderr, flush=True)
                self.stop.wait(RETRY_S)
                continue
            self._pen.committed(kept)
            self._report_losses()
            return

    def _report_losses(self) -> None:
        """Tell the centre what the outbox has given up, as the reader does."""
        now_ns = self._clock.now().mono_ns
        if now_ns >= self._report_due_ns:
            self._report_due_ns = now_ns + round(REPORT_EVERY_S * 1e9)
            self._outbox.report_losses(self._reporting)

    def _reporting(self, feed: str, losses: Sequence[Loss]) -> SealAs:
        def seal(seq: int, previous: bytes) -> SealedRead:
            sealed = self._sealer.seal_losses(losses, feed, seq, previous)
            self._pen.sealed(sealed, "")
            return sealed

        return seal

    def _sealing(self, read: PlateRead, feed: str) -> SealAs:
        def seal(seq: int, previous: bytes) -> SealedRead:
            sealed = self._sealer.seal(read, feed, seq, previous)
            self._pen.sealed(sealed, read.plate_text)
            return sealed

        return seal


def made_up(rng: random.Random, taken: Instant) -> PlateRead:
    """A read of a plate that nobody has: random letters and digits."""
    text = "".join(rng.choices(string.ascii_uppercase + string.digits, k=rng.randint(4, 8)))
    return bare_read(text, taken)


def main() -> int:
    """Write until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config", type=Path)
    parser.add_argument("ledger", type=Path)
    parser.add_argument("--target", type=Path, required=True, help="a file with how many reads to keep")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pause-ms", type=float, default=12.0, help="between two batches")
    args = parser.parse_args()

    config, clock = load_config(args.config), SystemClock()
    policy = admit_policy(config, clock).policy
    key = load_signing_key(config.unit.keys_dir / "sign.pem", config.unit.tpm)
    feeds = [feed.name for feed in policy.feeds]
    rng = random.Random(args.seed * 1_000_003 + os.getpid())
    with closing(build_outbox(config, policy, clock)) as outbox:
        done = read_ledger(args.ledger).count
        writer = Writer(outbox, build_sealer(config, policy, key), feeds, Pen(args.ledger), rng)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: writer.stop.set())
        while not writer.stop.is_set():
            behind = done < int(args.target.read_text()) * len(feeds)
            batch = rng.randint(1, MOST_IN_A_BATCH if behind else 2)
            writer.keep(batch)
            done += batch * len(feeds)
            writer.stop.wait(rng.uniform(0.0, args.pause_ms / 500) if behind else TRAFFIC_PAUSE_S)
    return 0


if __name__ == "__main__":
    sys.exit(main())
