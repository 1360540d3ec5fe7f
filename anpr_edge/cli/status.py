"""`anpr-edge status`: what the unit does now, on one screen, from the services' own state files.

`status --json`: {"schema": 1, "running", "reader": state or null, "uplink": state or null, "update": the
last update's record or null}, each state as in the service's file with "fresh" and "age_s" added, or only
"error" and "fresh" when the file is damaged (docs/diagnostics.md).

Exit code: 0 both services run, 1 one does not, 78 the configuration cannot be used.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter, _SubParsersAction
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anpr_edge.cli.output import coloured, json_line, note
from anpr_edge.cli.program import add_config_option
from anpr_edge.cli.update_cmd import in_words

if TYPE_CHECKING:
    from anpr_edge.config import Config
    from anpr_edge.update.record import Record

SCHEMA = 1
PROCESSES = ("reader", "uplink")

STATUS_HELP = """What the unit does now, on one screen: both services, their stages, counts, position and
connection, as they last said themselves. It looks at nothing else: anpr-edge doctor does.
Examples:

  anpr-edge status
  anpr-edge status --json | jq .uplink.link"""

EXIT_CODES = """exit code: 0 both services run, 1 one does not, 78 the configuration cannot be used"""

State = Mapping[str, Any]


def add_parser(subparsers: _SubParsersAction[ArgumentParser]) -> None:
    """Add `status`."""
    status = subparsers.add_parser(
        "status",
        help="show what the unit does now, on one screen",
        description=STATUS_HELP,
        epilog=EXIT_CODES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    add_config_option(status)
    status.add_argument("--json", action="store_true", help="print one JSON object")
    status.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Show both services; 1 when one does not run."""
    from anpr_edge.config import load_config
    from anpr_edge.devices.clock import SystemClock

    config = load_config(arguments.config)
    mono_s = SystemClock().now().mono_ns / 1e9
    states = {process: state_of(config.unit.run_dir, process, mono_s) for process in PROCESSES}
    running = all(state is not None and state["fresh"] for state in states.values())
    record = _last_update(config)
    if arguments.json:
        update = None if record is None else asdict(record)
        json_line({"schema": SCHEMA, "running": running, **states, "update": update})
    else:
        _show(f"{config.unit.fleet}/{config.unit.id}", states, feeds_in_force(config))
        if record is not None:
            print(f"update   {in_words(record)}")
    return 0 if running else 1


def feeds_in_force(config: Config) -> tuple[str, ...]:
    """The feeds in force; none before there has been a policy."""
    from anpr_edge.errors import PolicyError
    from anpr_edge.unitpolicy import in_force

    try:
        return tuple(feed.name for feed in in_force(config).feeds)
    except PolicyError:
        return ()


def _last_update(config: Config) -> Record | None:
    """What became of the last update; None when there was none, or it cannot be read."""
    from anpr_edge.errors import UpdateError
    from anpr_edge.update.record import read_outcome

    try:
        return read_outcome(config.unit.state_dir / "update")
    except UpdateError:
        return None


def state_of(run_dir: Path, process: str, mono_s: float) -> dict[str, Any] | None:
    """What a service last said, and how long ago; only `error` when that cannot be read."""
    from anpr_edge.errors import AnprError
    from anpr_edge.statefile import is_fresh, read_state

    try:
        state = read_state(run_dir / f"{process}.json")
    except AnprError as error:
        return {"error": str(error), "fresh": False}
    if state is None:
        return None
    age_s = round(mono_s - state["mono_s"], 1)
    return {**state, "age_s": age_s, "fresh": is_fresh(state, mono_s)}


def _show(unit: str, states: Mapping[str, State | None], feeds: tuple[str, ...]) -> None:
    import sys

    print(unit)
    for process, state in states.items():
        if state is None or not state["fresh"]:
            word, more = _how_it_ended(state)
            print(f"{process:<8} {coloured(word, 'fail', sys.stdout)}{more}")
            continue
        word = coloured(str(state["state"]), "ok", sys.stdout)
        print(f"{process:<8} {word}, up {duration(state['uptime_s'])}, {state['rss_mb']} MB")
        if state["state"] == "starting":
            continue
        rows = reader_rows(state) if process == "reader" else uplink_rows(state, feeds)
        for name, text in rows:
            print(f"  {name:<9} {text}")
    if not all(_is_well(state) for state in states.values()):
        note("next: anpr-edge doctor says what is wrong and what to do")


