"""Reads as lines of JSON in one file, refusals in another beside it (`NAME.refused`).

A line of reads is the object of `central.documents`. A line of refusals is
`{"schema": 1, "kind", "topic", "received_utc", "blob" (base64)}`, with the clear header's fields when
the envelope was genuine: such a blob can be opened later with `anpr-central open`. A unit's report of what
it has lost is such a line too, with `losses`: `[[first, last, cause], …]`.

After retention the first line of reads is `{"schema": 1, "forgotten_before": DAY, "ledgers": […]}`: which
numbers were here, without the reads (`central.stores.ledger_text`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO

from anpr_edge.central.dedupe import FeedKey, FeedLedger
from anpr_edge.central.documents import (
    SCHEMA,
    read_document,
    refusal_document,
    seen_within,
)
from anpr_edge.central.prints import Link
from anpr_edge.central.stores import Dropped, Item, StoredRead, StoredRefusal, ledger_text
from anpr_edge.central.stores.memory import MemoryLedgers
from anpr_edge.durable import sync_folder
from anpr_edge.errors import StoreError


class JsonlReader:
    """Reads a file of reads, also while a `JsonlStore` appends to it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def documents(
        self, feed: str | None = None, since_utc_ns: int | None = None, until_utc_ns: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """The reads first seen in [since, until), as they came.

        Raises: StoreError when the file cannot be read, or a line is not one of ours.
        """
        try:
            for where, line in _lines(self._path):
                if not line.endswith(b"\n"):
                    return  # being written, or cut off by a crash
                document = _document(line, where)
                if "read" not in document or feed not in (None, document["feed"]):
                    continue
                if seen_within(document, since_utc_ns, until_utc_ns):
                    yield document
        except OSError as error:
            raise StoreError(f"{self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Nothing is held open."""


class JsonlStore(MemoryLedgers, JsonlReader):
    """Appends and fsyncs, once for each batch; one process at a time: a lock on the file keeps others out.

    A last line cut off by a crash is removed on opening: it was never acknowledged.

    Raises: StoreError when the files cannot be opened, are in use, or hold something else.
    """

    def __init__(self, path: Path) -> None:
        MemoryLedgers.__init__(self)
        JsonlReader.__init__(self, path)
        self._refused_path = path.with_name(path.name + ".refused")
        self._files: dict[Path, BinaryIO] = {}
        try:
            for each in (self._path, self._refused_path):
                self._files[each] = _open(each)
            sync_folder(path.parent)
            self._load()
        except OSError as error:
            self.close()
            raise _cannot(path, error) from error
        except StoreError:
            self.close()
            raise

    def ledgers(self, keys: Collection[FeedKey] | None = None) -> Mapping[FeedKey, FeedLedger]:
        """How the feeds stand now. Raises: StoreError when the store is closed."""
        if not self._files:
            raise StoreError(f"{self._path}: the store is closed")
        return super().ledgers(keys)

    def forget_before(self, day: date) -> Dropped:
        """Write both files anew without what was received before `day`. Raises: StoreError."""
        known = [
            {
                **dict(zip(_KEY, (*key[:3], key.signer_kid.hex()), strict=True)),
                **ledger_text.to_object(one.state),
            }
            for key, one in self.ledgers().items()
        ]
        head = {"schema": SCHEMA, "forgotten_before": day.isoformat(), "ledgers": known}
        try:
            reads = self._rewrite(self._path, day, [head])
            return Dropped(reads, self._rewrite(self._refused_path, day, []))
        except OSError as error:
            raise _cannot(self._path, error) from error

    def _keep(self, items: Sequence[Item]) -> None:
        self._append(self._path, [_read_line(item) for item in items if isinstance(item, StoredRead)])
        refusals = [refusal_document(item) for item in items if isinstance(item, StoredRefusal)]
        self._append(self._refused_path, refusals)

    def _load(self) -> None:
        """Count the numbers both files hold. Raises: StoreError when a line is not one of ours."""
        for path in self._files:
            for where, line in _lines(path):
                document = _document(line, where)
                try:
                    self._count_line(document)
                except (ValueError, KeyError, TypeError):
                    raise _not_ours(where) from None

    def _count_line(self, document: Mapping[str, Any]) -> None:
        for one in document.get("ledgers", ()):
            key = _key(one)
            self._ledgers[key] = FeedLedger(self._prints_of(key), ledger_text.from_object(one))
        if "seq" in document:
            previous, hash_ = bytes.fromhex(document["previous"]), bytes.fromhex(document["hash"])
            self._count(_key(document), Link(document["seq"], previous, hash_), 0)
            if "losses" in document:
                self._ledgers[_key(document)].lose(ledger_text.losses_from_list(document["losses"]))

    def _rewrite(self, path: Path, day: date, head: Sequence[Mapping[str, Any]]) -> int:
        """Replace one file in one step; returns how many lines went."""
        dropped = 0
        draft = path.with_name(path.name + ".new")
        draft.unlink(missing_ok=True)
        file = _open(draft)
        for document in head:
            file.write(_text(document))
        for where, line in _lines(path):
            document = _document(line, where)
            if "received_utc" not in document:
                continue  # an earlier head: the new one says all it said
            if document["received_utc"] < day.isoformat():
                dropped += 1
            else:
                file.write(line)
        file.flush()
        os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
        self._files.pop(path).close()
        self._files[path] = file
        return dropped

    def close(self) -> None:
        """Close both files; harmless when called twice."""
        for file in self._files.values():
            file.close()
        self._files = {}

    def _append(self, path: Path, documents: Sequence[dict[str, Any]]) -> None:
        if not documents:
            return
        text = b"".join(map(_text, documents))
        file = self._files.get(path)
        if file is None:
            raise StoreError(f"{path}: the store is closed")
        end = file.tell()
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            self._take_back(path, end)
            raise _cannot(path, error) from error

    def _take_back(self, path: Path, end: int) -> None:
        """Leave no half-written line behind; the store is then closed."""
        with suppress(OSError):
            self.close()
        os.truncate(path, end)


def _open(path: Path) -> BinaryIO:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    file = os.fdopen(descriptor, "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreError(f"{path}: in use by another process", hint="stop it, or name another file") from None
    _cut_torn_line(file)
    return file


def _cut_torn_line(file: BinaryIO) -> None:
    """Remove what follows the last newline."""
    end = file.seek(0, os.SEEK_END)
    at = end
    while at > 0:
        start = max(0, at - 65536)
        file.seek(start)
        newline = file.read(at - start).rfind(b"\n")
        if newline >= 0:
            at = start + newline + 1
            break
        at = start
    if at < end:
        file.truncate(at)
    file.seek(0, os.SEEK_END)


def _cannot(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot keep reads: {error.strerror}",
        hint="nothing was acknowledged that is not stored; mend the disk and start again",
    )


def _read_line(item: StoredRead) -> dict[str, Any]:
    return read_document(item.opened, item.link, item.received_utc_ns)


_KEY = ("fleet", "unit", "feed", "signer_kid")


def _key(document: Mapping[str, Any]) -> FeedKey:
    fleet, unit, feed, kid = (document[name] for name in _KEY)
    return FeedKey(fleet, unit, feed, bytes.fromhex(kid))


def _text(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Each line with its place."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield f"{path}:{number}", line


def _document(line: bytes, where: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _not_ours(where)
    return document


def _not_ours(where: str) -> StoreError:
    return StoreError(
        f"{where}: not a line of this store", hint="move the file away or mend the line, then start again"
    )
