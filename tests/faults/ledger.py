"""What the writer did, in its own words: the truth that the centre's store is held against.

A line `s FEED NUMBER HASH PLATE` when a read is sealed (it may still be taken back), a line
`c FEED NUMBER HASH` when the outbox has said that it is kept. HASH is the envelope's SHA-256, PLATE the
plate's: no plate is here.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anpr_edge.records import SealedRead

Number = tuple[str, int]
"""A feed and a number of it."""


class Pen:
    """Writes the ledger; what was written survives the kill -9 of its process."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.write(self._descriptor, b"\n")  # whatever line was cut off by a kill ends here

    def sealed(self, read: SealedRead, plate: str) -> None:
        """Note a read before it is kept."""
        self._write(f"s {read.feed} {read.seq} {digest(read.blob)} {digest(plate.encode())}\n")

    def committed(self, reads: Sequence[SealedRead]) -> None:
        """Note reads that are kept."""
        self._write("".join(f"c {read.feed} {read.seq} {digest(read.blob)}\n" for read in reads))

    def _write(self, text: str) -> None:
        os.write(self._descriptor, text.encode())


@dataclass(slots=True)
class Ledger:
    """Per number: the envelope that was kept, and every envelope that was sealed, with its plate's hash.

    `kept_twice` has the envelopes of every number that was kept with more than one.
    """

    kept: dict[Number, str] = field(default_factory=dict)
    sealed: dict[Number, dict[str, str]] = field(default_factory=dict)
    kept_twice: dict[Number, set[str]] = field(default_factory=dict)
    count: int = 0
    """How many reads were kept, of all feeds together, also under numbers used before."""
    _read_bytes: int = 0

    def follow(self, path: Path) -> None:
        """Read on where the last look ended."""
        if not path.exists():
            return
        with path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(text)
        for line in text.decode().splitlines():
            self._take(line.split())

    def envelopes(self, number: Number) -> set[str]:
        """All that was kept under a number; mostly one."""
        return self.kept_twice.get(number) or {self.kept[number]}

    def _take(self, words: list[str]) -> None:
        if len(words) == 5 and words[0] == "s":
            self.sealed.setdefault((words[1], int(words[2])), {})[words[3]] = words[4]
        elif len(words) == 4 and words[0] == "c":
            number = (words[1], int(words[2]))
            self.count += 1
            before = self.kept.get(number, words[3])
            if before != words[3]:
                self.kept_twice.setdefault(number, set()).update((before, words[3]))
            self.kept[number] = words[3]


def read_ledger(path: Path) -> Ledger:
    """The whole ledger at `path`; an empty one when there is none."""
    ledger = Ledger()
    ledger.follow(path)
    return ledger


def digest(content: bytes) -> str:
    """SHA-256, hexadecimal."""
    return hashlib.sha256(content).hexdigest()
