"""What a service's state file says from its first moment to its last."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from anpr_edge.config import Config, load_config
from anpr_edge.daemon.lifecycle import run_service
from anpr_edge.daemon.wiring_common import build_report
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError, SourceUnavailable
from anpr_edge.statefile import read_state
from tests.unit.diag.bench import make_bench

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

    def stop(self) -> None:
        self.stopped = True


def state(config: Config) -> dict[str, Any]:
    return read_state(config.unit.run_dir / "reader.json") or {}


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
