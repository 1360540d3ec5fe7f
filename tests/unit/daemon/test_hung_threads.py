"""Each thread of a running service is stopped in the kernel: noticed in its period."""

from __future__ import annotations

import os
import pty
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from anpr_edge.config import load_config
from anpr_edge.daemon.policywatch import PolicyWatch
from anpr_edge.daemon.reader import Reader
from anpr_edge.daemon.threads import Late, periods_s
from anpr_edge.devices.gps import SerialGps
from anpr_edge.devices.lamp_board import LampBoard
from anpr_edge.diag.checks import helpers, services
from anpr_edge.diag.condition import Finding, Verdict
from anpr_edge.diag.subject import Subject
from anpr_edge.unitpolicy import store_of
from hw.lamp_board.simulator import SimulatedBoard
from tests.stopped_thread import Feedings, stopped, thread_named
from tests.unit.daemon.reader_bench import make_reader, new_outbox
from tests.unit.daemon.test_hung_stages import CLOCK, TIMES, HangingFilm, Hangs
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.diag.test_policy_check import PolicyBench

SLACK_S = 3.0 * TIMES
"""Three seconds of the test machine's time."""

RESTARTED, TOLD = periods_s("reader", Late.RESTARTED), periods_s("reader", Late.TOLD)


class Running:
    """A reader at work with every device, and doctor's word on it."""

    def __init__(self, bench: Bench, fed: Feedings) -> None:
        self.bench = bench
        self.fed = fed

    def found(self) -> dict[str, Finding]:
        subject = Subject(self.bench.config, CLOCK, self.bench.pi.machine)
        checks = (services.CHECK, helpers.CHECK)
        return {finding.code: finding for check in checks for finding in check.run(subject)}

    def wait(self, wanted: Callable[[dict[str, Finding]], bool]) -> float:
        """Seconds by the fast clock until doctor says what is wanted."""
        began_ns = CLOCK.now().mono_ns
        deadline = time.monotonic() + 40
        while not wanted(found := self.found()):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return (CLOCK.now().mono_ns - began_ns) / 1e9


@contextmanager
def running(bench: Bench) -> Iterator[Running]:
    with ExitStack() as ending:
        master, slave = pty.openpty()
        tty.setraw(slave)
        ending.callback(os.close, master)
        board = SimulatedBoard(bench.directory / "ttyLAMPS")
        ending.callback(board.unplug)
        gps = ending.enter_context(closing(SerialGps(Path(os.ttyname(slave)), 9600, CLOCK)))
        lamps = ending.enter_context(closing(LampBoard(board.link, CLOCK)))
        fed = Feedings()
        reader = make_reader(
            bench.run_dir,
            HangingFilm(Hangs()),
            new_outbox(bench.run_dir),
            live=True,
            clock=CLOCK,
            notifier=fed,
            devices={"gps": gps, "lamp-board": lamps},
        )
        ending.enter_context(under_policy(bench, reader))
        thread = threading.Thread(target=reader.run, name="reader", daemon=True)
        thread.start()
        ending.callback(thread.join, 30)
        ending.callback(reader.stop)
        unit = Running(bench, fed)
        unit.wait(lambda found: found["service-reader"].verdict is Verdict.OK)
        yield unit


@contextmanager
def under_policy(bench: Bench, reader: Reader) -> Iterator[None]:
    policies = PolicyBench(bench)
    policies.offer(policies.policy)
    store = store_of(load_config(bench.config))
    assert store is not None
    with closing(PolicyWatch(store, CLOCK)) as watch:
        reader.watch_policy(watch, 0.5)
        yield


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(make_bench(tmp_path_factory.mktemp("unit"))) as made:
        yield made


def all_well(found: dict[str, Finding]) -> bool:
    return all(found[code].verdict is Verdict.OK for code in ("service-reader", "service-helpers"))


@pytest.mark.parametrize("name", ["capture", "policy-watch"])
def test_a_stopped_stage_is_named_in_its_period_and_the_watchdog_goes_hungry(
    unit: Running, name: str
) -> None:
    unit.wait(all_well)
    with stopped(thread_named(name)):
        lasted_s = unit.wait(lambda found: f"late: {name} " in found["service-reader"].measured)
        before = unit.fed.count
        time.sleep(0.5)
        assert unit.fed.count == before
    assert lasted_s <= RESTARTED[name] + SLACK_S
    unit.wait(all_well)


@pytest.mark.parametrize("name", ["gps", "lamp-board"])
def test_a_stopped_helper_is_named_in_its_period_and_the_service_goes_on(unit: Running, name: str) -> None:
    unit.wait(all_well)
    with stopped(thread_named(name)):
        lasted_s = unit.wait(lambda found: f"late: {name} " in found["service-helpers"].measured)
        before = unit.fed.count
        time.sleep(0.5)
        assert unit.fed.count > before
        assert unit.found()["service-reader"].verdict is Verdict.OK
    assert lasted_s <= TOLD[name] + SLACK_S
    unit.wait(all_well)


def test_a_stopped_supervisor_is_a_service_that_does_not_run(unit: Running) -> None:
    unit.wait(all_well)
    with stopped(thread_named("reader")):
        lasted_s = unit.wait(lambda found: found["service-reader"].verdict is Verdict.FAIL)
        assert "last sign of life" in unit.found()["service-reader"].measured
    assert lasted_s <= 5.0 + SLACK_S
    unit.wait(all_well)


def test_a_device_that_hangs_holds_up_no_stop(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    with ExitStack() as hold:
        with running(bench):
            hold.enter_context(stopped(thread_named("gps")))
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 20