def _is_well(state: State | None) -> bool:
    """Whether a service runs and says nothing that doctor would explain."""
    if state is None or not state["fresh"] or state.get("outbox_down"):
        return False
    if not _exposure_is_well(state.get("exposure") or {}):
        return False
    on_time = all(
        stage["age_s"] is None or stage["age_s"] <= stage["limit_s"]
        for stage in state.get("stages", {}).values()
    )
    return on_time and state.get("link", {}).get("connected", True)


def _exposure_is_well(exposure: State) -> bool:
    from anpr_edge.diag.checks.exposure import is_stuck

    return not exposure.get("lamp_fault") and not is_stuck(exposure)


def _how_it_ended(state: State | None) -> tuple[str, str]:
    """The word for a service that does not run, and what more is known."""
    if state is None:
        return "not running", ""
    if "error" in state:
        return "unknown", f", {state['error']}"
    if state["age_s"] < 0:
        return "not running", ", last seen before the boot"
    ago = f"{duration(state['age_s'])} ago"
    endings = {
        "finished": ("finished", f" {ago}, its source came to its end"),
        "stopped": ("stopped", f" {ago}, as told"),
        "failed": ("failed", f" {ago}: {state.get('why', 'see its log')}"),
    }
    return endings.get(state["state"], ("not running", f", last seen {ago}"))


def reader_rows(state: State) -> Iterator[tuple[str, str]]:
    """The reader's part of the screen: (name, text)."""
    yield "stages", ", ".join(_stage(name, stage) for name, stage in state["stages"].items())
    frames, reads, latency = state["frames"], state["reads"], state["latency_ms"]
    dropped = ", ".join(f"{count} {cause}" for cause, count in frames["dropped"].items() if count)
    yield "frames", f"{frames['taken']} taken, {frames['processed']} processed, dropped: {dropped or 'none'}"
    last = f", the last {duration(reads['last_age_s'])} ago" if reads["last_age_s"] is not None else ""
    yield "reads", f"{reads['committed']} kept{last}; {reads['unreadable']} plates unreadable"
    yield from _outbox_rows(state)
    if latency["frame_p50"] is not None:
        yield "latency", f"{latency['frame_p50']:.0f} ms half, {latency['frame_p95']:.0f} ms 95 % of frames"
    error_ms = state["clock"]["utc_error_ms"]
    yield "clock", "not synchronised" if error_ms is None else f"within {error_ms:.1f} ms of UTC"
    yield "position", ("unknown", "no fix", "2D fix", "3D fix or surveyed")[state["fix"]["mode"]]
    yield from exposure_rows(state.get("exposure"))
    yield from lamp_board_rows(state.get("lamp_board"))
    yield from policy_rows(state.get("policy"))
    yield "models", ", ".join(state["models"])


def exposure_rows(exposure: State | None) -> Iterator[tuple[str, str]]:
    """How frames are taken, where that is the reader's to decide."""
    from anpr_edge.diag.checks.exposure import in_words

    if not exposure:
        return
    yield "exposure", f"{exposure['profile']}, {in_words(exposure)}, by {exposure['held_by']}"
    if exposure["lamp_fault"]:
        yield "", f"the lamps DO NOT OBEY: {exposure['lamp_fault']}"
    if exposure["limit"]:
        yield "", f"at its limit for {duration(exposure['limit_s'])}: too {exposure['limit']}"


def lamp_board_rows(board: State | None) -> Iterator[tuple[str, str]]:
    """What the lamp board measures, where there is one."""
    if not board:
        return
    if board["level"] is None:
        yield "lamps", f"their board has been SILENT for {duration(board['silent_s'])}"
        return
    heat = "" if board["lamp_temperature_c"] is None else f", {board['lamp_temperature_c']:.0f} °C"
    flags = f"; {', '.join(board['flags']).upper()}" if board["flags"] else ""
    yield "lamps", f"level {board['level']:.2f}, {board['current_ma']} mA{heat}{flags}"


