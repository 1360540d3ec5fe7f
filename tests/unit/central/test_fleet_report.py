"""Who is offline, late, losing or unhealthy; and that not known is never ok."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from anpr_edge.central.fleet_conditions import Limits, Verdict
from anpr_edge.central.fleet_judges import CONDITIONS
from anpr_edge.central.fleet_report import FleetReport, UnitReport, document, report
from anpr_edge.central.fleet_view import RISING_WITHIN_S, FleetView, Rise
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink import topics
from tests.fleet_samples import FEED, FLEET, UNIT, at, flat, tell, tell_status, well_view


def judged(view: FleetView, seconds: float = 5) -> UnitReport:
    return next(one for one in report(view, at(seconds), Limits()).units if one.unit.name == UNIT)


def found(view: FleetView, code: str, seconds: float = 5) -> tuple[Verdict, str]:
    one = next(one for one in judged(view, seconds).found if one.condition.code == code)
    return one.verdict, one.measured


def after(**parts: Any) -> FleetView:
    """A well unit that then says something else."""
    view = well_view()
    tell(view, flat(**parts), 4)
    return view


def ack(view: FleetView, key: SigningKey, *gaps: tuple[int, int], unit: str = UNIT) -> None:
    blob = sign_ack(Ack(FLEET, unit, FEED, 90, gaps, at(3).utc_ns, bytes(8)), key)
    view.hear(topics.ack(FLEET, UNIT, FEED), blob, True, at(3))


def test_a_well_unit_is_ok() -> None:
    assert judged(well_view()).verdict is Verdict.OK
    assert judged(well_view()).wrong == []


def test_codes_are_unique_and_have_a_next_step() -> None:
    assert len({one.code for one in CONDITIONS}) == len(CONDITIONS)
    assert all(one.next and one.kind in ("offline", "late", "losing", "unhealthy") for one in CONDITIONS)


FAILURES: list[tuple[str, dict[str, Any], str]] = [
    (
        "services",
        {"services": {"reader": {"state": "gone"}, "uplink": {"state": "running"}}},
        "fallen silent",
    ),
    ("services", {"services": {"reader": {"state": "never"}, "uplink": {"state": "running"}}}, "has not run"),
    ("stages", {"stages": {"infer": {"age_s": 9.0, "limit_s": 5.0}}}, "infer"),
    ("frames", {"frames": {"faults": {"frozen": {"count": 3, "for_s": 40.0}}}}, "frozen for 40 s"),
    ("outbox", {"outbox": {"takes_reads": False, "feeds": {}}}, "takes no reads"),
    ("losing", {"reads": {"committed": 41, "lost": 3, "unsealable": 0}}, "3 reads lost"),
    ("losing", {"outbox": {"takes_reads": True, "feeds": {FEED: {"dropped": {"full": 5}}}}}, "5 dropped"),
    ("policy", {"policy": {"version": 2, "valid": False}}, "no feed gets reads"),
    ("light", {"exposure": {"lamp_fault": "no answer"}}, "no answer"),
    ("clock", {"utc": "2026-09-21T15:13:24+00:00"}, "+3600 s"),
    ("certificate", {"certificate": {"days_left": -3}}, "3 days ago"),
]


@pytest.mark.parametrize(("code", "parts", "words"), FAILURES)
def test_what_fails(code: str, parts: dict[str, Any], words: str) -> None:
    verdict, measured = found(after(**parts), code)
    assert (verdict, words in measured) == (Verdict.FAIL, True), measured
    assert judged(after(**parts)).verdict is Verdict.FAIL
    assert judged(after(**parts)).wrong[0].condition.code == code


OLD = {"oldest_age_s": 7200.0, "dropped": {}}
WARNINGS: list[tuple[str, dict[str, Any], str]] = [
    ("clock", {"clock": {"utc_error_ms": None}}, "not synchronised"),
    ("clock", {"clock": {"utc_error_ms": 4000.0}}, "4000"),
    ("certificate", {"certificate": {"days_left": 12}}, "12 days"),
    ("board", {"board": {"temperature_c": 91.0}}, "91"),
    ("board", {"disk": {"free_mb": 3.0}}, "3 MB"),
    ("backlog", {"outbox": {"takes_reads": True, "feeds": {FEED: OLD}}}, "7200"),
    ("frames", {"frames": {"taken": 1600, "dropped": {"queue-full": 50}, "faults": {}}}, "50%"),
    ("services", {"services": {"reader": {"state": "starting"}, "uplink": {"state": "running"}}}, "starting"),
    ("policy", {"policy": {"version": 2, "valid": True, "refused": "not signed"}}, "not signed"),
    ("watermarks", {"sent": {"acks_refused": 2}}, "2 refused"),
    ("light", {"exposure": {"lamp_fault": "", "limit": "dark", "limit_s": 900.0}}, "900 s"),
    ("outbox", {"outbox": {"takes_reads": True, "rebuilds": 1, "feeds": {}}}, "begun anew"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "parts", "words"), WARNINGS)
def test_what_is_a_warning(code: str, parts: dict[str, Any], words: str) -> None:
    verdict, measured = found(after(**parts), code)
    assert (verdict, words in measured) == (Verdict.WARN, True), measured
    assert judged(after(**parts)).verdict is Verdict.WARN


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("services", {"services": {}}),
        ("losing", {"reads": None}),
        ("losing", {"outbox": None}),
        ("outbox", {"outbox": None}),
        ("clock", {"clock": {}, "services": {"uplink": {"state": "running"}}}),
    ],
)
def test_what_a_unit_does_not_say_is_not_known(code: str, parts: dict[str, Any]) -> None:
    assert found(after(**parts), code)[0] is Verdict.NOT_KNOWN
    assert judged(after(**parts)).verdict is Verdict.NOT_KNOWN


def test_what_not_every_unit_says_is_not_held_against_it() -> None:
    assert found(well_view(), "certificate")[0] is Verdict.NOT_KNOWN
    assert judged(well_view()).verdict is Verdict.OK


def test_health_gets_late() -> None:
    view = well_view()
    assert found(view, "late", 150)[0] is Verdict.OK
    assert found(view, "late", 151) == (Verdict.FAIL, "151 s old")


def test_a_will_makes_a_unit_offline() -> None:
    view = well_view()
    tell_status(view, 4, state="offline", reason="lost")
    assert found(view, "offline") == (Verdict.FAIL, "lost")


def test_a_listed_unit_that_was_never_heard_of_is_missed() -> None:
    view = FleetView(FLEET, listed=[UNIT])
    view.link_changed(True, "connected", at(0))
    assert judged(view, 4).verdict is Verdict.NOT_KNOWN
    assert found(view, "offline", 6) == (Verdict.FAIL, "never heard of")


def test_a_unit_that_is_not_listed_is_said_so() -> None:
    assert found(well_view(listed=["unit-0002"]), "listed")[0] is Verdict.WARN
    assert found(well_view(listed=[UNIT]), "listed")[0] is Verdict.OK


def test_without_our_own_connection_nobody_is_ok() -> None:
    view = well_view()
    view.link_changed(False, "nothing listens there", at(4))
    assert judged(view).verdict is Verdict.NOT_KNOWN
    assert not report(view, at(5), Limits()).is_well


def test_retained_health_of_unknown_age_is_not_ok() -> None:
    view = well_view()
    hours_off = flat(utc="2026-09-21T18:13:20+00:00")
    view.hear(topics.health(FLEET, UNIT), json.dumps(hours_off).encode(), True, at(4))
    assert found(view, "late")[0] is Verdict.NOT_KNOWN


def test_retained_health_is_as_old_as_it_says() -> None:
    view = well_view()
    view.hear(topics.health(FLEET, UNIT), json.dumps(flat()).encode(), True, at(200))
    assert found(view, "late", 200) == (Verdict.FAIL, "200 s old")


def test_losses_long_past_are_a_warning() -> None:
    view = well_view()
    tell(view, flat(reads={"committed": 41, "lost": 3, "unsealable": 0}), 4)
    later = 5 + RISING_WITHIN_S
    tell(view, flat(reads={"committed": 41, "lost": 3, "unsealable": 0}), later)
    assert found(view, "losing", later) == (Verdict.WARN, "3 earlier, none lately")


def test_a_count_that_begins_again_does_not_rise() -> None:
    rise = Rise()
    for second, count in enumerate((7, 9, 1, 1, 2)):
        rise.see(count, second)
    assert rise.within(5) == 2 + 1
    assert rise.within(2.5 + RISING_WITHIN_S) == 1


def test_what_the_centre_asks_for_again_is_missing() -> None:
    key = SigningKey.generate()
    view = well_view(ack_keys=[key.public])
    ack(view, key)
    assert found(view, "losing")[0] is Verdict.OK
    ack(view, key, (40, 44), (60, 60))
    assert found(view, "losing") == (Verdict.FAIL, "6 asked for again by the centre")


def test_a_watermark_of_a_stranger_or_for_another_does_not_count() -> None:
    key = SigningKey.generate()
    view = well_view(ack_keys=[key.public])
    ack(view, SigningKey.generate(), (40, 44))
    ack(view, key, (40, 44), unit="unit-0002")
    assert view.unreadable == 2
    assert found(view, "losing")[0] is Verdict.OK


@pytest.mark.parametrize(
    "topic",
    [
        "anpr/v1/otherfleet/unit-0001/health",
        "anpr/v1/testfleet/unit 1/health",
        "anpr/v1/testfleet/unit-0001/what",
        "anpr/v1/testfleet/unit-0001/health/more",
        "x",
        "",
    ],
)
def test_other_topics_are_counted_and_change_nothing(topic: str) -> None:
    view = well_view()
    view.hear(topic, b"{}", False, at(4))
    assert (view.unreadable, judged(view).verdict) == (1, Verdict.OK)


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"state": 7}', b'{"state": "maybe"}', b"\xff"])
def test_a_status_that_says_nothing_is_not_known(payload: bytes) -> None:
    view = well_view()
    view.hear(topics.status(FLEET, UNIT), payload, False, at(4))
    assert judged(view).verdict is Verdict.NOT_KNOWN


def test_the_worst_come_first() -> None:
    view = after(services={"reader": {"state": "failed"}, "uplink": {"state": "running"}})
    for unit in ("unit-0003", "unit-0002"):
        tell_status(view, 1, unit, state="online")
        tell(view, flat(), 1, unit)
    tell_status(view, 1, "unit-0009", state="offline", reason="stopped")
    shown = report(view, at(5), Limits())
    assert [one.unit.name for one in shown.units] == ["unit-0009", UNIT, "unit-0002", "unit-0003"]
    assert shown.counts[Verdict.FAIL] == 2


@pytest.mark.parametrize(
    ("change", "is_well"),
    [
        (lambda _: None, True),
        (lambda view: tell_status(view, 2, state="offline"), False),
        (lambda view: tell(view, flat(clock={"utc_error_ms": None}), 2), True),
        (lambda view: tell_status(view, 2, "unit-0002", state="online"), False),
        (lambda view: tell(view, flat(clock={"utc_error_ms": None}, reads=None), 2), False),
    ],
)
def test_well_means_nothing_fails_and_all_is_known(
    change: Callable[[FleetView], None], is_well: bool
) -> None:
    view = well_view()
    change(view)
    assert report(view, at(5), Limits()).is_well is is_well


def test_an_empty_fleet_is_not_well() -> None:
    view = FleetView(FLEET)
    view.link_changed(True, "connected", at(0))
    assert not FleetReport(view, at(9), ()).is_well


def test_the_document_says_what_is_wrong_and_what_to_do() -> None:
    view = after(stages={"infer": {"age_s": 9.0, "limit_s": 5.0}})
    told = json.loads(json.dumps(document(report(view, at(5), Limits()))))
    (unit,) = told["units"]
    assert (told["schema"], told["fleet"], told["well"], told["counts"]["fail"]) == (1, FLEET, False, 1)
    assert unit["conditions"][0] | {"next": ""} == {
        "code": "stages",
        "kind": "unhealthy",
        "verdict": "fail",
        "measured": "late: infer",
        "next": "",
    }
    assert unit["conditions"][0]["next"]
    assert unit["feeds"][FEED]["sent"] == 1
