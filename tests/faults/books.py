"""What the centre has stored, read back; one book for each kind of store."""

from __future__ import annotations

import base64
import errno
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from tests.faults.ledger import Number, digest

LOSS_REPORT = "loss-report"
"""How a store names what a unit says it has lost."""


@dataclass(frozen=True, slots=True)
class Row:
    """One stored read, without its plate."""

    hash: str
    previous: str
    plate: str


@dataclass(slots=True)
class Stored:
    """Every read in the store, by its number; more than one under a number is a conflict or a repeat.

    `reports` are the sealed loss reports among them: envelopes without a plate.
    """

    rows: dict[Number, list[Row]] = field(default_factory=dict)
    reports: list[bytes] = field(default_factory=list)

    def add(self, document: dict[str, Any]) -> None:
        """Take one read as `central.documents` writes it."""
        self._add(document, document["read"]["plate_text"])

    def add_refused(self, document: dict[str, Any]) -> None:
        """Take what counts as here and is no read, as the store keeps it."""
        if "seq" in document:
            self._add(document, "")
        if document["kind"] == LOSS_REPORT:
            self.reports.append(base64.b64decode(document["blob"]))

    def _add(self, header: dict[str, Any], plate: str) -> None:
        row = Row(header["hash"], header["previous"], digest(plate.encode()))
        self.rows.setdefault((header["feed"], header["seq"]), []).append(row)


class Book(Protocol):
    """How a test gives a centre its store, hurts it, and reads it back."""

    environment: Mapping[str, str]
    """What the centre's process needs for it."""

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
        """What a crash of the store leaves behind; of a file, while its centre does not run."""
        ...

    def close(self) -> None:
        """End what belongs to it."""
        ...


class JsonlBook:
    """Lines of JSON in one file, and beside it what was refused."""

    environment: Mapping[str, str] = MappingProxyType({})

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._path = directory / "reads.jsonl"
        self._reads, self._refused = _Tail(self._path), _Tail(directory / "reads.jsonl.refused")

    @property
    def options(self) -> list[str]:
        return ["--store", str(self._path)]

    def follow(self, stored: Stored) -> None:
        for document in self._reads.follow():
            stored.add(document)
        for document in self._refused.follow():
            stored.add_refused(document)

    def crash(self, rng: random.Random) -> None:
        """A line begun and not ended: what a batch leaves whose fsync never came; nothing on a full disk."""
        line = b'{"schema":1,"fleet":"demo","unit":"unit-0001","feed":"charging","seq":1,'
        with self._path.open("ab", buffering=0) as file:
            try:
                file.write(line[: rng.randrange(1, len(line))])
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def close(self) -> None:
        """Files need nothing."""


class _Tail:
    """Follows a file of JSON lines that another process writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0

    def follow(self) -> list[dict[str, Any]]:
        """The whole lines that have come since the last look."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(text)
        return [json.loads(line) for line in text.splitlines()]
