"""What a power cut leaves of a SQLite database that was being written, made of what a kill -9 leaves.

A kill loses nothing that was written; a power cut may lose, or tear, whatever no fsync has covered. After a
kill these are known: what follows the last committed frame of the write-ahead log; the database's own pages
that the log holds too, because a checkpoint may have been copying them; and the marks file since it was last
forced to the disk. A disk that says it has written and has not (a card's lying cache) is not tried here.

Source: sqlite.org/fileformat2.html §4 (the write-ahead log and its checksums), sqlite.org/wal.html.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from pathlib import Path
from random import Random

LOG_HEADER_BYTES, FRAME_HEADER_BYTES, SECTOR_BYTES = 32, 24, 512
BIG_ENDIAN_SUMS = 0x377F0683


@dataclass(frozen=True, slots=True)
class Log:
    """A write-ahead log: where its last committed frame ends, and which pages its committed frames hold."""

    page_bytes: int
    committed_bytes: int
    pages: frozenset[int]


def read_log(path: Path) -> Log | None:
    """What recovery will take from the log at `path`; None when it holds nothing."""
    content = path.read_bytes() if path.exists() else b""
    if len(content) < LOG_HEADER_BYTES:
        return None
    magic, _, page_bytes = struct.unpack(">III", content[:12])
    salts = content[16:24]
    sums = _sum(content[:24], (0, 0), swapped=magic == BIG_ENDIAN_SUMS)
    if struct.pack(">II", *sums) != content[24:32]:
        return None
    at, committed, pages, pending = LOG_HEADER_BYTES, LOG_HEADER_BYTES, set[int](), set[int]()
    while at + FRAME_HEADER_BYTES + page_bytes <= len(content):
        header = content[at : at + FRAME_HEADER_BYTES]
        page = content[at + FRAME_HEADER_BYTES : at + FRAME_HEADER_BYTES + page_bytes]
        sums = _sum(header[:8] + page, sums, swapped=magic == BIG_ENDIAN_SUMS)
        if header[8:16] != salts or struct.pack(">II", *sums) != header[16:24]:
            break
        at += FRAME_HEADER_BYTES + page_bytes
        number, size_after_commit = struct.unpack(">II", header[:8])
        pending.add(number)
        if size_after_commit:
            committed, pages, pending = at, pages | pending, set()
    return Log(page_bytes, committed, frozenset(pages))


def cut_power(database: Path, rng: Random) -> str:
    """Tear what no fsync has covered of a database whose processes were killed; says what was torn."""
    log_path = database.with_name(f"{database.name}-wal")
    database.with_name(f"{database.name}-shm").unlink(missing_ok=True)
    log = read_log(log_path)
    if log is None:
        return "no log"
    return f"{_tear_tail(log_path, log, rng)}, {_tear_pages(database, log, rng)} pages torn"


def _tear_tail(path: Path, log: Log, rng: Random) -> str:
    """Cut, empty or spoil what follows the last committed frame."""
    size = path.stat().st_size
    tail = size - log.committed_bytes
    way = rng.choice(("cut", "zeros", "noise", "longer"))
    with path.open("r+b") as file:
        if way == "cut":
            file.truncate(log.committed_bytes + rng.randint(0, tail))
        elif way == "longer":
            file.seek(0, 2)
            file.write(rng.randbytes(rng.randint(1, 3 * log.page_bytes)))
        else:
            for at in range(log.committed_bytes, size, SECTOR_BYTES):
                if rng.random() < 0.5:
                    file.seek(at)
                    length = min(SECTOR_BYTES, size - at)
                    file.write(bytes(length) if way == "zeros" else rng.randbytes(length))
    return f"{tail} bytes after the last commit: {way}"


def _tear_pages(path: Path, log: Log, rng: Random) -> int:
    """Spoil a sector of some pages that the log holds too."""
    torn = [page for page in sorted(log.pages) if rng.random() < 0.5]
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in torn:
            at = (page - 1) * log.page_bytes + SECTOR_BYTES * rng.randrange(log.page_bytes // SECTOR_BYTES)
            if at < size:
                file.seek(at)
                file.write(rng.randbytes(SECTOR_BYTES))
    return len(torn)


def _sum(content: bytes, start: tuple[int, int], *, swapped: bool) -> tuple[int, int]:
    """The log's checksum over 32-bit words, in big-endian or little-endian order."""
    words = array("I", content)
    if swapped:
        words.byteswap()
    one, two = start
    for at in range(0, len(words), 2):
        one = (one + words[at] + two) & 0xFFFFFFFF
        two = (two + words[at + 1] + one) & 0xFFFFFFFF
    return one, two
