"""Do both services run, with all their stages on time, and is the uplink connected?"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, ok, standing, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import AnprError
from anpr_edge.statefile import ENDED, FRESH_S, START_S, is_fresh, read_state

READER = Condition(
    code="service-reader",
    title="The reader runs and every stage of it is on time",
    severity=Severity.READS,
    explanation=(
        "The reader takes frames, reads plates, seals and keeps them. A stage that hangs for longer than "
        "its limit makes systemd restart it; one that hangs again and again points at the camera or the "
        "disk."
    ),
    depends_on=(
        "config",
        "model-detector",
        "model-closeup",
        "model-recogniser",
        "camera",
        "illuminator",
    ),
    next_step="journalctl -u anpr-edge-reader says why it ended; systemctl start anpr-edge-reader",
)
UPLINK = Condition(
    code="service-uplink",
    title="The uplink runs and every stage of it is on time",
    severity=Severity.DELIVERY,
    explanation="The uplink sends what the outbox holds. While it does not run, reads wait on the unit.",
    depends_on=("config",),
    next_step="journalctl -u anpr-edge-uplink says why it ended; systemctl start anpr-edge-uplink",
)
LINK = Condition(
    code="uplink-link",
    title="The uplink is connected to the broker",
    severity=Severity.DELIVERY,
    explanation=(
        "The uplink reconnects by itself, at growing intervals of up to minutes. This is a condition "
        "of its own only when the broker can otherwise be reached."
    ),
    depends_on=("service-uplink", "broker-tls"),
    next_step="anpr-edge netcheck goes the way step by step; journalctl -u anpr-edge-uplink shows more",
    visible_after_s=60.0,
)

RESTARTS = Condition(
    code="service-restarts",
    title="The services are not started again and again",
    severity=Severity.READS,
    explanation=(
        "systemd starts a service again when it fails or when its watchdog finds a stage hanging. Once is "
        "an accident; again and again means that what hangs is broken: the camera, the disk, the GPS "
        "line."
    ),
    depends_on=("service-reader", "service-uplink"),
    next_step="journalctl -u 'anpr-edge-*' -p warning: which stage was late, or what failed each time?",
)

RESTARTS_NEW_S = 3600.0
RESTARTS_MANY = 3


def run(subject: Subject) -> Iterator[Finding]:
    """The reader, the uplink, and the uplink's connection."""
    yield _service(subject, READER, "reader")
    yield _service(subject, UPLINK, "uplink")
    state = _state(subject, "uplink")
    link = state.get("link", {}) if isinstance(state, dict) else {}
    if link.get("connected"):
        yield ok(LINK, "connected")
    else:
        yield standing(LINK, link.get("since_s", inf), str(link.get("detail") or "not connected yet"))


def run_restarts(subject: Subject) -> Iterator[Finding]:
    """systemd's count since the services were last started by hand, if their last start is not long ago."""
    told = []
    worst = 0
    for process in ("reader", "uplink"):
        unit = f"anpr-edge-{process}.service"
        answer = subject.machine.ask(["systemctl", "show", unit, "--property=NRestarts"])
        number = (answer or "").strip().removeprefix("NRestarts=")
        if not number.isdecimal():
            yield absent(RESTARTS, "systemd does not tell")
            return
        if (count := int(number)) and subject.state(process).get("uptime_s", inf) < RESTARTS_NEW_S:
            told.append(
                f"{process} {count} times, the last {subject.state(process)['uptime_s'] / 60:.0f} min ago"
            )
            worst = max(worst, count)
    if not told:
        yield ok(RESTARTS, "not in the last hour")
    elif worst >= RESTARTS_MANY:
        yield fail(RESTARTS, "; ".join(told), limit=f"{RESTARTS_MANY} times")
    else:
        yield warn(RESTARTS, "; ".join(told), limit=f"{RESTARTS_MANY} times")


def _service(subject: Subject, condition: Condition, process: str) -> Finding:
    start = f"systemctl start anpr-edge-{process}; journalctl -u anpr-edge-{process} says why it ended"
    state = _state(subject, process)
    if state is None:
        return fail(condition, "not running", next_step=start)
    if isinstance(state, AnprError):
        return fail(condition, str(state), next_step=f"systemctl restart anpr-edge-{process}")
    mono_s = subject.clock.now().mono_ns / 1e9
    if not is_fresh(state, mono_s):
        if state.get("state") in ENDED:
            return fail(condition, _ending(state), next_step=start)
        limit = f"{FRESH_S:.0f} s"
        return fail(condition, f"not running: {_last_seen(state, mono_s)}", limit=limit, next_step=start)
    if state.get("state") == "starting":
        age_s = mono_s - float(state["mono_s"])
        step = "ask again when it has had its time"
        return warn(condition, f"starting for {age_s:.0f} s", limit=f"{START_S:.0f} s", next_step=step)
    if state.get("state") == "stopping":
        return fail(condition, "stopping", next_step=start)
    if state.get("outbox_down"):
        step = "anpr-edge doctor disk outbox says why; reads wait in memory until then"
        reads = state.get("reads", {})
        held, lost = reads.get("in_memory", 0), reads.get("dropped", {}).get("no-outbox", 0)
        measured = f"the outbox takes no reads: {held} wait in memory, {lost} given up"
        return fail(condition, measured, next_step=step)
    if late := late_threads(state.get("stages", {})):
        step = f"journalctl -u anpr-edge-{process}; systemd restarts it when this lasts"
        return fail(condition, f"late: {', '.join(late)}", next_step=step)
    return ok(condition, f"{state.get('state')}, up {float(state.get('uptime_s', 0)):.0f} s")


def _state(subject: Subject, process: str) -> dict[str, Any] | AnprError | None:
    try:
        return read_state(subject.config.unit.run_dir / f"{process}.json")
    except AnprError as error:
        return error


def _ending(state: dict[str, Any]) -> str:
    """How a service that wrote its last word has ended."""
    why = state.get("why", "see its log")
    words = {
        "finished": "its source came to its end",
        "stopped": "stopped as told",
        "failed": f"failed: {why}",
    }
    return f"not running: {words[state['state']]}"


def _last_seen(state: dict[str, Any], mono_s: float) -> str:
    age_s = mono_s - float(state.get("mono_s", 0.0))
    return f"last sign of life {age_s:.0f} s ago" if age_s >= 0 else "last sign of life before the last boot"


def late_threads(threads: dict[str, Any]) -> list[str]:
    """Those over their limit, as the service itself saw them."""
    return [
        f"{name} {stage['age_s']:.0f} s (limit {stage['limit_s']:.0f} s)"
        for name, stage in threads.items()
        if stage.get("age_s") is not None and stage["age_s"] > stage["limit_s"]
    ]


CHECK = Check("services", (READER, UPLINK, LINK), run)
RESTARTS_CHECK = Check("restarts", (RESTARTS,), run_restarts)
