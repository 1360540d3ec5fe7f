"""The unit's health as it is published: one document from what both services and the board say.

docs/health.schema.json is its layout. What is not known is null, never 0, and `unknown` has the reason by the
null's path; `Health` keeps the two together.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

from anpr_edge import __version__
from anpr_edge.devices import board
from anpr_edge.errors import AnprError, UpdateError
from anpr_edge.seams import Clock
from anpr_edge.statefile import is_fresh, read_state
from anpr_edge.update.layout import Layout
from anpr_edge.update.record import Record, read_outcome
from anpr_edge.update.versions import running_version

HEALTH_SCHEMA: Final = 2
UNSYNCHRONISED: Final = "the kernel calls the clock unsynchronised"
NOT_LONG_ENOUGH: Final = "the reader has not run for long enough"

State = Mapping[str, Any]
T = TypeVar("T")


class Nulls:
    """Why each null of the document is null, by its path."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def or_why(self, value: T, path: str, why: str) -> T:
        """`value`, with the reason noted when it is None."""
        if value is None:
            self.reasons[path] = why
        return value


@dataclass(frozen=True, slots=True)
class Board:
    """What the board and its disk say; None where they do not."""

    temperature_c: float | None
    throttling: Mapping[str, bool] | None
    load_1min: float
    disk: Mapping[str, float] | None
    disk_why: str = ""

    @classmethod
    def asked(cls, state_dir: Path) -> Board:
        """Ask them now."""
        limits = board.throttling()
        try:
            usage = shutil.disk_usage(state_dir)
            disk, why = {"total_mb": round(usage.total / 1e6), "free_mb": round(usage.free / 1e6)}, ""
        except OSError as error:
            disk, why = None, f"{state_dir}: {error.strerror}"
        throttling = None if limits is None else asdict(limits)
        return cls(board.soc_temperature_c(), throttling, round(board.load_1min(), 2), disk, why)


@dataclass(frozen=True, slots=True)
class System:
    """The system image that runs, and what became of the last update; `why` when that cannot be told."""

    version: str
    last: Record | None
    why: str = "no update yet"

    @classmethod
    def asked(cls, layout: Layout, update_dir: Path) -> System:
        """Look now."""
        version = running_version(layout.release_file)
        try:
            return cls(version, read_outcome(update_dir))
        except UpdateError as error:
            return cls(version, None, str(error))


class UnitHealth:
    """Makes the document. `reader_file` is the reader's state file; `ask_board` asks the board, `ask_system`
    which system runs.
    """

    def __init__(
        self,
        fleet: str,
        unit: str,
        clock: Clock,
        *,
        reader_file: Path,
        ask_board: Callable[[], Board],
        ask_system: Callable[[], System],
    ) -> None:
        self._head = {"schema": HEALTH_SCHEMA, "fleet": fleet, "unit": unit, "version": __version__}
        self._clock = clock
        self._reader_file = reader_file
        self._ask_board = ask_board
        self._ask_system = ask_system

    def document(self, uplink: State) -> dict[str, Any]:
        """The health of this moment; `uplink` is the state of the uplink's own service."""
        nulls, now, seen = Nulls(), self._clock.now(), self._ask_board()
        state = self._reader_state()
        word = _word(state, now.mono_ns / 1e9)
        runs = state is not None and word == "running"
        return {
            **self._head,
            "utc": datetime.fromtimestamp(now.utc_ns / 1e9, UTC).isoformat(timespec="seconds"),
            "clock": {"utc_error_ms": nulls.or_why(now.utc_error_ms, "clock.utc_error_ms", UNSYNCHRONISED)},
            **_board_part(seen, nulls),
            "services": {
                "reader": _service(state, word, "services.reader", nulls),
                "uplink": _service(uplink, str(uplink["state"]), "services.uplink", nulls),
            },
            **_reader_part(state if runs else None, f"the reader is {word}", nulls),
            **_uplink_part(uplink, state if runs else None, nulls),
            "update": _update(self._ask_system(), uplink, nulls),
            "unknown": nulls.reasons,
        }

    def _reader_state(self) -> State | None:
        try:
            return read_state(self._reader_file)
        except AnprError:
            return None


