"""What the services make of a unit's policy when they start."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from anpr_edge.config import Config, find_models_directory, load_config
from anpr_edge.daemon.wiring_common import admit_policy, build_outbox
from anpr_edge.daemon.wiring_reader import build_reader
from anpr_edge.devices.clock import SystemClock
from anpr_edge.records import SealedRead
from anpr_edge.seal.policy.model import UNSIGNED
from tests.unit.diag.bench import Bench, make_bench
from tests.unit.diag.test_policy_check import PolicyBench
from tests.unit.seal.policies import CHARGING, POLICE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


def config_of(bench: Bench) -> Config:
    return load_config(bench.config)


def test_feeds_of_the_configurations_own_get_everything(bench: Bench) -> None:
    policy = admit_policy(config_of(bench), bench.clock).policy
    assert policy.version == UNSIGNED
    (feed,) = policy.feeds
    assert (feed.name, feed.time_ms, feed.waits_s) == ("access", 1, 72 * 3600)
    assert not list(bench.state_dir.glob("policy*"))


def test_what_is_in_force_and_what_was_refused_is_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unit = PolicyBench(bench)
    unit.offer(unit.policy)
    assert admit_policy(config_of(bench), bench.clock).policy == unit.policy
    unit.offer(replace(unit.policy, version=2))
    assert admit_policy(config_of(bench), bench.clock).policy == unit.policy
    in_force, refused = caplog.messages
    assert in_force.startswith("policy 3, ")
    assert refused.startswith("policy: policy 2 is older than policy 3, the last good one; policy 3 stays")


@pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)
def test_the_reader_says_at_its_start_which_feeds_the_policy_gives_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unit = PolicyBench(bench)
    now_s = SystemClock().now().utc_ns // 10**9
    in_date = replace(unit.policy, from_utc_s=now_s - 60, until_utc_s=now_s + 86_400)
    unit.offer(replace(in_date, feeds=(CHARGING, POLICE)))
    reader = build_reader(config_of(bench))
    reader.stop()
    reader.run()
    assert "reading from synthetic for charging, police with detector-" in caplog.text


def unsealed(feed: str, seq: int, previous: bytes) -> SealedRead:
    return SealedRead(feed, seq, b"sealed")


def waiting(bench: Bench, *feeds: str) -> dict[str, int]:
    """How many reads each feed has waiting after one more was kept for each of `feeds`."""
    policy = admit_policy(config_of(bench), bench.clock).policy
    outbox = build_outbox(config_of(bench), policy, bench.clock)
    outbox.append([(feed, partial(unsealed, feed)) for feed in feeds])
    stats = {feed: found.waiting for feed, found in outbox.stats().items()}
    outbox.close()
    bench.clock.advance(61)
    return stats


def test_reads_of_a_feed_that_was_taken_away_leave_the_unit_unsent(bench: Bench) -> None:
    unit = PolicyBench(bench)
    both = replace(unit.policy, feeds=(CHARGING, POLICE))
    unit.offer(both)
    assert waiting(bench, "charging", "police") == {"charging": 1, "police": 1}
    unit.offer(replace(both, version=4, feeds=(CHARGING,)))
    assert waiting(bench) == {"charging": 1, "police": 0}
