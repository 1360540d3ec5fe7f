"""What the centre has stored, read back; one book for each kind of store."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tests.faults.ledger import Number, digest


@dataclass(frozen=True, slots=True)
class Row:
    """One stored read, without its plate."""

    hash: str
    previous: str
    plate: str


@dataclass(slots=True)
class Stored:
    """Every read in the store, by its number; more than one under a number is a conflict or a repeat."""

    rows: dict[Number, list[Row]] = field(default_factory=dict)

    def add(self, document: dict[str, Any]) -> None:
        """Take one read as `central.documents` writes it."""
        plate = digest(document["read"]["plate_text"].encode())
        number = (document["feed"], document["seq"])
        self.rows.setdefault(number, []).append(Row(document["hash"], document["previous"], plate))


class Book(Protocol):
    """How a test gives a centre its store, hurts it, and reads it back."""

    @property
    def options(self) -> list[str]:
        """What `anpr-central subscribe` is told of it."""
        ...

    @property
    def directory(self) -> Path:
        """Where its files lie."""
        ...

    def follow(self, stored: Stored) -> None:
        """Add what has come since the last look."""
        ...

    def crash(self, rng: random.Random) -> None:
        """What a crash of the store leaves behind; its centre does not run now."""
        ...

    def close(self) -> None:
        """End what belongs to it."""
        ...


class JsonlBook:
    """Lines of JSON in one file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "reads.jsonl"
        self._read_bytes = 0

    @property
    def options(self) -> list[str]:
        return ["--store", str(self._path)]

    def follow(self, stored: Stored) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(text)
        for line in text.splitlines():
            stored.add(json.loads(line))

    def crash(self, rng: random.Random) -> None:
        """A line begun and not ended: what a batch leaves whose fsync never came."""
        line = b'{"schema":1,"fleet":"demo","unit":"unit-0001","feed":"charging","seq":1,'
        with self._path.open("ab") as file:
            file.write(line[: rng.randrange(1, len(line))])

    def close(self) -> None:
        """Files need nothing."""


STORES: dict[str, Callable[[Path], Book]] = {"jsonl": JsonlBook}
"""Every kind of store that the faults are tried on."""
