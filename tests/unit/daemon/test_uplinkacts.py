"""What the uplink does on a command, and what it leaves alone when that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.config import load_config
from anpr_edge.daemon.commandreply import Answer
from anpr_edge.daemon.serviceacts import is_supervised
from anpr_edge.daemon.uplinkacts import HEALTH_EVERY_S, UplinkActs
from anpr_edge.seal.commands import Argument, Command
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.diag.test_policy_check import PolicyBench

ORDER = Command("testfleet", (), (), 1, bytes(16), 1, 2, "reload")
POLICY: dict[str, Argument] = {"what": "policy"}
CONFIG: dict[str, Argument] = {"what": "config"}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def acts_of(bench: Bench) -> UplinkActs:
    return UplinkActs(load_config(bench.config), bench.config, bench.clock)


def test_health_is_published_on_command_and_no_more_often_than_may_be(bench: Bench) -> None:
    acts, wanted = acts_of(bench), []
    acts.want_health = lambda: wanted.append(1)
    outcomes = [acts.health(ORDER, {}).outcome for _ in range(2)]
    bench.clock.advance(HEALTH_EVERY_S)
    assert [*outcomes, acts.health(ORDER, {}).outcome] == ["done", "failed", "done"]
    assert len(wanted) == 2


def test_a_policy_is_reloaded_when_it_may_be_taken(bench: Bench) -> None:
    unit = PolicyBench(bench)
    unit.take(unit.policy)
    acts = acts_of(bench)
    assert acts.reload(ORDER, POLICY).says == f"policy {unit.policy.version} is in force already"
    unit.offer(replace(unit.policy, version=unit.policy.version + 1))
    answer = acts.reload(ORDER, POLICY)
    assert (answer.outcome, answer.details) == ("accepted", {"version": unit.policy.version + 1})


def test_a_policy_that_may_not_be_taken_fails_and_the_last_good_one_stays(bench: Bench) -> None:
    unit = PolicyBench(bench)
    unit.take(unit.policy)
    unit.offer(replace(unit.policy, version=unit.policy.version + 1, units=("unit-0002",)))
    answer = acts_of(bench).reload(ORDER, POLICY)
    assert answer.outcome == "failed"
    assert "is not for unit" in answer.says
    last = unit.store.last_good()
    assert last is not None
    assert last.policy.version == unit.policy.version


def test_a_unit_with_feeds_of_its_own_has_no_policy_to_reload(bench: Bench) -> None:
    assert acts_of(bench).reload(ORDER, POLICY).outcome == "failed"


@pytest.mark.parametrize("change", ["unit", "broken", "gone"])
def test_a_configuration_that_cannot_be_used_ends_nothing(
    bench: Bench, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere")
    acts, ended = acts_of(bench), []
    acts.end = lambda: ended.append(1)
    text = bench.config.read_text()
    if change == "gone":
        bench.config.unlink()
    else:
        bench.config.write_text(text.replace("unit-0001", "unit-0002") if change == "unit" else "[")
    assert acts.reload(ORDER, CONFIG).outcome == "failed"
    assert ended == []
    bench.config.write_text(text)
    assert acts.reload(ORDER, CONFIG) == Answer("accepted", "it ends, and is started again")
    assert ended == [1]


def test_a_service_started_by_hand_is_not_ended() -> None:
    assert not is_supervised({})
    assert is_supervised({"NOTIFY_SOCKET": "/run/systemd/notify"})


def test_the_configurations_secrets_are_in_no_report(bench: Bench) -> None:
    import zipfile

    text = bench.config.read_text()
    location = 'source = "video"\nlocation = "rtsp://admin:hunter2@192.0.2.1/s"  # the password is hunter3'
    bench.config.write_text(text.replace('source = "synthetic"', location))
    answer = acts_of(bench).report(ORDER, {})
    assert answer.outcome == "done", answer.says
    with zipfile.ZipFile(answer.details["path"]) as archive:
        shown = archive.read("unit.toml").decode()
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert "rtsp://***@192.0.2.1/s" in shown
    assert "x25519:***" in shown
    assert b"hunter" not in everything


def test_three_reports_are_kept(bench: Bench) -> None:
    acts = acts_of(bench)
    for _ in range(5):
        bench.clock.advance(1)
        acts.report(ORDER, {})
    assert len(list((bench.state_dir / "reports").glob("*"))) == 3
