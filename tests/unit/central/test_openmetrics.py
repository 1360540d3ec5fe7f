"""What monitoring is served: held to the OpenMetrics parser of prometheus_client."""

from __future__ import annotations

import urllib.error
import urllib.request
from contextlib import closing

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from anpr_edge.central.fleet_conditions import Limits, Verdict
from anpr_edge.central.fleet_judges import CONDITIONS
from anpr_edge.central.fleet_report import report
from anpr_edge.central.fleet_view import FleetView
from anpr_edge.central.metrics_server import MetricsServer, parse_address
from anpr_edge.central.openmetrics import CONTENT_TYPE, FAMILIES, MOST_SYSTEMS, openmetrics
from anpr_edge.errors import UsageError
from tests.fleet_samples import FEED, FLEET, UNIT, at, flat, tell, tell_status, well_view


def text_of(view: FleetView) -> str:
    return openmetrics(report(view, at(5), Limits()))


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by name and label values."""
    families = text_string_to_metric_families(text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def test_a_parser_takes_it_and_finds_the_values() -> None:
    found = samples(text_of(well_view()))
    assert found["anpr_watch_connected", ()] == 1
    assert found["anpr_fleet_units", ("ok",)] == 1
    assert found["anpr_unit_verdict", (UNIT,)] == 0
    assert found["anpr_unit_health_age_seconds", (UNIT,)] == 5
    assert found["anpr_unit_reads_committed_total", (UNIT,)] == 40
    assert found["anpr_unit_clock_error_seconds", (UNIT,)] == pytest.approx(0.0025)
    assert found["anpr_unit_outbox_sent_reads", (UNIT, FEED)] == 1
    assert found["anpr_fleet_condition_units", ("certificate", "not-known")] == 1


def test_an_empty_view_is_valid_too() -> None:
    assert samples(text_of(FleetView(FLEET)))["anpr_watch_connected", ()] == 0


def test_what_is_not_known_has_no_sample() -> None:
    view = well_view()
    tell(view, flat(clock={"utc_error_ms": None}), 3)
    found = samples(text_of(view))
    assert ("anpr_unit_clock_error_seconds", (UNIT,)) not in found
    assert ("anpr_unit_certificate_days", (UNIT,)) not in found


def test_a_failing_unit_shows() -> None:
    view = well_view()
    tell_status(view, 3, state="offline", reason="lost")
    found = samples(text_of(view))
    assert found["anpr_unit_verdict", (UNIT,)] == 3
    assert found["anpr_unit_online", (UNIT,)] == 0
    assert found["anpr_fleet_condition_units", ("offline", "fail")] == 1


def test_systems_are_counted_and_a_unit_does_not_decide_how_many_there_are() -> None:
    view = well_view()
    for number in range(2, 62):
        version = f"1.{number}" if number > 11 else "1.0"
        tell(view, flat(update={"system": version, "last": None, "fetch": None}), 1, f"unit-{number:04d}")
    found = {
        key[1]: value for key, value in samples(text_of(view)).items() if key[0].endswith("system_units")
    }
    assert found["1.0",] == 10
    assert len(found) == MOST_SYSTEMS + 1
    assert sum(found.values()) == 61


def test_every_metric_says_what_it_is_and_its_unit_is_in_its_name() -> None:
    for family in FAMILIES:
        assert family.help
        assert family.kind in ("gauge", "counter")
        assert not family.unit or family.name.endswith(f"_{family.unit}")


def test_the_number_of_series_is_bounded_by_units_and_feeds() -> None:
    view = well_view()
    for number in range(2, 102):
        tell_status(view, 1, f"unit-{number:04d}", state="online")
        tell(view, flat(), 1, f"unit-{number:04d}")
    few, many = len(samples(text_of(well_view()))), len(samples(text_of(view)))
    assert (many - few) / 100 < 25
    assert few < 25 + 2 + len(Verdict) * (len(CONDITIONS) + 1)


def test_it_is_served_at_metrics_and_nowhere_else() -> None:
    with closing(MetricsServer(("127.0.0.1", 0), lambda: text_of(well_view()))) as server:
        where = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{where}/metrics", timeout=10) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert samples(answer.read().decode())["anpr_watch_connected", ()] == 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{where}/", timeout=10)


def test_a_taken_port_is_said() -> None:
    with closing(MetricsServer(("127.0.0.1", 0), str)) as server, pytest.raises(UsageError, match="in use"):
        MetricsServer(("127.0.0.1", server.port), str)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("9464", ("127.0.0.1", 9464)),
        ("[::1]:9464", ("::1", 9464)),
        ("127.8.8.8:0", ("127.8.8.8", 0)),
    ],
)
def test_loopback_is_taken(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, anywhere=False) == address


@pytest.mark.parametrize("text", ["0.0.0.0:9464", "192.0.2.7:9464", "[::]:9464"])
def test_elsewhere_only_when_told(text: str) -> None:
    with pytest.raises(UsageError, match="loopback"):
        parse_address(text, anywhere=False)
    assert parse_address(text, anywhere=True)[1] == 9464


@pytest.mark.parametrize("text", ["", "localhost:9464", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", ":"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_address(text, anywhere=True)
