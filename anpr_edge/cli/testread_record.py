"""The record of a drive-by test, to print and sign: what was read, what the camera saw, what to tick.

No plate is in it: whoever drove past knows the vehicle, and ticks whether it was read right.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from anpr_edge import __version__
from anpr_edge.aim.needs import SHARPNESS, WIDTH_PX
from anpr_edge.durable import replace_whole
from anpr_edge.errors import AnprError, reason
from anpr_edge.fleet.page import html_page
from anpr_edge.records import Instant, PlateRead, mask_plate

LINE: Final = "_" * 40
"""To write on."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which unit was tested, and when."""

    fleet: str
    unit: str
    site: str
    at: Instant


def check_place(file: Path) -> None:
    """Whether the record can be written, before anybody drives.

    Raises: AnprError when it cannot.
    """
    if file.is_dir() or not os.access(file.parent, os.W_OK | os.X_OK):
        raise AnprError(
            f"{file}: no record can be written there", hint="--record takes a file in a folder that is there"
        )


def write_record(file: Path, lines: Iterator[str], title: str) -> None:
    """Write the record whole, or leave what was there.

    Raises: AnprError when the system refuses.
    """
    page = "".join(f"{line}\n" for line in html_page(title, lines))
    try:
        replace_whole(file, page.encode())
    except OSError as error:
        raise AnprError(f"{file}: {reason(error)}") from error


def record_lines(
    place: Place, reads: Sequence[PlateRead], counts: Mapping[str, int], sight: Mapping[str, Any], why: str
) -> Iterator[str]:
    """The record, line by line, in Markdown. `why` says why nothing was read, where nothing was."""
    yield f"# Drive-by test of {_text(place.unit)}"
    yield from _heading(place, reads)
    yield "## Vehicles"
    if reads:
        yield "| | time UTC | plate | confidence | frames | in view | direction | lane | read right |"
        yield "|---|---|---|---|---|---|---|---|---|"
        yield from (_row(number, read) for number, read in enumerate(reads, 1))
    else:
        yield f"**Nothing was read:** {why}."
    yield "## Camera"
    yield from _camera(counts, sight)
    yield "## Test"
    yield "| by hand | |"
    yield "|---|---|"
    for asked in ("Speed driven, lane, day or night", "Lamps at full, nothing in the way", "Remarks"):
        yield f"| {asked} | {LINE} |"
    yield f"| Accepted ☐ yes ☐ no, name, date, signature | {LINE} |"


def _heading(place: Place, reads: Sequence[PlateRead]) -> Iterator[str]:
    error_ms = place.at.utc_error_ms
    clock = "not synchronised" if error_ms is None else f"right to {error_ms:.0f} ms"
    models = sorted({model for read in reads for model in read.model_ids})
    yield f"| Unit | {_text(place.unit)} |"
    yield "|---|---|"
    yield f"| Fleet, site | {_text(place.fleet)}, {_text(place.site) or 'no name'} |"
    yield f"| Time | {_utc(place.at):%Y-%m-%d %H:%M:%S} UTC, clock {clock} |"
    yield f"| Software | anpr-edge {__version__} {_text(' '.join(models))} |"


def _row(number: int, read: PlateRead) -> str:
    cells = (
        str(number),
        f"{_utc(read.last):%H:%M:%S}",
        _text(mask_plate(read.plate_text)),
        f"{read.confidence:.3f}",
        str(read.frames_used),
        f"{(read.last.mono_ns - read.first.mono_ns) / 1e6:.0f} ms",
        read.direction or "",
        _text(read.lane or ""),
        "☐ yes ☐ no",
    )
    return f"| {' | '.join(cells)} |"


def _camera(counts: Mapping[str, int], sight: Mapping[str, Any]) -> Iterator[str]:
    plates = sight.get("plates") or {}
    yield "| what | measured | need |"
    yield "|---|---|---|"
    looks = plates.get("looks", 0)
    width, sharpness = (plates.get(name) if looks else None for name in ("width_px", "sharpness"))
    yield f"| Plate width | {_measured(width, '.0f')} px | {WIDTH_PX:.0f} px or more |"
    yield f"| Sharpness of plates | {_measured(sharpness, '.2f')} | {SHARPNESS:.2f} or more |"
    yield f"| Frames | {counts['frames']} | |"
    yield f"| Times a plate was found | {counts['found']} | |"
    yield f"| … too small · outside the view | {counts['too_small']} · {counts['outside']} | |"
    yield f"| Vehicles unreadable | {counts['unreadable']} | 0 |"


def _measured(value: float | None, form: str) -> str:
    return "not measured" if value is None else format(value, form)


def _utc(moment: Instant) -> datetime:
    return datetime.fromtimestamp(moment.utc_ns / 1e9, UTC)


def _text(words: str) -> str:
    """Words as they are, whatever marks are in them."""
    return words.replace("|", "\\|")