def _word(state: State | None, mono_s: float) -> str:
    if state is None:
        return "never"
    ended = state["state"] in ("stopped", "failed", "finished")
    return str(state["state"]) if ended or is_fresh(state, mono_s) else "gone"


def _board_part(seen: Board, nulls: Nulls) -> dict[str, Any]:
    return {
        "board": {
            "temperature_c": nulls.or_why(seen.temperature_c, "board.temperature_c", "no such sensor here"),
            "throttling": nulls.or_why(
                seen.throttling, "board.throttling", "no Raspberry Pi firmware answers here"
            ),
            "load_1min": seen.load_1min,
        },
        "disk": nulls.or_why(seen.disk, "disk", seen.disk_why),
    }


def _service(state: State | None, word: str, path: str, nulls: Nulls) -> dict[str, Any]:
    said = state if state is not None and word in ("starting", "running", "stopping") else {}
    return {
        "state": word,
        **{
            key: nulls.or_why(said.get(key), f"{path}.{key}", f"it is {word}")
            for key in ("uptime_s", "rss_mb")
        },
    }


SENT_COUNTS: Final = ("published", "accepted", "refused", "acks_refused", "set_aside")
READER_PARTS: Final = (
    "stages",
    "frames",
    "reads",
    "latency_ms",
    "exposure",
    "lamp_board",
    "plates",
    "position",
    "models",
    "policy",
)


UPDATE_FIELDS: Final = ("version", "from_version", "slot", "phase", "why", "utc")


def _reader_part(state: State | None, why: str, nulls: Nulls) -> dict[str, Any]:
    """What only a running reader knows."""
    if state is None:
        return {part: nulls.or_why(None, part, why) for part in READER_PARTS}
    reads, latency = state["reads"], state["latency_ms"]
    return {
        "stages": {name: _stage(name, state, nulls) for name in state["rates"]},
        "frames": _frames(state["frames"], nulls),
        "reads": {
            **{key: reads[key] for key in ("committed", "unreadable", "unsealable", "lost")},
            "in_memory": reads["in_memory"],
            "dropped": dict(reads["dropped"]),
            "last_utc": nulls.or_why(reads["last_utc"], "reads.last_utc", "no read since the reader started"),
        },
        "latency_ms": {
            key: nulls.or_why(latency[key], f"latency_ms.{key}", NOT_LONG_ENOUGH)
            for key in ("frame_p50", "frame_p95")
        },
        "exposure": _exposure(state["exposure"], nulls),
        "lamp_board": _lamp_board(state["lamp_board"], nulls),
        "plates": nulls.or_why(state["plates"], "plates", state["plates_why"]),
        "position": {"mode": state["fix"]["mode"]},
        "models": list(state["models"]),
        "policy": _policy(state["policy"], nulls),
    }


def _stage(name: str, state: State, nulls: Nulls) -> dict[str, Any]:
    beat, path = state["stages"][name], f"stages.{name}"
    return {
        "per_s": nulls.or_why(state["rates"][name], f"{path}.per_s", NOT_LONG_ENOUGH),
        "age_s": nulls.or_why(beat["age_s"], f"{path}.age_s", "it has ended, or is not to be waited for"),
        "limit_s": beat["limit_s"],
    }


def _frames(frames: State, nulls: Nulls) -> dict[str, Any]:
    for fault, seen in frames["faults"].items():
        nulls.or_why(seen["for_s"], f"frames.faults.{fault}.for_s", "it does not stand now")
    return dict(frames)


def _exposure(exposure: State | None, nulls: Nulls) -> dict[str, Any] | None:
    if not exposure:
        why = "shutter and gain are fixed, or the source's own" if exposure is None else "no frame yet"
        return nulls.or_why(None, "exposure", why)
    for key, why in (
        ("lamp_level", "the unit drives no lamps"),
        ("plate_grey", "no plate yet"),
        ("limit", "it is at no limit"),
    ):
        nulls.or_why(exposure[key], f"exposure.{key}", why)
    return dict(exposure)


