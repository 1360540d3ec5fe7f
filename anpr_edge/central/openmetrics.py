"""A fleet's report as OpenMetrics text, for Prometheus and whatever else reads it.

Labels are units, feeds and conditions alone, so that their number is bounded; a value that is not known
has no sample.

Source: OpenMetrics 1.0 (github.com/prometheus/OpenMetrics, specification/OpenMetrics.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from anpr_edge.central.fleet_conditions import ORDER, Verdict
from anpr_edge.central.fleet_judges import CONDITIONS
from anpr_edge.central.fleet_report import FleetReport, UnitReport

CONTENT_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

MOST_SYSTEMS: Final = 20

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: its samples come from a report. `unit` is the last part of its name, or empty."""

    name: str
    kind: str
    help: str
    samples: Callable[[FleetReport], Iterator[Sample]]
    unit: str = ""


def openmetrics(report: FleetReport) -> str:
    """The whole exposition, to its `# EOF`."""
    return "".join(line + "\n" for family in FAMILIES for line in _lines(family, report)) + "# EOF\n"


def _lines(family: Family, report: FleetReport) -> Iterator[str]:
    yield f"# TYPE {family.name} {family.kind}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {family.help}"
    suffix = "_total" if family.kind == "counter" else ""
    for labels, value in family.samples(report):
        named = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
        yield f"{family.name}{suffix}{f'{{{named}}}' if named else ''} {_number(value)}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _connected(report: FleetReport) -> Iterator[Sample]:
    yield (), float(report.fleet.connected)


def _unreadable(report: FleetReport) -> Iterator[Sample]:
    yield (), report.fleet.unreadable


def _by_verdict(report: FleetReport) -> Iterator[Sample]:
    for verdict, count in report.counts.items():
        yield (("verdict", verdict.value),), count


def _by_condition(report: FleetReport) -> Iterator[Sample]:
    found = Counter((one.condition.code, one.verdict) for unit in report.units for one in unit.found)
    for condition in CONDITIONS:
        for verdict in ORDER:
            yield (("code", condition.code), ("verdict", verdict.value)), found[condition.code, verdict]


def _by_system(report: FleetReport) -> Iterator[Sample]:
    """The most common ones by name, as units do not decide how many labels there are."""
    systems = report.systems
    for version, count in systems[:MOST_SYSTEMS]:
        yield (("version", version),), count
    if len(systems) > MOST_SYSTEMS:
        yield (("version", "others"),), sum(count for _, count in systems[MOST_SYSTEMS:])


def _each(value: Callable[[UnitReport], float | None]) -> Callable[[FleetReport], Iterator[Sample]]:
    """One sample a unit, where its value is known."""

    def samples(report: FleetReport) -> Iterator[Sample]:
        for one in report.units:
            known = value(one)
            if known is not None:
                yield (("unit", one.unit.name),), known

    return samples


def _each_feed(field: str) -> Callable[[FleetReport], Iterator[Sample]]:
    """One sample a unit and feed, from what its health says."""

    def samples(report: FleetReport) -> Iterator[Sample]:
        for one in report.units:
            feeds = (one.unit.health.feeds if one.unit.health else None) or {}
            for name, feed in sorted(feeds.items()):
                known = getattr(feed, field)
                if known is not None:
                    yield (("unit", one.unit.name), ("feed", name)), known

    return samples


def _missing(report: FleetReport) -> Iterator[Sample]:
    for one in report.units:
        for feed, confirmed in sorted(one.unit.confirmed.items()):
            yield (("unit", one.unit.name), ("feed", feed)), confirmed.missing


def _verdict(one: UnitReport) -> float:
    return {Verdict.OK: 0, Verdict.WARN: 1, Verdict.NOT_KNOWN: 2, Verdict.FAIL: 3}[one.verdict]


def _online(one: UnitReport) -> float | None:
    return None if one.unit.online is None else float(one.unit.online)


def _of_health(field: str, scale: float = 1.0) -> Callable[[UnitReport], float | None]:
    def value(one: UnitReport) -> float | None:
        known = getattr(one.unit.health, field, None)
        return None if known is None else known * scale

    return value


FAMILIES: Final = (
    Family("anpr_watch_connected", "gauge", "1 while the watch is connected to the broker.", _connected),
    Family("anpr_watch_unreadable_messages", "counter", "Messages not understood.", _unreadable),
    Family("anpr_fleet_units", "gauge", "Units by verdict, the worst of their conditions.", _by_verdict),
    Family("anpr_fleet_condition_units", "gauge", "Units by condition and verdict.", _by_condition),
    Family("anpr_fleet_system_units", "gauge", "Units by the version of the system that runs.", _by_system),
    Family("anpr_unit_verdict", "gauge", "0 ok, 1 warn, 2 not known, 3 fail.", _each(_verdict)),
    Family("anpr_unit_online", "gauge", "1 while the unit is connected to the broker.", _each(_online)),
    Family("anpr_unit_health_age_seconds", "gauge", "Age of the unit's last health message.",
           _each(lambda one: one.health_age_s), "seconds"),
    Family("anpr_unit_reads_committed", "counter", "Reads kept since the unit's reader started.",
           _each(_of_health("reads_committed"))),
    Family("anpr_unit_reads_lost", "counter", "Reads that nothing could keep or seal.",
           _each(_of_health("reads_lost"))),
    Family("anpr_unit_frames_taken", "counter", "Frames taken since the unit's reader started.",
           _each(_of_health("frames_taken"))),
    Family("anpr_unit_frames_dropped", "counter", "Frames not looked at.",
           _each(_of_health("frames_dropped"))),
    Family("anpr_unit_clock_error_seconds", "gauge", "How far the unit's clock may be off.",
           _each(_of_health("clock_error_ms", 0.001)), "seconds"),
    Family("anpr_unit_certificate_days", "gauge", "Days the unit's certificate is still good for.",
           _each(_of_health("certificate_days")), "days"),
    Family("anpr_unit_board_celsius", "gauge", "The processor's temperature.",
           _each(_of_health("temperature_c")), "celsius"),
    Family("anpr_unit_disk_free_bytes", "gauge", "What a service may still write on the unit's disk.",
           _each(_of_health("disk_free_mb", 1e6)), "bytes"),
    Family("anpr_unit_outbox_waiting_reads", "gauge", "Reads no broker has accepted yet.",
           _each_feed("waiting"), "reads"),
    Family("anpr_unit_outbox_sent_reads", "gauge", "Reads the broker has, the centre has not confirmed.",
           _each_feed("sent"), "reads"),
    Family("anpr_unit_outbox_oldest_seconds", "gauge", "Age of the oldest read on the unit.",
           _each_feed("oldest_age_s"), "seconds"),
    Family("anpr_unit_outbox_dropped", "counter", "Sealed reads given up: outbox full, or too old.",
           _each_feed("dropped")),
    Family("anpr_unit_store_missing_reads", "gauge", "Numbers that the centre's store does not have.",
           _each(lambda one: None if one.unit.held is None else one.unit.held.missing), "reads"),
    Family("anpr_unit_store_chain_breaks", "gauge", "Places where the chain in the store does not hold.",
           _each(lambda one: None if one.unit.held is None else one.unit.held.breaks)),
    Family("anpr_unit_missing_reads", "gauge", "Reads the feed's centre asks for again.", _missing, "reads"),
)  # fmt: skip
"""Every metric, with the unit as the last part of its name."""
