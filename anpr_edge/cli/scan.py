"""`anpr-edge scan`: read plates from still pictures, for engineers. Format: docs/scan-output.md."""

from __future__ import annotations

import re
import statistics
import sys
from argparse import (
    ArgumentParser,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import coloured, counted, json_line, note, progress
from anpr_edge.config import find_models_directory
from anpr_edge.errors import AnprError, BadImage

if TYPE_CHECKING:
    from anpr_edge.cli.scan_reading import PictureReader, ScannedPicture

MAX_THREADS = 64
MIN_CONFIDENCE = 0.05
"""Below this a reading is a guess. Source: our own measurement: of 3,600 labelled plates 2 were read with
less, neither right, and of 4 readings in 374 pictures without a plate, 3 were."""

DESCRIPTION = """\
Find and read the plates in still pictures, one after the other, and say how sure each reading is
and how long it took. Pictures may be colour or grey; folders are read to the bottom, in natural order.

Plates are masked (AB•••) unless you ask for them: what you print, you must protect."""

EXAMPLES = """\
examples:
  anpr-edge scan car.jpg                      one picture, for a person
  anpr-edge scan --show-plates pictures/      a folder, with the plates' full text
  anpr-edge scan --jsonl --show-plates pictures/ > reads.jsonl
                                              one JSON object for each picture, see docs/scan-output.md
  anpr-edge scan --crops plates/              pictures that are plates already cut out

exit code: 0 every file was read, 1 at least one was not (the others still are), 2 wrong usage"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `scan`."""
    parser = subparsers.add_parser(
        "scan",
        help="read plates from still pictures",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a picture, or a folder of them")
    parser.add_argument("--jsonl", action="store_true", help="print one JSON object a line instead of text")
    parser.add_argument("--show-plates", action="store_true", help="print plates in full, not masked")
    parser.add_argument("--crops", action="store_true", help="each picture is one plate already cut out")
    parser.add_argument(
        "--min-confidence",
        type=between(0, 1),
        default=MIN_CONFIDENCE,
        metavar="P",
        help="a text whose confidence is lower counts as unreadable (%(default)s)",
    )
    parser.add_argument(
        "--threads", type=whole(1, MAX_THREADS), default=1, metavar="N", help="processor threads (1)"
    )
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="folder with the models (the installed ones)"
    )
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Scan what the arguments name; 1 when any of it could not be read."""
    from anpr_edge.cli.scan_reading import PictureReader

    reader = PictureReader.load(
        arguments.models or find_models_directory(),
        threads=arguments.threads,
        crops=arguments.crops,
        min_confidence=arguments.min_confidence,
    )
    tally = _Tally()
    files = list(_files(arguments.paths, tally))
    for number, path in enumerate(files, start=1):
        progress(f"{number}/{len(files)} {path.name}")
        scanned = _scan(reader, path, tally)
        progress("")
        if scanned is not None:
            show = scanned if arguments.show_plates else scanned.masked()
            json_line(show.as_json()) if arguments.jsonl else print(show.as_text())
    note(tally.summary())
    return 1 if tally.errors else 0


@dataclass(slots=True)
class _Tally:
    """What the whole scan came to."""

    plates: int = 0
    errors: int = 0
    detect_ms: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)

    def add(self, scanned: ScannedPicture) -> None:
        self.plates += len(scanned.plates)
        self.detect_ms.append(scanned.detect_ms)
        self.read_ms.append(scanned.read_ms)

    def refuse(self, error: AnprError) -> None:
        self.errors += 1
        progress("")
        note(f"{coloured('error:', 'error', sys.stderr)} {error}")

    def summary(self) -> str:
        sums = ((len(self.detect_ms), "picture"), (self.plates, "plate"), (self.errors, "error"))
        parts = [", ".join(counted(count, what) for count, what in sums)]
        if self.detect_ms:
            detect, read = statistics.median(self.detect_ms), statistics.median(self.read_ms)
            parts.append(f"median {detect:.1f} ms to detect, {read:.1f} ms to read")
        return "; ".join(parts)


def _scan(reader: PictureReader, path: Path, tally: _Tally) -> ScannedPicture | None:
    """The plates of one file, or None after saying why it could not be read."""
    try:
        _check_regular(path)
        scanned = reader.read(path)
    except AnprError as error:
        tally.refuse(error)
        return None
    tally.add(scanned)
    return scanned


def _check_regular(path: Path) -> None:
    """Raises: BadImage when it is there and no file: reading a FIFO would wait for ever."""
    if path.is_symlink() and not path.exists():
        raise BadImage(f"{path}: a link to a file that is not there")
    if path.exists() and not path.is_file():
        raise BadImage(f"{path}: not a regular file")


def _files(paths: list[Path], tally: _Tally) -> Iterator[Path]:
    """The files to read: those named, and all in the folders named but hidden ones, in natural order."""
    for path in paths:
        if path.is_dir():
            found = [f for f in path.rglob("*") if not f.is_dir() and not _hidden(f.relative_to(path))]
            if not found:
                tally.refuse(BadImage(f"{path}: no files in this folder"))
            yield from sorted(found, key=_natural)
        else:
            yield path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts `car2` before `car10`."""
    parts = re.split(r"(\d+)", str(path).casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]