def _lamp_board(board: State | None, nulls: Nulls) -> dict[str, Any] | None:
    if board is None:
        return nulls.or_why(None, "lamp_board", "the lamps hang on none")
    for key in ("level", "current_ma", "supply_v"):
        nulls.or_why(board[key], f"lamp_board.{key}", "the board is silent")
    nulls.or_why(board["lamp_temperature_c"], "lamp_board.lamp_temperature_c", "no sensor, or it is silent")
    return dict(board)


def _policy(policy: State, nulls: Nulls) -> dict[str, Any] | None:
    if not policy["version"]:
        return nulls.or_why(None, "policy", "the feeds come from the unit's own configuration")
    return {key: policy[key] for key in ("version", "valid", "until", "refused", "withheld")}


def _uplink_part(own: State, reader: State | None, nulls: Nulls) -> dict[str, Any]:
    commands = own.get("commands") or {}
    trouble = commands.get("trouble") or "the uplink's log says why it takes no commands"
    taken = None if "taken" not in commands else _commands(commands, nulls)
    return {
        "link": dict(own["link"]),
        "broker": dict(own["broker"]),
        "certificate": _certificate(own["certificate"], nulls),
        "traffic": _traffic(own["traffic"], nulls),
        "sent": {key: own[key] for key in SENT_COUNTS},
        "outbox": _outbox(own, reader, nulls),
        "paused": nulls.or_why(commands.get("paused"), "paused", trouble),
        "commands": nulls.or_why(taken, "commands", trouble),
    }


def _certificate(certificate: State, nulls: Nulls) -> dict[str, Any]:
    days, why = certificate.get("days_left"), "it has not been read yet"
    return {
        "days_left": nulls.or_why(days, "certificate.days_left", why),
        "trouble": certificate.get("trouble", ""),
    }


def _traffic(traffic: State, nulls: Nulls) -> dict[str, Any]:
    nulls.or_why(traffic["limit_bytes"], "traffic.limit_bytes", "uplink.daily_megabytes sets none")
    return dict(traffic)


def _outbox(own: State, reader: State | None, nulls: Nulls) -> dict[str, Any] | None:
    if own["outbox_trouble"]:
        return nulls.or_why(None, "outbox", own["outbox_trouble"])
    takes = None if reader is None else not reader["outbox_down"]
    return {
        "takes_reads": nulls.or_why(takes, "outbox.takes_reads", "the reader does not run"),
        "rebuilds": own["outbox_rebuilds"],
        "feeds": {name: _feed(name, kept, own, nulls) for name, kept in own["outbox"].items()},
    }


def _feed(name: str, kept: State, own: State, nulls: Nulls) -> dict[str, Any]:
    path = f"outbox.feeds.{name}"
    return {
        "waiting": kept["waiting"],
        "sent": kept["sent"],
        "oldest_age_s": nulls.or_why(kept["oldest_age_s"], f"{path}.oldest_age_s", "nothing is kept"),
        "confirmed": nulls.or_why(
            own["acked"].get(name), f"{path}.confirmed", "no watermark since the uplink started"
        ),
        "dropped": dict(kept["dropped"]),
        "restarts": kept["restarts"],
    }


def _commands(commands: State, nulls: Nulls) -> dict[str, Any]:
    return {
        "taken": commands["taken"],
        "refused": dict(commands["refused"]),
        "last": nulls.or_why(commands["last"], "commands.last", "none was ever taken here"),
    }


def _update(system: System, own: State, nulls: Nulls) -> dict[str, Any]:
    last = system.last
    told = None if last is None else {key: getattr(last, key) for key in UPDATE_FIELDS}
    if told is not None:
        told["slot"] = nulls.or_why(told["slot"] or None, "update.last.slot", "it was written into none")
    fetch = own.get("update")
    return {
        "system": system.version,
        "last": nulls.or_why(told, "update.last", system.why),
        "fetch": nulls.or_why(fetch, "update.fetch", "none is being fetched"),
    }
