"""How far a fleet is with an update: every step a unit can be at, and that not known is never done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anpr_edge.central.fleet_conditions import Limits, Verdict
from anpr_edge.central.fleet_health import read_health
from anpr_edge.central.fleet_report import FleetReport, Wanted, document, report
from anpr_edge.central.fleet_updates import Progress, Systems, progress
from anpr_edge.central.fleet_view import FleetView
from anpr_edge.cli.watch_screen import lines
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink import topics
from tests.fleet_samples import EPOCH_UTC, FLEET, UNIT, at, flat, tell, tell_status, well_view

OLD, NEW = "1.3.0", "1.4.0"
BEGUN = "2026-09-21T13:03:20+00:00"
"""70 minutes before."""


def last(phase: str, why: str = "", utc: str = EPOCH_UTC, version: str = NEW) -> dict[str, Any]:
    return {"version": version, "from_version": OLD, "slot": "B", "phase": phase, "why": why, "utc": utc}


def told(system: str | None, last: dict[str, Any] | None = None, fetch: dict[str, Any] | None = None) -> Any:
    return flat(update={"system": system, "last": last, "fetch": fetch})


FETCH = {"version": NEW, "bytes": 42, "of_bytes": 100, "trouble": ""}
STEPS = {
    "not begun": (told(OLD), Progress.NOT_BEGUN, OLD),
    "not begun after another": (told(OLD, last("committed", version=OLD)), Progress.NOT_BEGUN, OLD),
    "fetching": (told(OLD, None, FETCH), Progress.FETCHING, "1.3.0 … 1.4.0"),
    "fetching again": (told(OLD, last("failed", "torn"), FETCH), Progress.FETCHING, "1.3.0 … 1.4.0"),
    "installing": (told(OLD, last("installing")), Progress.INSTALLING, "1.3.0 → 1.4.0"),
    "installed": (told(OLD, last("installed")), Progress.INSTALLING, "1.3.0 → 1.4.0"),
    "about to be tried": (told(OLD, last("trying")), Progress.ON_TRIAL, "1.3.0 → 1.4.0"),
    "on trial": (told(NEW, last("trying")), Progress.ON_TRIAL, "1.4.0 on trial"),
    "fell back": (told(OLD, last("rolled-back", "dark")), Progress.FELL_BACK, OLD),
    "failed": (told(OLD, last("failed", "full")), Progress.FAILED, OLD),
    "done": (told(NEW, last("committed")), Progress.DONE, NEW),
    "flashed with it": (told(NEW), Progress.DONE, NEW),
    "newer": (told("1.10.0"), Progress.DONE, "1.10.0"),
    "committed and left again": (told(OLD, last("committed")), Progress.NOT_BEGUN, OLD),
    "no version to compare": (told("trunk"), Progress.NOT_BEGUN, "trunk"),
    "an unknown phase": (told(OLD, last("dreaming")), Progress.NOT_BEGUN, OLD),
    "done and ordered again": (told(NEW, last("committed"), FETCH), Progress.DONE, "1.4.0 … 1.4.0"),
    "done and could not do it again": (told(NEW, last("failed", "not newer")), Progress.DONE, NEW),
    "a newer one on trial": (
        told("1.5.0", last("trying", version="1.5.0")),
        Progress.ON_TRIAL,
        "1.5.0 on trial",
    ),
    "silent": (flat(update=None), Progress.NOT_KNOWN, "-"),
}


@pytest.mark.parametrize("step", STEPS)
def test_how_far_a_unit_is(step: str) -> None:
    health, expected, words = STEPS[step]
    systems = heard(health)
    assert progress(systems, NEW) is expected
    assert (systems.words if systems else "-") == words


def heard(health: dict[str, Any]) -> Systems | None:
    read = read_health(json.dumps(health).encode())
    assert read is not None
    return read.systems


def test_without_health_nothing_is_known() -> None:
    assert progress(None, NEW) is Progress.NOT_KNOWN


@pytest.mark.parametrize(
    ("health", "verdict", "words"),
    [
        (
            told(OLD, last("rolled-back", "reader not alive")),
            "warn",
            "fell back from 1.4.0: reader not alive",
        ),
        (told(OLD, last("failed")), "warn", "could not install 1.4.0: it does not say why"),
        (told(OLD, None, FETCH | {"trouble": "no route"}), "warn", "fetching 1.4.0, 42%: no route"),
        (told(NEW, last("trying", utc=BEGUN)), "warn", "1.4.0 on trial for 70 min"),
        (told(NEW, last("trying")), "ok", "1.4.0 on trial"),
        (told(OLD, last("rolled-back", "dark"), FETCH), "ok", "fetching 1.4.0, 42%"),
        (told(NEW, last("committed")), "ok", NEW),
        (flat(update=None), "not-known", "the unit does not say"),
        (told(None), "not-known", "the unit does not say which system runs"),
        (told(None, last("committed"), FETCH), "not-known", "the unit does not say which system runs"),
        (told(None, last("failed", "full")), "warn", "could not install 1.4.0: full"),
    ],
)
def test_what_came_of_an_update_is_a_condition(health: dict[str, Any], verdict: str, words: str) -> None:
    view = well_view()
    tell(view, health, 4)
    (unit,) = report(view, at(5), Limits()).units
    (found,) = [one for one in unit.found if one.condition.code == "update"]
    assert (found.verdict, found.measured) == (Verdict(verdict), words)
    assert unit.verdict is (Verdict.WARN if verdict == "warn" else Verdict.OK)


def forty() -> FleetView:
    """Forty units of the pilot group and one of another: 12 done, one on trial, two fell back, 25 to come."""
    view = FleetView(FLEET)
    view.link_changed(True, "connected to broker.example:8883", at(0))
    steps = [told(NEW, last("committed"))] * 12 + [told(NEW, last("trying"))] + [told(OLD)] * 25
    steps += [told(OLD, last("rolled-back", "reader not alive")), told(OLD, last("rolled-back", "no broker"))]
    for number, health in enumerate(steps, 1):
        tell_status(view, 1, f"unit-{number:04d}", state="online", groups=["pilot"])
        tell(view, health, 1, f"unit-{number:04d}")
    tell_status(view, 1, "unit-0041", state="online", groups=["rest"])
    tell(view, told(OLD), 1, "unit-0041")
    return view


def looked(view: FleetView, *only: Progress, groups: tuple[str, ...] = ("pilot",)) -> FleetReport:
    return report(view, at(5), Limits(), Wanted(frozenset(groups), NEW, frozenset(only)))


def test_a_ring_in_one_line_and_who_troubles_first() -> None:
    table = lines(looked(forty()))
    assert table[0] == f"fleet {FLEET}, pilot: 2 warn, 38 ok"
    assert table[2] == (
        "update 1.4.0: 12 of 40 done; 2 fell back: unit-0039: reader not alive, unit-0040: no broker; "
        "25 not begun, 1 on trial"
    )
    names = [row.split()[1] for row in table[4:]]
    assert names[:4] == ["unit-0039", "unit-0040", "unit-0013", "unit-0014"]
    assert table[4].endswith("update: fell back from 1.4.0: reader not alive")
    assert "1.4.0 on trial" in table[6]


def test_who_is_named_has_an_end() -> None:
    view = forty()
    for number in range(1, 13):
        tell(view, told(OLD, last("failed", "full")), 2, f"unit-{number:04d}")
    words = lines(looked(view))[2]
    assert words == (
        "update 1.4.0: 0 of 40 done; 2 fell back: unit-0039: reader not alive, unit-0040: no broker; "
        "12 failed: unit-0001: full, unit-0002: full, unit-0003: full, and 9 more; 25 not begun, 1 on trial"
    )


def test_why_one_fell_back_is_read_at_eighty_columns() -> None:
    assert "unit-0039: reader not alive" in lines(looked(forty()), width=80)[2]


def test_only_those_that_are_so_far_are_shown_and_all_are_counted() -> None:
    told = document(looked(forty(), Progress.FELL_BACK, Progress.ON_TRIAL))
    assert [one["unit"] for one in told["units"]] == ["unit-0039", "unit-0040", "unit-0013"]
    assert told["update"]["counts"]["done"] == 12
    assert (told["update"]["of"], told["update"]["done"], told["well"]) == (40, False, False)
    assert told["units"][0]["last_update"] == {
        "version": NEW,
        "from_version": OLD,
        "phase": "rolled-back",
        "why": "reader not alive",
        "utc": "2026-09-21T14:13:20.000Z",
    }


def test_it_is_done_when_every_unit_is() -> None:
    view = forty()
    for number in range(13, 41):
        tell(view, told(NEW, last("committed")), 2, f"unit-{number:04d}")
    assert document(looked(view))["update"]["done"] is True
    assert looked(view).is_well
    assert not looked(view, groups=("rest",)).is_well
    assert not looked(view, groups=("nobody",)).is_well


def test_a_unit_that_is_away_stays_in_its_group_and_one_never_heard_is_counted() -> None:
    view = forty()
    tell_status(view, 3, "unit-0013", state="offline", reason="lost")
    assert len(looked(view).units) == 40
    silent = FleetView(FLEET, listed=[UNIT, "unit-0002"])
    silent.link_changed(True, "connected", at(0))
    tell_status(silent, 1, state="online", groups=["pilot"])
    tell(silent, told(NEW), 1)
    found = looked(silent)
    assert (len(found.units), found.groupless, found.is_well) == (1, 1, False)
    assert lines(found)[0].endswith("; the groups of 1 unit are not known")


def retired(listed: list[str] | None) -> FleetView:
    """A unit that is done, two that are away for ever, one of which told no groups, and an old watermark."""
    key = SigningKey.generate()
    view = FleetView(FLEET, listed=listed, ack_keys=[key.public])
    view.link_changed(True, "connected", at(0))
    tell_status(view, 1, state="online", groups=["pilot"])
    tell(view, told(NEW), 1)
    tell_status(view, 1, "unit-0008", state="offline", reason="lost", groups=["pilot"])
    tell_status(view, 1, "unit-0009", state="offline", reason="stopped")
    ack = sign_ack(Ack(FLEET, "unit-0010", "charging", 90, (), at(0).utc_ns, bytes(8)), key)
    view.hear(topics.ack(FLEET, "unit-0010", "charging"), ack, True, at(1))
    return view


def test_a_unit_that_is_away_and_not_listed_does_not_hold_a_ring_for_ever() -> None:
    found = looked(retired([UNIT]))
    assert ([one.unit.name for one in found.units], found.groupless, found.left_out) == ([UNIT], 0, 3)
    assert found.is_well
    assert document(found)["units_left_out"] == 3
    assert lines(found)[0] == f"fleet {FLEET}, pilot: 1 ok; 3 units left out: away, and not listed"
    assert looked(retired([UNIT]), groups=()).is_well


def test_without_a_list_or_when_listed_or_on_line_it_counts() -> None:
    assert (looked(retired(None)).left_out, looked(retired(None)).is_well) == (0, False)
    found = looked(retired([UNIT, "unit-0008", "unit-0009", "unit-0010"]))
    assert (len(found.units), found.groupless, found.left_out, found.is_well) == (2, 2, 0, False)
    view = retired([UNIT])
    tell_status(view, 2, "unit-0008", state="online", groups=["pilot"])
    assert (looked(view).left_out, looked(view).is_well) == (2, False)
    whole = report(retired([UNIT]), at(5), Limits())
    assert (len(whole.units), whole.left_out, whole.is_well) == (4, 0, False)


def test_a_status_that_was_cleared_leaves_nothing() -> None:
    view = retired([UNIT])
    view.hear(topics.status(FLEET, "unit-0008"), b"", False, at(3))
    assert (view.units["unit-0008"].online, view.units["unit-0008"].groups, view.unreadable) == (
        None,
        None,
        0,
    )
    assert looked(view).left_out == 3


def test_several_systems_are_told_without_being_asked() -> None:
    table = lines(report(forty(), at(5), Limits()))
    assert table[2] == "systems: 28 1.3.0, 13 1.4.0"
    assert "  system  " in table[3]
    assert not [line for line in lines(report(well_view(), at(5), Limits())) if line.startswith("systems")]


def test_groups_that_cannot_be_are_none() -> None:
    view = well_view()
    tell_status(view, 2, state="online", groups=["../x", 7, None, "north", *["g"] * 100])
    assert view.units[UNIT].groups == frozenset({"north", "g"})
    tell_status(view, 3, state="online", groups="north")
    assert view.units[UNIT].groups == frozenset({"north", "g"})


junk = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())


@given(part=st.sampled_from(["last", "fetch"]), key=st.sampled_from([*last(""), *FETCH]), value=junk)
def test_no_part_of_what_a_unit_says_of_updates_can_hurt(part: str, key: str, value: Any) -> None:
    update: dict[str, Any] = {"system": OLD, "last": last("trying"), "fetch": dict(FETCH)}
    update[part][key] = value
    systems = heard(flat(update=update))
    assert systems is not None
    assert progress(systems, NEW) in Progress
    assert systems.words
