"""Sealed reads in a folder, to be carried where no link goes: on a USB stick, by hand.

    anpr-outbox-<fleet>-<unit>-<time>/
        manifest.json      whose they are, and each file's SHA-256
        <feed>.jsonl       one object a read: {"feed", "seq", "blob": base64}, as `anpr-central open` takes it
        acks/<feed>.cose   what the centre says to it: a signed watermark, for the way back

Nothing in it is readable by whoever finds it: every read is as sealed as on the air, and signed by itself.
The manifest tells damage and nothing more.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anpr_edge.durable import sync_folder, write_new
from anpr_edge.errors import OutboxError, reason
from anpr_edge.records import SealedRead

PARCEL_SCHEMA: Final = 1
PARCEL_KIND: Final = "anpr-outbox"
MANIFEST: Final = "manifest.json"
ACKS: Final = "acks"
LONGEST_LINE: Final = 128 * 1024

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Part:
    """One feed's file: how many reads, from which number to which."""

    feed: str
    file: str
    sha256: str
    reads: int
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Parcel:
    """A folder of sealed reads, by its manifest."""

    folder: Path
    fleet: str
    unit: str
    created_utc: str
    parts: tuple[Part, ...]

    def ack_file(self, feed: str) -> Path:
        """Where the centre's answer for one feed lies, or is to lie."""
        return self.folder / ACKS / f"{feed}.cose"


def pack(into: Path, fleet: str, unit: str, reads: Mapping[str, Iterable[SealedRead]], utc_ns: int) -> Parcel:
    """Write a new folder below `into` with these reads, all of it on the disk when this returns.

    It has its name only once it is whole: a stick that is pulled out leaves a folder ending in `.partial`.

    Raises: OutboxError when it cannot be written.
    """
    created = datetime.fromtimestamp(utc_ns / 1e9, UTC)
    folder = into / f"anpr-outbox-{fleet}-{unit}-{created:%Y%m%dT%H%M%SZ}"
    draft = folder.with_name(f"{folder.name}.partial")
    try:
        if folder.exists():
            raise OutboxError(f"{folder}: there is such a folder already", hint="try again in a second")
        draft.mkdir()
        parts = [_write_part(draft, feed, each) for feed, each in reads.items()]
        parcel = Parcel(folder, fleet, unit, f"{created:%Y-%m-%dT%H:%M:%SZ}", tuple(p for p in parts if p))
        write_new(draft / MANIFEST, (json.dumps(_manifest(parcel), indent=1) + "\n").encode())
        sync_folder(draft)
        draft.rename(folder)
        sync_folder(into)
    except OSError as error:
        hint = "is the stick in, mounted, and has it room?"
        raise OutboxError(f"{error.filename or into}: {reason(error)}", hint=hint) from None
    return parcel


def unpack(folder: Path) -> Parcel:
    """The parcel in a folder, by its manifest alone. Raises: OutboxError when there is none."""
    path = folder / MANIFEST
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        if found["schema"] != PARCEL_SCHEMA or found["kind"] != PARCEL_KIND:
            raise ValueError
        parts = tuple(Part(feed, **part) for feed, part in found["feeds"].items())
        if not all(_NAME.fullmatch(p.feed) and p.file == f"{p.feed}.jsonl" for p in parts):
            raise ValueError
        return Parcel(folder, str(found["fleet"]), str(found["unit"]), str(found["created_utc"]), parts)
    except OSError as error:
        hint = "name a folder that anpr-edge outbox export has made"
        raise OutboxError(f"{path}: {error.strerror}", hint=hint) from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise OutboxError(f"{path}: not a manifest of version {PARCEL_SCHEMA}") from None


def damage(parcel: Parcel, part: Part) -> str:
    """What is wrong with one file as a whole; nothing when it is as it was written."""
    digest = hashlib.sha256()
    try:
        with (parcel.folder / part.file).open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        return f"{part.file}: {error.strerror}"
    return "" if digest.hexdigest() == part.sha256 else f"{part.file}: not as it was written"


def read_part(parcel: Parcel, part: Part) -> Iterator[SealedRead | None]:
    """Each read of one file, and None for each line that is none: what is whole is whole by itself.

    Raises: OutboxError when the file cannot be read.
    """
    try:
        with (parcel.folder / part.file).open("rb") as file:
            while line := file.readline(LONGEST_LINE):
                yield _read_of(line, part.feed)
    except OSError as error:
        raise OutboxError(f"{parcel.folder / part.file}: {reason(error)}") from None


def _read_of(line: bytes, feed: str) -> SealedRead | None:
    try:
        found: Any = json.loads(line)
        return SealedRead(feed, int(found["seq"]), base64.b64decode(found["blob"], validate=True))
    except (ValueError, TypeError, KeyError):
        return None


def _write_part(folder: Path, feed: str, reads: Iterable[SealedRead]) -> Part | None:
    """One feed's file; none when there is nothing to write."""
    path, digest = folder / f"{feed}.jsonl", hashlib.sha256()
    count, first, last = 0, 0, 0
    with path.open("xb") as file:
        for read in reads:
            blob = base64.b64encode(read.blob).decode()
            line = json.dumps({"feed": feed, "seq": read.seq, "blob": blob}, separators=(",", ":")) + "\n"
            file.write(line.encode())
            digest.update(line.encode())
            count, first, last = count + 1, first or read.seq, read.seq
        file.flush()
        os.fsync(file.fileno())
    if not count:
        path.unlink()
        return None
    return Part(feed, path.name, digest.hexdigest(), count, first, last)


def _manifest(parcel: Parcel) -> dict[str, Any]:
    feeds = {
        part.feed: {
            "file": part.file,
            "sha256": part.sha256,
            "reads": part.reads,
            "first_seq": part.first_seq,
            "last_seq": part.last_seq,
        }
        for part in parcel.parts
    }
    head = {"schema": PARCEL_SCHEMA, "kind": PARCEL_KIND, "fleet": parcel.fleet, "unit": parcel.unit}
    return {**head, "created_utc": parcel.created_utc, "feeds": feeds}


def write_ack(parcel: Parcel, feed: str, blob: bytes) -> Path:
    """Put the centre's answer into the parcel. Raises: OutboxError."""
    path = parcel.ack_file(feed)
    try:
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        write_new(path, blob)
        sync_folder(path.parent)
    except OSError as error:
        raise OutboxError(f"{path}: {reason(error)}", hint="may the stick be written?") from None
    return path
