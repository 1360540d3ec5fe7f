"""Reads as lines of JSON in one file, refusals in another beside it (`NAME.refused`).

A line of reads is the object of `central.documents`. A line of refusals is
`{"schema": 1, "kind", "topic", "received_utc", "blob" (base64)}`, with the clear header's fields when
the envelope was genuine: such a blob can be opened later with `anpr-central open`.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from anpr_edge.central.dedupe import Link
from anpr_edge.central.documents import SCHEMA, header_document, read_document, utc_text
from anpr_edge.central.stores import Held, StoredRead, StoredRefusal
from anpr_edge.errors import StoreError


class JsonlStore:
    """Appends and fsyncs, once for each batch; one process at a time.

    A last line cut off by a crash is removed on opening: it was never acknowledged.

    Raises: StoreError when the files cannot be opened, are in use, or hold something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._refused_path = path.with_name(path.name + ".refused")
        self._files: dict[Path, BinaryIO] = {}
        try:
            for each in (self._path, self._refused_path):
                self._files[each] = _open(each)
            _sync_directory(path.parent)
        except OSError as error:
            self.close()
            raise _cannot(path, error) from error
        except StoreError:
            self.close()
            raise

    def held(self) -> Iterator[Held]:
        """Every number kept so far. Raises: StoreError when a line is not one of ours."""
        for path in self._files:
            with path.open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    held = _held(line, f"{path}:{number}")
                    if held is not None:
                        yield held

    def keep(self, items: Sequence[StoredRead | StoredRefusal]) -> None:
        """Append all of them and see them to the disk. Raises: StoreError."""
        reads = [_read_line(item) for item in items if isinstance(item, StoredRead)]
        refusals = [_refusal_line(item) for item in items if isinstance(item, StoredRefusal)]
        self._append(self._path, reads)
        self._append(self._refused_path, refusals)

    def close(self) -> None:
        """Close both files; harmless when called twice."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _append(self, path: Path, documents: Sequence[dict[str, Any]]) -> None:
        if not documents:
            return
        text = "".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) + "\n" for one in documents)
        file = self._files.get(path)
        if file is None:
            raise StoreError(f"{path}: the store is closed")
        end = file.tell()
        try:
            file.write(text.encode())
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


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: cannot keep reads: {error.strerror}",
        hint="nothing was acknowledged that is not stored; mend the disk and start again",
    )


def _read_line(item: StoredRead) -> dict[str, Any]:
    return read_document(item.opened, item.link, item.received_utc_ns)


def _refusal_line(item: StoredRefusal) -> dict[str, Any]:
    known = header_document(item.envelope, item.link) if item.envelope and item.link else {}
    return {
        "schema": SCHEMA,
        "kind": item.kind.value,
        "topic": item.topic,
        **known,
        "received_utc": utc_text(item.received_utc_ns),
        "blob": base64.b64encode(item.blob).decode(),
    }


def _held(line: bytes, where: str) -> Held | None:
    try:
        found = json.loads(line)
        if "seq" not in found:
            return None
        link = Link(found["seq"], bytes.fromhex(found["previous"]), bytes.fromhex(found["hash"]))
        kid = bytes.fromhex(found["signer_kid"])
        return Held(found["fleet"], found["unit"], found["feed"], kid, link)
    except (ValueError, KeyError, TypeError):
        raise StoreError(
            f"{where}: not a line of this store", hint="move the file away or mend the line, then start again"
        ) from None
