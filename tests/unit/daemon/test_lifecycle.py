"""What a service's state file says from its first moment to its last."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from anpr_edge.config import Config, load_config
from anpr_edge.daemon.health import Heartbeats
from anpr_edge.daemon.lifecycle import run_service
from anpr_edge.daemon.policywatch import NAME, PolicyWatch
from anpr_edge.daemon.wiring_common import build_report
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError, SourceUnavailable
from anpr_edge.statefile import read_state
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.diag.test_policy_check import PolicyBench

PLATE = "AB12CDE"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(make_bench(tmp_path).config)


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Leave this process's signal handlers as they were."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


class Work:
    """A service whose `run` is given."""

    def __init__(self, run: Callable[[], None]) -> None:
        self.run = run
        self.stopped = False
        self.start_again = False

    def stop(self) -> None:
        self.stopped = True

    def watch_policy(self, watch: PolicyWatch, look_every_s: float) -> None:
        watch.start(self.stop, look_every_s, Heartbeats(SystemClock(), {NAME: 1.0}))


def state(config: Config) -> dict[str, Any]:
    return read_state(config.unit.run_dir / "reader.json") or {}


def test_a_service_that_wants_to_be_started_again_says_so(config: Config) -> None:
    work = Work(lambda: None)
    assert not run_service("reader", config, lambda _: work)
    work.start_again = True
    assert run_service("reader", config, lambda _: work)


def test_it_is_starting_while_it_is_built(config: Config) -> None:
    seen: list[dict[str, Any]] = []

    def build(_: Config) -> Work:
        seen.append(state(config))
        return Work(lambda: None)

    run_service("reader", config, build)
    assert (seen[0]["state"], seen[0]["pid"]) == ("starting", os.getpid())


def test_what_cannot_be_built_has_failed_and_says_why(config: Config) -> None:
    def build(_: Config) -> Work:
        raise SourceUnavailable("picamera2 cannot be imported")

    with pytest.raises(SourceUnavailable):
        run_service("reader", config, build)
    assert (state(config)["state"], state(config)["why"]) == ("failed", "picamera2 cannot be imported")


def test_what_breaks_at_work_keeps_its_last_counts_and_tells_no_plate(config: Config) -> None:
    def work() -> None:
        report = build_report("reader", config, SystemClock())
        report.write({"state": "running", "reads": {"lost": 3}})
        raise ValueError(PLATE)

    with pytest.raises(ValueError, match=PLATE):
        run_service("reader", config, lambda _: Work(work))
    told = state(config)
    assert (told["state"], told["reads"]) == ("failed", {"lost": 3})
    assert told["why"].startswith("unexpected ValueError at test_lifecycle.py:")


def test_told_to_end_while_it_starts_it_has_stopped(config: Config) -> None:
    def build(_: Config) -> Work:
        signal.raise_signal(signal.SIGTERM)
        raise AssertionError("the signal came too late")

    with pytest.raises(SystemExit) as ended:
        run_service("reader", config, build)
    assert (ended.value.code, state(config)["state"]) == (0, "stopped")


def test_a_signal_at_work_stops_it_in_order(config: Config) -> None:
    service = Work(lambda: signal.raise_signal(signal.SIGTERM))
    run_service("reader", config, lambda _: service)
    assert service.stopped


def test_a_second_one_leaves_the_firsts_state_alone(config: Config) -> None:
    def work() -> None:
        build_report("reader", config, SystemClock()).write({"state": "running"})
        with pytest.raises(AnprError, match="runs already"):
            run_service("reader", config, lambda _: Work(lambda: None))
        assert state(config)["state"] == "running"

    run_service("reader", config, lambda _: Work(work))


def under_policy(bench: Bench) -> PolicyBench:
    """A unit whose feeds come from a policy, which is offered."""
    unit = PolicyBench(bench)
    unit.offer(unit.policy)
    return unit


def run_until_stopped(unit: PolicyBench, meanwhile: Callable[[], object], within_s: float) -> bool:
    """Whether a service that runs while something happens ends to be started again."""
    stopped = Event()

    def running() -> None:
        meanwhile()
        stopped.wait(within_s)

    work = Work(running)
    work.stop = stopped.set  # type: ignore[method-assign]
    config = load_config(unit.bench.config)
    return run_service("reader", config, lambda _: work, look_every_s=0.05)


def test_a_newer_policy_ends_a_service_to_be_started_again(tmp_path: Path) -> None:
    unit = under_policy(make_bench(tmp_path))
    assert run_until_stopped(unit, lambda: unit.offer(replace(unit.policy, version=4)), 30)


@pytest.mark.parametrize(
    "change", [{}, {"version": 2}, {"fleet": "other", "version": 9}, {"reason": "other"}]
)
def test_a_policy_that_may_not_be_taken_ends_no_service(tmp_path: Path, change: dict[str, Any]) -> None:
    unit = under_policy(make_bench(tmp_path))
    assert not run_until_stopped(unit, lambda: unit.offer(replace(unit.policy, **change)), 0.5)


def test_a_unit_with_feeds_of_its_own_ends_for_no_policy(config: Config) -> None:
    assert run_service("reader", config, lambda _: Work(lambda: None)) is False
