"""`anpr-edge top`: the unit at work, live: status with rates, queues, the board and the last reads."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.numbers import between
from anpr_edge.cli.program import add_config_option
from anpr_edge.cli.status import duration, feeds_in_force, reader_rows, state_of, uplink_rows

if TYPE_CHECKING:
    from anpr_edge.config import Config

TEXT = """The unit at work, live: what anpr-edge status shows, and how many frames and reads a second, what
waits between the stages, temperature and throttling, and the last reads, of which two characters are
shown. Ends at Ctrl-C. Not on a terminal, or with --once, it prints one screen and ends.
The last reads are for root alone. Example:

  sudo anpr-edge top"""

EXIT_CODES = """exit code: 0 it ended as it should, 78 the configuration cannot be used"""

CLEAR = "\x1b[H\x1b[J"
State = Mapping[str, Any]


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `top`."""
    top = subparsers.add_parser(
        "top",
        help="watch the unit at work, live",
        description=TEXT,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(top)
    top.add_argument(
        "--every", type=between(0.2, 60.0), default=1.0, metavar="SECONDS", help="how often (%(default)g)"
    )
    top.add_argument("--once", action="store_true", help="print one screen and end")
    top.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Draw until interrupted."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock

    config, clock = load_config(arguments.config), SystemClock()
    live = sys.stdout.isatty() and not arguments.once
    feeds, before = feeds_in_force(config), None
    try:
        while True:
            mono_s = clock.now().mono_ns / 1e9
            look = Look.at(config, mono_s)
            lines = list(screen(f"{config.unit.fleet}/{config.unit.id}", look, before, feeds))
            print(CLEAR + "\n".join(lines) if live else "\n".join(lines), flush=True)
            if not live:
                return 0
            before = look
            clock.sleep(arguments.every)
    except KeyboardInterrupt:
        return 0


class Look:
    """Everything one screen is made of."""

    def __init__(
        self, mono_s: float, states: Mapping[str, State | None], board: Sequence[str], reads: Sequence[State]
    ) -> None:
        self.mono_s = mono_s
        self.states = states
        self.board = board
        self.reads = reads

    @classmethod
    def at(cls, config: Config, mono_s: float) -> Look:
        """What can be seen now."""
        run_dir = config.unit.run_dir
        states = {process: state_of(run_dir, process, mono_s) for process in ("reader", "uplink")}
        return cls(mono_s, states, list(board_words()), last_reads(run_dir))


def screen(unit: str, look: Look, before: Look | None, feeds: tuple[str, ...]) -> Iterator[str]:
    """The lines of one screen; rates are against the look `before`."""
    yield f"{unit}   {', '.join(look.board)}"
    for process, state in look.states.items():
        if state is None or not state.get("fresh"):
            yield f"{process:<8} not running: anpr-edge doctor says why"
            continue
        yield f"{process:<8} {state['state']}, up {duration(state['uptime_s'])}, {state['rss_mb']} MB"
        if state["state"] == "starting":
            continue
        rows = _reader(state, before) if process == "reader" else uplink_rows(state, feeds)
        for name, text in rows:
            yield f"  {name:<9} {text}"
    yield from _last(look)


def _reader(state: State, before: Look | None) -> Iterator[tuple[str, str]]:
    earlier = before.states.get("reader") if before else None
    if earlier and earlier.get("fresh") and state["mono_s"] > earlier["mono_s"] and "frames" in earlier:
        passed_s = state["mono_s"] - earlier["mono_s"]
        frames = (state["frames"]["taken"] - earlier["frames"]["taken"]) / passed_s
        searched = (state["frames"]["processed"] - earlier["frames"]["processed"]) / passed_s
        yield "rate", f"{frames:.1f} frames/s taken, {searched:.1f} processed"
    queues = state.get("queues") or {}
    if queues:
        waiting = ", ".join(f"{one['waiting']} of {one['room']} {name}" for name, one in queues.items())
        yield "waiting", waiting
    yield from reader_rows(state)


def _last(look: Look) -> Iterator[str]:
    for read in reversed(look.reads):
        age = duration(max(0.0, look.mono_s - read["mono_s"]))
        more = "  ".join(str(read[key]) for key in ("direction", "lane") if read[key])
        frames = f"{read['frames']} frames"
        yield f"  {age:>8} ago  {read['plate']:<6} {read['confidence']:.3f}  {frames}  {more}".rstrip()


def last_reads(run_dir: Path) -> list[State]:
    """The last reads, masked; none for whoever may not see them."""
    import json

    from anpr_edge.daemon.lastreads import LAST_READS_FILE

    try:
        return list(json.loads((run_dir / LAST_READS_FILE).read_text(encoding="utf-8"))["reads"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def board_words() -> Iterator[str]:
    """Load, and temperature and limits where the board tells them."""
    from anpr_edge.devices.board import load_1min, soc_temperature_c, throttling

    yield f"load {load_1min():.1f}"
    celsius, limits = soc_temperature_c(), throttling()
    if celsius is not None:
        yield f"{celsius:.0f} °C"
    if limits is not None:
        yield "UNDER-VOLTAGE" if limits.under_voltage else "THROTTLED" if limits.throttled else "full speed"
