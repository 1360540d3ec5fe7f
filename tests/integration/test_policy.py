"""A signed policy on a whole unit: what its services do with it, and what everybody can read of it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from anpr_edge.cli.services import START_AGAIN
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.broker import find_mosquitto
from anpr_edge.fleet.policy_source import compile_source
from anpr_edge.fleet.rig import FEED as RIG_FEED
from anpr_edge.fleet.rig import FLEET as RIG_FLEET
from anpr_edge.fleet.rig import Rig, build_rig
from anpr_edge.seal.keys import SigningKey
from anpr_edge.seal.policy.model import Policy
from anpr_edge.seal.policy.signed import open_policy, sign_policy
from anpr_edge.uplink import topics
from tests.integration.conftest import FLEET, UNIT, Site
from tests.integration.helpers import link_state, make_uplink, within
from tests.integration.watcher import watching

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]


def test_the_policy_is_left_for_everybody_to_read(broker: Site) -> None:
    with make_uplink(broker, policy=b'{"schema":1,"version":7}') as uplink:
        assert link_state(uplink).connected
    with watching(broker, topics.policy(FLEET, UNIT)) as heard:
        for _ in within("the policy was heard"):
            if heard:
                break
    assert heard == [{"schema": 1, "version": 7}]


def test_a_policy_the_broker_cannot_carry_does_not_cost_the_link(broker: Site) -> None:
    with make_uplink(broker, policy=b"{" + b" " * 70_000 + b"}") as uplink:
        assert link_state(uplink).connected
        assert uplink.report_health({"schema": 1})
        assert uplink.events(0.5) == []


def put_under_policy(rig: Rig, authority: SigningKey) -> Policy:
    """Let the rig's unit take its one feed from a signed policy, which comes back."""
    config = tomllib.loads(rig.config.read_text())
    feed = config.pop("feeds")[RIG_FEED]
    file = rig.directory / "policy.cose"
    config["policy"] = {"file": str(file), "key": authority.public.text}
    rig.config.write_text(tomli_w.dumps(config))
    head = {
        "fleet": RIG_FLEET,
        "version": 1,
        "valid_from": datetime(2020, 1, 1, tzinfo=UTC),
        "valid_until": datetime(2120, 1, 1, tzinfo=UTC),
        "reason": "a test",
    }
    terms = {
        "purpose": feed["purpose"],
        "controller": "nobody",
        "legal_basis": "a test",
        "ack_key": feed["ack_key"],
        "recipients": {"centre": feed["recipients"][0]},
        "fields": ["direction"],
        "time_step_s": 3600,
        "waits_hours": 1,
        "when": "always",
    }
    policy = compile_source({"policy": head, "feeds": {RIG_FEED: terms}}, 0)
    file.write_bytes(sign_policy(policy, authority))
    return policy


def stored(rig: Rig) -> list[dict[str, Any]]:
    """What the centre has opened so far."""
    return [json.loads(line) for line in rig.store.read_text().splitlines()] if rig.store.exists() else []


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    camera = {"source": "synthetic", "synthetic": {"vehicles": 2, "seed": 1}}
    return build_rig(tmp_path, camera, SystemClock())


def test_a_unit_under_a_policy_gives_its_feed_what_the_policy_says(rig: Rig) -> None:
    authority = SigningKey.generate()
    put_under_policy(rig, authority)
    with rig.broker():
        processes = [rig.start_centre(), rig.start_uplink(), rig.start_reader()]
        try:
            assert processes[-1].wait(90) == 0, rig.log("reader").read_text()
            for _ in within("the centre has a read"):
                if stored(rig):
                    break
        finally:
            for process in processes:
                process.terminate()
                process.wait(20)
    reader = rig.state("reader")
    assert reader["policy"] == {
        "version": 1,
        "valid": True,
        "until": "2120-01-01 00:00 UTC",
        "refused": "",
        "withheld": {RIG_FEED: {}},
        "lists": {},
        "paused": {},
    }
    for line in stored(rig):
        assert line["read"]["region"] is None
        assert line["read"]["model_ids"] == []
    audit = (rig.unit.state_dir / "audit.log").read_text().splitlines()
    assert [json.loads(line)["event"] for line in audit] == ["policy-accepted"]
    assert open_policy((rig.unit.state_dir / "policy.cose").read_bytes(), authority.public).version == 1


def test_a_newer_policy_ends_a_service_that_works_by_it_once_started_again(rig: Rig) -> None:
    """The uplink ends to be started again, as systemd does, and then works by the new one."""
    authority = SigningKey.generate()
    policy = put_under_policy(rig, authority)
    with rig.broker():
        uplink = rig.start_uplink()
        for _ in within("the uplink runs"):
            if rig.state("uplink").get("state") == "running":
                break
        (rig.directory / "policy.cose").write_bytes(sign_policy(replace(policy, version=2), authority))
        assert uplink.wait(60) == START_AGAIN, rig.log("uplink").read_text()
        uplink = rig.start_uplink()
        try:
            for _ in within("the uplink works by policy 2"):
                if "policy 2, " in rig.log("uplink").read_text():
                    break
        finally:
            uplink.terminate()
            assert uplink.wait(20) == 0
    audit = [json.loads(line) for line in (rig.unit.state_dir / "audit.log").read_text().splitlines()]
    assert [entry["version"] for entry in audit] == [1, 2]
