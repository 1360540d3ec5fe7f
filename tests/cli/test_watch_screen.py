"""The table of `anpr-central watch`: what fits, what is left out, and in which order."""

from __future__ import annotations

from anpr_edge.central.fleet_conditions import Limits
from anpr_edge.central.fleet_report import report
from anpr_edge.central.fleet_view import FleetView
from anpr_edge.cli.watch_screen import lines
from tests.fleet_samples import FLEET, UNIT, at, flat, tell, tell_status, well_view


def fleet(count: int) -> FleetView:
    """So many well units, the last of which is offline."""
    view = well_view()
    for number in range(2, count + 1):
        tell_status(view, 1, f"unit-{number:04d}", state="online" if number < count else "offline")
        tell(view, flat(), 1, f"unit-{number:04d}")
    return view


def shown(view: FleetView, width: int | None = None, height: int | None = None) -> list[str]:
    return lines(report(view, at(5), Limits()), width=width, height=height)


def test_the_worst_is_at_the_top() -> None:
    table = shown(fleet(30))
    assert table[0] == f"fleet {FLEET}: 1 fail, 29 ok"
    assert table[2].split() == ["unit", "health", "waiting", "oldest", "what"]
    assert table[3].startswith("fail  unit-0030")
    assert "offline: no reason given" in table[3]
    assert len(table) == 33


def test_what_does_not_fit_is_counted() -> None:
    table = shown(fleet(30), height=12)
    assert len(table) <= 12
    assert table[-1] == "… 22 more"


def test_all_fit_without_a_remainder() -> None:
    table = shown(fleet(5), height=24)
    assert len([line for line in table if "unit-00" in line]) == 5
    assert len(table) == 8


def test_what_fits_exactly_is_shown_whole_and_no_row_more() -> None:
    table = shown(fleet(42), height=45)
    assert len(table) == 45
    assert len([line for line in table if "unit-00" in line]) == 42
    assert len(shown(fleet(43), height=45)) == 45
    assert max(len(shown(fleet(5), height=height)) - height for height in range(1, 12)) == 0


def test_nothing_is_wider_than_the_terminal() -> None:
    assert max(map(len, shown(fleet(5), width=20))) == 20


def test_a_lost_connection_is_said_first() -> None:
    view = well_view()
    view.link_changed(False, "no answer", at(4))
    table = shown(view)
    assert table[1] == "NOT CONNECTED, nothing below is certain: no answer"
    assert table[3].startswith(f"skip  {UNIT}")


def test_nobody_yet() -> None:
    view = FleetView(FLEET)
    view.link_changed(True, "connected", at(0))
    assert shown(view)[0] == f"fleet {FLEET}: nobody yet"