def policy_rows(policy: State | None) -> Iterator[tuple[str, str]]:
    """The signed policy in force and what it keeps back, when the feeds come from one."""
    if policy is None or not policy["version"]:
        return
    refused = f"; the file there is refused: {policy['refused']}" if policy["refused"] else ""
    word = "until" if policy["valid"] else "NOT VALID NOW, its end is"
    yield "policy", f"{policy['version']}, {word} {policy['until']}{refused}"
    for feed, counts in policy["withheld"].items():
        if counts:
            kept_back = ", ".join(f"{count} {why}" for why, count in counts.items())
            yield "", f"kept back from {feed}: {kept_back}"


def uplink_rows(state: State, feeds: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """The uplink's part of the screen: (name, text)."""
    link = state["link"]
    word = "connected" if link["connected"] else "not connected"
    detail = f" ({link['detail']})" if link["detail"] not in ("", word) else ""
    yield "link", f"{word} for {duration(link['since_s'])}{detail}"
    yield from _link_rows(state)
    if fetch := state.get("update"):
        trouble = f"; {fetch['trouble']}" if fetch["trouble"] else ""
        share = 100 * fetch["bytes"] // fetch["of_bytes"]
        yield (
            "update",
            f"{fetch['version']} is being fetched, {share} % of {fetch['of_bytes']} bytes{trouble}",
        )
    yield "sent", f"{state['published']} published, {state['accepted']} accepted, {state['refused']} refused"
    yield from command_rows(state.get("commands") or {})
    for feed in feeds:
        kept = state["outbox"].get(feed, {"waiting": 0, "sent": 0, "oldest_age_s": None})
        oldest = kept["oldest_age_s"]
        age = f", oldest {duration(oldest)}" if oldest is not None else ""
        watermark = state["acked"].get(feed)
        confirmed = "nothing confirmed yet" if watermark is None else f"centre has all up to #{watermark}"
        yield feed, f"{kept['waiting']} waiting, {kept['sent']} sent and unconfirmed{age}; {confirmed}"


def _link_rows(state: State) -> Iterator[tuple[str, str]]:
    """What is out of the ordinary with the connection."""
    if state.get("broker", {}).get("on_standby"):
        yield "broker", f"STANDBY {state['broker']['address']}, preferred is {state['broker']['preferred']}"
    if trouble := state.get("certificate", {}).get("trouble"):
        yield "new cert.", f"NOT USED: {trouble}"
    for feed, hold in state.get("shaping", {}).get("held", {}).items():
        yield feed, f"HELD: the broker refuses it, MQTT reason {hold['reason_code']}"
    traffic = state.get("traffic", {})
    if traffic.get("budget") in ("saving", "spent"):
        yield "bytes", f"{traffic['today_bytes'] / 1e6:.1f} of {traffic['limit_bytes'] / 1e6:.1f} MB today"


def command_rows(commands: State) -> Iterator[tuple[str, str]]:
    """The fleet authority's commands: the last one, paused feeds, and whether any are taken at all."""
    if trouble := commands.get("trouble"):
        yield "commands", f"NOT TAKEN: {trouble}"
    elif not commands.get("key", True):
        yield "commands", "none are taken: command.pub is not there (docs/commands.md)"
    if last := commands.get("last"):
        said = f"{last['name']}, number {last['number']}: {last['outcome']}, {last['utc']}"
        refused = sum(commands["refused"].values())
        yield "commands", f"the last {said}; {refused} refused"
    for pause in commands.get("paused") or ():
        yield "paused", f"{pause['feed']} until {pause['until_utc']}"


def _stage(name: str, stage: State) -> str:
    age_s = stage["age_s"]
    if age_s is None:
        return f"{name} idle"
    late = age_s > stage["limit_s"]
    return f"{name} {'LATE ' if late else ''}{duration(age_s)}"


def _outbox_rows(state: State) -> Iterator[tuple[str, str]]:
    """What is not as it should be with the outbox."""
    if state.get("outbox_down"):
        yield "outbox", "takes NO READS, they wait in memory"
    if times := state.get("outbox_rebuilds"):
        yield "outbox", f"found broken and begun anew {'once' if times == 1 else f'{times} times'}"


def duration(seconds: float) -> str:
    """A length of time in the two units that matter: 0.3 s, 12 s, 5 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 24 else f"{hours // 24} d {hours % 24} h"
