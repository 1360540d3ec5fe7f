"""Looks at a JSONL store while its centre writes it: numbers only, no lock, and nothing is changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from anpr_edge.central.dedupe import FeedKey, FeedLedger, Place
from anpr_edge.central.prints import Link, MemoryPrints
from anpr_edge.central.stores import ledger_text
from anpr_edge.errors import StoreError

AT_ONCE_BYTES: Final = 4 << 20
"""The most that one look reads, so that a large store does not hold up whoever watches."""


class JsonlFollower:
    """The ledgers of the store at `path`, as far as it has been read; `look` reads on."""

    def __init__(self, path: Path, *, at_once_bytes: int = AT_ONCE_BYTES) -> None:
        self._at_once_bytes = at_once_bytes
        self._path = path
        self._refused = path.with_name(path.name + ".refused")
        self._read_to = {self._path: 0, self._refused: 0}
        self._files: dict[Path, int] = {}
        self.ledgers: dict[FeedKey, FeedLedger] = {}
        self.is_whole = False
        """Whether everything that is there has been read."""

    def look(self, utc_ns: int) -> None:
        """Read what has come since the last look; all of it anew when retention has written it anew.

        Raises: StoreError when a file cannot be read, or is not of a store.
        """
        if self._is_written_anew():
            self._read_to = dict.fromkeys(self._read_to, 0)
            self.ledgers.clear()
        read_to_end = [self._follow(path, utc_ns) for path in self._read_to]
        self.is_whole = all(read_to_end)

    def _is_written_anew(self) -> bool:
        now = {path: path.stat().st_ino for path in self._read_to if path.exists()}
        before, self._files = self._files, now
        return any(before[path] != now.get(path) for path in before)

    def _follow(self, path: Path, utc_ns: int) -> bool:
        try:
            with path.open("rb") as file:
                file.seek(self._read_to[path])
                chunk = file.read(self._at_once_bytes)
        except FileNotFoundError as error:
            if path == self._refused:
                return True
            raise StoreError(f"{path}: {error.strerror}", hint="name the centre's store") from error
        except OSError as error:
            raise StoreError(f"{path}: {error.strerror}", hint="whoever watches needs to read it") from error
        whole, _, _ = chunk.rpartition(b"\n")
        for line in whole.split(b"\n") if whole else ():
            self._count(path, line, utc_ns)
        self._read_to[path] += len(whole) + 1 if whole else 0
        return len(chunk) < self._at_once_bytes

    def _count(self, path: Path, line: bytes, utc_ns: int) -> None:
        try:
            kept: dict[str, Any] = json.loads(line)
            for one in kept.get("ledgers", ()):
                self.ledgers[_key(one)] = FeedLedger(MemoryPrints(), ledger_text.from_object(one))
            if "seq" not in kept:
                return  # a head after retention, or a refusal of what nobody signed
            link = Link(kept["seq"], bytes.fromhex(kept["previous"]), bytes.fromhex(kept["hash"]))
            key, losses = _key(kept), ledger_text.losses_from_list(kept.get("losses", ()))
        except (ValueError, KeyError, TypeError):
            raise StoreError(
                f"{path}: holds a line that is not of a store", hint="is it the right file?"
            ) from None
        ledger = self.ledgers.setdefault(key, FeedLedger())
        if ledger.place(link) is Place.NEW:
            ledger.add(link, utc_ns)
        ledger.lose(losses)


def _key(kept: dict[str, Any]) -> FeedKey:
    return FeedKey(kept["fleet"], kept["unit"], kept["feed"], bytes.fromhex(kept["signer_kid"]))
