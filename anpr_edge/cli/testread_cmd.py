"""`anpr-edge test-read`: drive past once, and see what the unit reads. Nothing is stored or sent.

`test-read --json`: one object a read, {"schema": 1, "plate" (masked unless --show-plates), "confidence",
"frames", "direction", "lane", "syntax", "seen_ms"}, then {"schema": 1, "frames", "found", "too_small",
"outside", "unreadable", "reads", "sight"}.

Exit code: 0 a plate was read, 1 none was, 78 the configuration cannot be used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.numbers import between, whole
from anpr_edge.cli.output import counted, finding, json_line, note
from anpr_edge.cli.program import add_config_option

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.daemon.drivepast import DrivePast
    from anpr_edge.records import PlateRead

SCHEMA = 1
EXIT_NONE = 1
TEXT = """Use the unit's own camera, lamps and models to read the plate of a vehicle that drives past, and
print what came of it. Nothing is sealed, stored or sent. The reader must not run meanwhile:

  sudo systemctl stop anpr-edge-reader; sudo anpr-edge test-read; sudo systemctl start anpr-edge-reader

Plates are masked unless --show-plates: passing vehicles are read too. Ends after --count reads or
--seconds. --record writes a page (HTML) to print, tick and sign, always with masked plates:

  sudo anpr-edge test-read --count 5 --seconds 600 --record acceptance.html"""

EXIT_CODES = """exit code: 0 so many reads were made, 1 they were not, or the reader runs,
78 the configuration cannot be used"""


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `test-read`."""
    parser = subparsers.add_parser(
        "test-read",
        help="read one passing vehicle's plate, storing and sending nothing",
        description=TEXT,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(parser)
    parser.add_argument("--count", type=whole(1), default=1, metavar="N", help="how many reads (%(default)s)")
    parser.add_argument(
        "--seconds", type=between(1.0), default=120.0, metavar="S", help="how long at most (%(default)g)"
    )
    parser.add_argument("--show-plates", action="store_true", help="print plates in full")
    parser.add_argument("--json", action="store_true", help="print JSON objects, one a line")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the test's record to print (HTML)")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Read until there are enough; 1 when there was none."""
    from contextlib import closing
    from itertools import islice

    from anpr_edge.cli.testread_record import check_place
    from anpr_edge.config import load_config
    from anpr_edge.daemon.drivepast import DrivePast
    from anpr_edge.devices.clock import SystemClock

    config = load_config(arguments.config)
    if arguments.record:
        check_place(arguments.record)
    drive = DrivePast(config, SystemClock())
    note("waiting for a vehicle; Ctrl-C ends it")
    given: list[PlateRead] = []
    with closing(drive.reads(arguments.seconds)) as reads:
        for read in islice(reads, arguments.count):
            given.append(read)
            if arguments.json:
                json_line(_as_json(read, arguments.show_plates))
            else:
                _show(read, arguments.show_plates)
    if arguments.json:
        json_line({**_counts(drive), "sight": drive.sight})
    else:
        _summarise(drive, len(given))
    if arguments.record:
        _record(arguments.record, config, drive, given)
    return 0 if given else EXIT_NONE


def _record(file: Path, config: Config, drive: DrivePast, given: Sequence[PlateRead]) -> None:
    from anpr_edge.cli.testread_record import Place, record_lines, write_record
    from anpr_edge.devices.clock import SystemClock

    place = Place(config.unit.fleet, config.unit.id, config.site.name, SystemClock().now())
    lines = record_lines(place, given, _counts(drive), drive.sight, _why(drive))
    write_record(file, lines, f"Drive-by test of {config.unit.id}")
    note(f"record: {file}")


def _plate(read: PlateRead, show_plates: bool) -> str:
    from anpr_edge.records import mask_plate

    return read.plate_text if show_plates else mask_plate(read.plate_text)


def _as_json(read: PlateRead, show_plates: bool) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "plate": _plate(read, show_plates),
        "confidence": round(read.confidence, 4),
        "frames": read.frames_used,
        "direction": read.direction,
        "lane": read.lane,
        "syntax": read.syntax,
        "seen_ms": round((read.last.mono_ns - read.first.mono_ns) / 1e6),
    }


def _show(read: PlateRead, show_plates: bool) -> None:
    seen_ms = (read.last.mono_ns - read.first.mono_ns) / 1e6
    parts = [f"confidence {read.confidence:.3f}", f"{counted(read.frames_used, 'frame')} in {seen_ms:.0f} ms"]
    parts += [str(part) for part in (read.direction, read.lane, read.syntax) if part]
    finding("ok", _plate(read, show_plates), ", ".join(parts))


def _counts(drive: DrivePast) -> dict[str, int]:
    counts = drive.counts
    return {
        "schema": SCHEMA,
        "frames": counts.frames,
        "found": counts.detections,
        "too_small": counts.too_small,
        "outside": counts.outside,
        "unreadable": counts.unreadable,
        "reads": counts.reads,
    }


def _summarise(drive: DrivePast, count: int) -> None:
    """How the camera saw, and what to look at when nothing was read."""
    plates: Mapping[str, Any] = drive.sight.get("plates", {})
    if plates.get("looks"):
        words = f"plates {plates['width_px']:.0f} px wide, sharpness {plates['sharpness']:.2f}"
        note(f"{words}, contrast {plates['contrast'] or 0:.0f}, {counted(plates['looks'], 'look')}")
    if not count:
        finding("fail", "no read", _why(drive), next_step="anpr-edge doctor sight exposure frames")


def _why(drive: DrivePast) -> str:
    counts = drive.counts
    if not counts.frames:
        return "no frame came"
    if not counts.detections:
        return f"{counts.frames} frames, no plate in any of them"
    if counts.outside == counts.detections:
        return f"all {counts.outside} plates were outside the configured view"
    if counts.too_small and not counts.unreadable:
        return f"{counts.too_small} times a plate was too small for a look (reading.min_plate_width_px)"
    return f"{counts.detections} times a plate was found; {counts.unreadable} vehicles unreadable"
