"""`anpr-edge netcheck` against a real broker: every step, and every step's failure by its name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from anpr_edge.cli.central_files import ACK_FILE
from anpr_edge.cli.edge import main
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.broker import ACCESS_FILE
from anpr_edge.fleet.rig import FEED, FLEET, UNIT, Rig, build_rig
from anpr_edge.seal.acks import Ack, sign_ack
from anpr_edge.seal.keys import SigningKey, VerifyKey
from anpr_edge.statefile import StateFile
from anpr_edge.uplink import topics
from tests.integration.conftest import Site
from tests.integration.watcher import leave, watching

pytestmark = pytest.mark.broker
STEPS = ["broker-name", "broker-port", "broker-tls", "mqtt-connect", "mqtt-publish", "centre-watermark"]
CLOCK = SystemClock()
CONNECTED = {"connected": True, "detail": "connected", "since_s": 3.0}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A unit, a centre and a broker, none of them running."""
    return build_rig(tmp_path, {"source": "synthetic"}, CLOCK)


@pytest.fixture
def running(rig: Rig) -> Iterator[Rig]:
    """The same, with the broker running."""
    with rig.broker():
        yield rig


def site(rig: Rig) -> Site:
    """The rig as the watcher knows it."""
    return Site(
        rig.directory, Authority.load(rig.directory / "authority", CLOCK), rig.listener, rig.broker_config
    )


def netcheck(rig: Rig, capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    """(verdict, measured) of every step that is not a consequence."""
    main(["netcheck", "--json", "--config", str(rig.config)])
    findings = json.loads(capsys.readouterr().out)["findings"]
    return {one["code"]: (one["verdict"], one["measured"]) for one in findings if not one["because"]}


def keep(rig: Rig, waiting: int, sent: int, oldest_age_s: float | None) -> None:
    """Let the uplink say that it keeps so many reads."""
    kept = {"waiting": waiting, "sent": sent, "oldest_age_s": oldest_age_s}
    StateFile(rig.unit.run_dir / "uplink.json").write({"schema": 1, "outbox": {FEED: kept}})


def confirm(rig: Rig, *, unit: str = UNIT, key: SigningKey | None = None, unit_kid: bytes = b"") -> None:
    """Leave a watermark as the feed's centre does."""
    key = key or SigningKey.load(rig.centre_dir / ACK_FILE)
    unit_kid = unit_kid or VerifyKey.load(rig.unit.state_dir / "keys" / "sign.pub").kid
    ack = Ack(FLEET, unit, FEED, 41, (), CLOCK.now().utc_ns, unit_kid)
    assert leave(site(rig), topics.ack(FLEET, UNIT, FEED), sign_ack(ack, key)) < 0x80


def test_the_whole_way(running: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    confirm(running)
    assert main(["netcheck", "--config", str(running.config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [["ok", step] for step in STEPS]
    assert all(" ms" in line for line in lines[:5])
    assert "up to #41, signed" in lines[5]


def test_a_new_unit_has_nothing_to_confirm(running: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert netcheck(running, capsys)["centre-watermark"] == ("ok", f"{FEED}: nothing to confirm yet")


def test_a_broker_that_does_not_run(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    found = netcheck(rig, capsys)
    assert found["broker-port"][0] == "fail"
    assert list(found) == ["broker-name", "broker-port"]


def test_a_broker_that_refuses_the_client(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with rig.broker_config.open("a") as config:
        config.write("clientid_prefixes another-fleet\n")
    with rig.broker():
        found = netcheck(rig, capsys)
    assert found["broker-tls"][0] == "ok"
    assert found["mqtt-connect"][0] == "fail"
    assert "the broker refuses us" in found["mqtt-connect"][1]
    assert "mqtt-publish" not in found


def test_a_unit_that_may_not_publish(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    access = rig.broker_config.with_name(ACCESS_FILE)
    access.write_text(access.read_text().replace("pattern write", "# pattern write"))
    with rig.broker():
        found = netcheck(rig, capsys)
    assert found["mqtt-connect"][0] == "ok"
    verdict, measured = found["mqtt-publish"]
    assert verdict == "fail"
    assert "0x87" in measured or "refused a publish" in measured


def test_reads_that_no_centre_has_ever_confirmed(running: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    keep(running, waiting=0, sent=5, oldest_age_s=20.0)
    assert netcheck(running, capsys)["centre-watermark"] == (
        "fail",
        f"{FEED}: its centre has never confirmed a read of this unit",
    )


@pytest.mark.parametrize(("oldest_age_s", "verdict"), [(500.0, "ok"), (700.0, "fail")])
def test_a_centre_that_has_stopped_confirming(
    running: Rig, capsys: pytest.CaptureFixture[str], oldest_age_s: float, verdict: str
) -> None:
    confirm(running)
    keep(running, waiting=0, sent=5, oldest_age_s=oldest_age_s)
    assert netcheck(running, capsys)["centre-watermark"][0] == verdict


def test_watermarks_that_do_not_count(running: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    confirm(running, key=SigningKey.generate())
    assert netcheck(running, capsys)["centre-watermark"][0] == "fail"
    confirm(running, unit="unit-0002")
    assert "another unit" in netcheck(running, capsys)["centre-watermark"][1]
    confirm(running, unit_kid=SigningKey.generate().kid)
    assert "another signing key" in netcheck(running, capsys)["centre-watermark"][1]


def test_a_running_uplink_is_not_disturbed(running: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    with watching(site(running), topics.status(FLEET, UNIT)) as heard:
        uplink = running.start_uplink()
        try:
            while not any(word["state"] == "online" for word in heard):
                CLOCK.sleep(0.05)
            assert netcheck(running, capsys)["mqtt-publish"][0] == "ok"
            assert [word["state"] for word in heard] == ["online"]
        finally:
            uplink.terminate()
            uplink.wait(30)
