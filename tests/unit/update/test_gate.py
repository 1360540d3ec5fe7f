"""The health gate: what a new system must show, for how long, and what becomes of it when it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anpr_edge.errors import UpdateError
from anpr_edge.update.gate import Gate, Sight, troubles
from anpr_edge.update.record import Phase, Record
from anpr_edge.update.trial import watch_trial
from anpr_edge.update.updater import ENDED_UNHEARD
from tests.fakes import FakeClock
from tests.unit.update.samples import Board

LIMIT_S, HOLD_S = 600.0, 60.0


def sight(mono_s: float, *, started_s: float = 10.0, **changes: Any) -> Sight:
    """A unit that works, but for `changes`: reader, uplink, rates, link, models."""
    head = {"schema": 1, "state": "running", "mono_s": mono_s, "uptime_s": mono_s - started_s}
    reader: dict[str, Any] | None = {
        **head,
        "stages": {name: {"age_s": 0.1, "limit_s": 10.0} for name in ("capture", "infer", "commit")},
        "rates": changes.get("rates", {"capture": 30.0, "infer": 29.0, "commit": None}),
    }
    link = changes.get("link", {"connected": True, "detail": "connected"})
    uplink: dict[str, Any] | None = {**head, "link": link}
    if "reader" in changes:
        reader = None if changes["reader"] is None else {**(reader or {}), **changes["reader"]}
    if "uplink" in changes:
        uplink = None if changes["uplink"] is None else {**(uplink or {}), **changes["uplink"]}
    return Sight(mono_s, reader, uplink, changes.get("models", ""))


OFF = {"connected": False, "detail": "no route there"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reader": None}, "the reader does not run"),
        ({"reader": {"mono_s": 1.0}}, "the reader does not run"),
        ({"reader": {"state": "failed"}}, "the reader does not run"),
        ({"reader": {"state": "starting"}}, "the reader is starting"),
        ({"reader": {"stages": {"infer": {"age_s": 11.0, "limit_s": 10.0}}}}, "stage infer is late"),
        ({"rates": {"capture": 30.0, "infer": 0.4}}, "infer does 0.4 frames a second, at least 1"),
        ({"rates": {"capture": None, "infer": None}}, "not run long enough"),
        ({"models": "model-detector: damaged"}, "model-detector: damaged"),
        ({"uplink": None}, "the uplink does not run"),
        ({"link": OFF}, "the broker is not reached: no route there"),
    ],
)
def test_each_thing_that_is_wrong_is_named_alone(changes: dict[str, Any], why: str) -> None:
    (found,) = troubles(sight(100.0, **changes), broker_before=True)
    assert why in found


@pytest.mark.parametrize(("before", "excused"), [(True, False), (None, False), (False, True)])
def test_a_broker_is_excused_that_was_known_to_be_out_of_reach(before: bool | None, excused: bool) -> None:
    assert (troubles(sight(100.0, link=OFF), broker_before=before) == []) is excused


def looks(gate: Gate, sights: list[Sight]) -> list[bool | None]:
    return [gate.look(one, troubles(one, broker_before=True)) for one in sights]


def test_it_passes_when_all_has_been_well_for_long_enough() -> None:
    said = looks(Gate(0.0, LIMIT_S, HOLD_S), [sight(at) for at in (20.0, 50.0, 79.0, 80.0)])
    assert said == [None, None, None, True]


def test_a_hiccup_begins_the_count_anew() -> None:
    sights = [sight(20.0), sight(70.0, link=OFF), sight(71.0), sight(130.0), sight(131.0)]
    assert looks(Gate(0.0, LIMIT_S, HOLD_S), sights) == [None, None, None, None, True]


def test_a_service_that_was_started_again_between_two_looks_does_too() -> None:
    gate = Gate(0.0, LIMIT_S, HOLD_S)
    assert looks(gate, [sight(20.0), sight(79.9), sight(80.0, started_s=76.0)]) == [None, None, None]
    assert gate.why == "a service was started again"
    assert looks(gate, [sight(81.0, started_s=76.0), sight(141.0, started_s=76.0)]) == [None, True]


def test_it_fails_when_time_is_up_and_says_what_stood_in_the_way() -> None:
    gate = Gate(0.0, LIMIT_S, HOLD_S)
    assert looks(gate, [sight(599.0, link=OFF), sight(600.0, link=OFF)]) == [None, False]
    assert "no route there" in gate.why


# ── the trial ───────────────────────────────────────────────────────────────────────────────


class Trial:
    """A unit that has just started into slot B."""

    def __init__(self, folder: Path, *, broker: bool | None = True) -> None:
        self.board, self.clock = Board(folder), FakeClock()
        self.clock.advance(20.0)
        self.updater = self.board.updater(self.clock, broker=broker)
        self.updater.recorder.write(Record(Phase.INSTALLED, "1.1.0", "1.0.0", "B"), 0)
        self.board.store.change(lambda slots: slots.set_primary("B"))
        self.updater.reboot_to_try()
        assert self.board.start() == "B"
        self.said: list[str] = []

    def watch(self, **changes: Any) -> bool:
        return watch_trial(
            self.updater,
            self.clock,
            look=lambda: sight(self.clock.now().mono_ns / 1e9, **changes),
            limit_s=LIMIT_S,
            hold_s=HOLD_S,
            say=self.said.append,
        )


def test_a_system_that_works_is_committed(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    assert trial.watch()
    assert trial.said == ["all is well; committed when it has been so for 60 s"]
    assert [trial.board.cut_power(), trial.board.record()["phase"]] == ["B", "committed"]
    assert trial.board.audit() == ["update-installed", "update-committed"]


def test_a_system_that_does_not_gives_way_and_says_why(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    assert not trial.watch(rates={"capture": 0.0, "infer": 0.0})
    assert trial.board.start() == "A"
    record = trial.board.record()
    assert record["phase"] == "rolled-back"
    assert "within 600 s it did not pass its gate: the reader's stage capture does 0.0" in str(record["why"])
    assert trial.board.store.load().bad == {"B"}
    with pytest.raises(UpdateError, match="nothing is on trial"):
        trial.updater.reboot_to_try()


def test_a_broker_that_was_away_before_does_not_send_it_back(tmp_path: Path) -> None:
    trial = Trial(tmp_path, broker=False)
    assert trial.watch(link=OFF)


def test_a_system_that_never_came_up_is_put_down_by_the_old_one(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    assert trial.board.cut_power() == "A"
    settled = trial.updater.settle()
    assert settled is not None
    assert (settled.phase, settled.why) == (Phase.ROLLED_BACK, ENDED_UNHEARD)
    assert trial.updater.settle() is None


def test_a_commit_that_was_cut_off_after_it_counted_is_told_later(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.board.store.commit_running()
    assert trial.board.cut_power() == "B"
    settled = trial.updater.settle()
    assert settled is not None
    assert settled.phase is Phase.COMMITTED


def test_the_system_before_is_tried_when_it_is_wanted_back(tmp_path: Path) -> None:
    trial = Trial(tmp_path)
    trial.watch()
    assert trial.board.start() == "B"
    trial.board.version_is("1.1.0")
    record = trial.updater.try_other()
    trial.updater.reboot_to_try()
    assert (record.version, record.from_version, trial.board.start()) == ("1.0.0", "1.1.0", "A")
    assert trial.board.store.load().on_trial
    trial.updater.commit()
    assert trial.board.cut_power() == "A"


def test_a_slot_of_which_nothing_is_known_is_not_gone_back_to(tmp_path: Path) -> None:
    board = Board(tmp_path)
    with pytest.raises(UpdateError, match="slot B holds no system"):
        board.updater(FakeClock()).try_other()
