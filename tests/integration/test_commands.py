"""The fleet authority's commands over a real broker, to a real reader and a real uplink."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from anpr_edge.auditlog import read_audit
from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.broker import find_mosquitto
from anpr_edge.fleet.commanding import FAILURE
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.rig import FEED, FLEET, UNIT, Rig, build_rig
from anpr_edge.fleet.unitrecord import FleetUnit, State
from anpr_edge.seal.commands import open_command, sign_command
from anpr_edge.seal.keys import SigningKey
from anpr_edge.uplink import topics
from tests.integration.control import kept, order, publish, run_fleet, within

pytestmark = [pytest.mark.broker, pytest.mark.timeout(240)]

NOT_AUTHORISED = 0x87
"""Source: MQTT 5.0 §2.4."""

ROAD = {"source": "synthetic", "frame_rate": 10.0, "synthetic": {"vehicles": 500, "seed": 1}}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A unit, a centre and a broker that run while this module's tests do."""
    try:
        find_mosquitto()
    except UplinkError as error:
        pytest.skip(f"{error}: {error.hint}")
    rig = build_rig(tmp_path_factory.mktemp("rig"), ROAD, SystemClock())
    with rig.broker(), running(rig):
        for _ in within("both services run"):
            if all(rig.state(process).get("state") == "running" for process in ("reader", "uplink")):
                break
        for _ in within("the uplink is connected"):
            if rig.state("uplink")["link"]["connected"]:
                break
        yield rig


@contextmanager
def running(rig: Rig) -> Iterator[None]:
    processes = [rig.start_centre(), rig.start_uplink(), rig.start_reader()]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def to_unit(*words: str) -> Sequence[str]:
    return (*words, "--unit", UNIT)


def audit(rig: Rig) -> list[dict[str, Any]]:
    found = read_audit(rig.unit.state_dir / "audit.log")
    assert found.trouble == ""
    return [dict(entry) for entry in found.entries]


def signed(rig: Rig, tmp_path: Path, *words: str) -> bytes:
    """A command signed to a file."""
    out = tmp_path / "command.cose"
    done = run_fleet(rig, *words, "--out", str(out))
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def key_of(rig: Rig) -> SigningKey:
    return SigningKey.load(rig.control_dir / "command.pem")


def refused(rig: Rig, blob: bytes, name: str, kind: str, response_topic: str = "") -> dict[str, Any]:
    """Publish a command that is to be refused; the entry of the audit log."""
    before = len(audit(rig))
    publish(rig, topics.command(FLEET, UNIT, name), blob, response_topic=response_topic)
    for _ in within(f"the refusal ({kind}) is entered"):
        entries = audit(rig)[before:]
        if entries:
            break
    assert [(entry["event"], entry["kind"]) for entry in entries] == [("command-refused", kind)]
    return entries[0]


def test_a_ping_is_answered_and_audited(rig: Rig) -> None:
    said = order(rig, *to_unit("ping"))
    (reply,) = said["replies"]
    assert (reply["unit"], reply["by"], reply["outcome"]) == (UNIT, "uplink", "done")
    assert reply["document"]["details"]["services"]["reader"]["state"] == "running"
    entry = audit(rig)[-1]
    assert (entry["event"], entry["command"], entry["number"]) == ("command-taken", "ping", said["number"])


def test_the_whole_fleet_and_a_group_are_found_by_their_statuses(rig: Rig) -> None:
    assert [reply["unit"] for reply in order(rig, "ping", "--all")["replies"]] == [UNIT]
    assert order(rig, "ping", "--group", "nobody", code=1)["replies"] == []


def test_a_retired_unit_whose_status_is_left_is_not_asked(rig: Rig, tmp_path: Path) -> None:
    """`unit-0008` is retired and away, `unit-0009` away only, and the unit itself retired but there."""
    folder = fleet_folder(tmp_path / "folder", FLEET)
    folder.save(
        [FleetUnit(UNIT, State.RETIRED), FleetUnit("unit-0008", State.RETIRED), FleetUnit("unit-0009")]
    )
    with left_at_the_broker(rig, tmp_path, "unit-0008", "unit-0009"):
        said = order(rig, "ping", "--all", "--fleet-dir", str(folder.directory), code=1)
        outcomes = {reply["unit"]: reply["outcome"] for reply in said["replies"]}
        assert (outcomes, said["left_out"]) == ({UNIT: "done", "unit-0009": "silent"}, ["unit-0008"])
        said = order(rig, "ping", "--unit", "unit-0008", "--fleet-dir", str(folder.directory), code=1)
        assert [reply["unit"] for reply in said["replies"]] == ["unit-0008"], "who is named is asked"
        other = fleet_folder(tmp_path / "other", "elsewhere")
        done = run_fleet(rig, "ping", "--all", "--fleet-dir", str(other.directory))
        assert (done.returncode, "folder of fleet elsewhere" in done.stderr) == (2, True)
    assert [reply["unit"] for reply in order(rig, "ping", "--all")["replies"]] == [UNIT], "cleared"


def fleet_folder(directory: Path, fleet: str) -> FleetFolder:
    (directory / "units").mkdir(parents=True)
    (directory / "fleet.toml").write_text(f'fleet = "{fleet}"\n')
    return FleetFolder(directory)


@contextmanager
def left_at_the_broker(rig: Rig, tmp_path: Path, *units: str) -> Iterator[None]:
    """The statuses of units that are away; each clears its own in the end, as docs/commands.md says."""
    authority = Authority.load(rig.directory / "authority", SystemClock())
    for unit in units:
        issued, papers = authority.issue_client(unit), tmp_path / unit
        papers.mkdir()
        (papers / "ca.crt").write_bytes(authority.cert_pem)
        (papers / "tls.crt").write_bytes(issued.cert_pem)
        (papers / "tls.pem").write_bytes(issued.key_pem)
        status = json.dumps({"schema": 1, "state": "offline", "groups": ["pilot"], "reason": "lost"})
        assert (
            publish(rig, topics.status(FLEET, unit), status.encode(), as_whom=papers, retain=True) < FAILURE
        )
    yield
    for unit in units:
        assert publish(rig, topics.status(FLEET, unit), b"", as_whom=tmp_path / unit, retain=True) < FAILURE


def test_a_pause_reaches_the_reader_who_keeps_no_more_reads(rig: Rig) -> None:
    said = order(rig, *to_unit("pause"), "--arg", f"feed={FEED}", "--arg", "minutes=30")
    assert [(one["by"], one["outcome"]) for one in said["replies"]] == [("reader", "done")]
    for _ in within("the reader's state shows it"):
        if FEED in rig.state("reader")["policy"]["paused"]:
            break
    for _ in within("a read is withheld"):
        if rig.state("reader")["policy"]["withheld"][FEED].get("paused"):
            break
    kept = rig.state("reader")["reads"]["committed"]
    for _ in within("another read is withheld"):
        if rig.state("reader")["policy"]["withheld"][FEED]["paused"] > 1:
            break
    assert rig.state("reader")["reads"]["committed"] == kept
    assert [pause["feed"] for pause in rig.state("uplink")["commands"]["paused"]] == [FEED]
    order(rig, *to_unit("resume"), "--arg", f"feed={FEED}")
    for _ in within("reads are kept again"):
        if rig.state("reader")["reads"]["committed"] > kept:
            break


def test_a_feed_the_unit_does_not_have_is_said_so(rig: Rig) -> None:
    said = order(rig, *to_unit("pause"), "--arg", "feed=police", "--arg", "minutes=1", code=1)
    assert said["replies"][0]["outcome"] == "failed"
    assert audit(rig)[-1]["event"] == "command-failed"


def test_a_drain_ends_when_the_centre_has_confirmed(rig: Rig) -> None:
    said = order(rig, *to_unit("drain"))
    assert [(one["by"], one["outcome"]) for one in said["replies"]] == [("uplink", "done")]


def test_a_restart_is_refused_where_nobody_would_start_the_service_again(rig: Rig) -> None:
    for service in ("reader", "uplink"):
        said = order(rig, *to_unit("restart"), "--arg", f"service={service}", code=1)
        assert [(one["by"], one["outcome"]) for one in said["replies"]] == [(service, "failed")]
        assert rig.state(service)["state"] == "running"


def test_a_configuration_that_cannot_be_used_changes_nothing(rig: Rig) -> None:
    good = rig.config.read_text()
    rig.config.write_text(good.replace("frame_rate = 10.0", 'frame_rate = "fast"'))
    try:
        said = order(rig, *to_unit("reload"), "--arg", "what=config", code=1)
    finally:
        rig.config.write_text(good)
    assert [(one["by"], one["outcome"]) for one in said["replies"]] == [
        ("reader", "failed"),
        ("uplink", "failed"),
    ]
    assert "frame_rate" in said["replies"][0]["says"]


def test_a_report_holds_no_plate_and_no_key(rig: Rig) -> None:
    for _ in within("the centre has some reads"):
        plates = {line["read"]["plate_text"].encode() for line in stored(rig)}
        if len(plates) > 2:
            break
    (reply,) = order(rig, *to_unit("report"))["replies"]
    with zipfile.ZipFile(reply["document"]["details"]["path"]) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert set(parts) >= {"reader.json", "uplink.json", "audit.log", "unit.toml", "system.json"}
    assert json.loads(parts["contents.json"])["unit"] == UNIT
    for name, content in parts.items():
        assert [plate for plate in plates if plate in content] == [], name
        assert b"PRIVATE KEY" not in content, name
        for key in ("sign", "open", "tls"):
            pem = (rig.unit.state_dir / "keys" / f"{key}.pem").read_bytes().splitlines()[1]
            assert pem not in content, name


def stored(rig: Rig) -> list[dict[str, Any]]:
    """What the centre has opened so far."""
    lines = rig.store.read_text().splitlines(keepends=True) if rig.store.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def test_health_on_command_fits_its_schema(rig: Rig) -> None:
    schema = json.loads((Path(__file__).parents[2] / "docs" / "health.schema.json").read_text())
    order(rig, *to_unit("health"))
    for _ in within("health tells of the command"):
        health = kept(rig, topics.health(FLEET, UNIT))
        if (health["commands"]["last"] or {}).get("name") == "health":
            break
    assert [error.message for error in Draft202012Validator(schema).iter_errors(health)] == []
    assert health["services"]["reader"]["state"] == "running"
    assert health["stages"]["capture"]["per_s"] > 1
    assert health["unknown"]["plates"] == "no whole hour has passed since the reader started"


def test_the_status_tells_versions_and_what_decides_about_reads(rig: Rig) -> None:
    status = kept(rig, topics.status(FLEET, UNIT))
    assert (status["state"], status["policy"], status["groups"]) == ("online", None, [])
    detector = Path(__file__).parents[2] / "models" / "detector.tflite"
    assert status["models"]["detector"]["sha256"] == hashlib.sha256(detector.read_bytes()).hexdigest()
    assert status["verify_key"] == (rig.unit.state_dir / "keys" / "sign.pub").read_text().strip()


def test_a_replay_is_refused_and_audited(rig: Rig, tmp_path: Path) -> None:
    blob = signed(rig, tmp_path, *to_unit("ping"))
    assert order(rig, "--signed", str(tmp_path / "command.cose"))["replies"][0]["outcome"] == "done"
    refused(rig, blob, "ping", "replay")
    again = order(rig, "--signed", str(tmp_path / "command.cose"), code=1)
    assert again["replies"][0]["document"]["kind"] == "replay"


def test_a_stale_command_is_refused_and_audited(rig: Rig, tmp_path: Path) -> None:
    fresh = open_command(signed(rig, tmp_path, *to_unit("ping")), key_of(rig).public)
    stale = replace(fresh, issued_utc_s=fresh.issued_utc_s - 100, expires_utc_s=fresh.issued_utc_s - 1)
    refused(rig, sign_command(stale, key_of(rig)), "ping", "expired")


def test_foreign_commands_are_refused_and_audited(rig: Rig, tmp_path: Path) -> None:
    good = open_command(signed(rig, tmp_path, *to_unit("ping")), key_of(rig).public)
    for foreign in (replace(good, units=("unit-0002",)), replace(good, fleet="other")):
        refused(rig, sign_command(foreign, key_of(rig)), "ping", "foreign")
    refused(rig, sign_command(good, SigningKey.generate()), "ping", "unknown-key")
    refused(rig, b"\x00", "ping", "malformed")
    refused(rig, sign_command(good, key_of(rig)), "health", "topic")
    away = topics.reply(FLEET, "unit-0002", "ping")
    refused(rig, sign_command(good, key_of(rig)), "ping", "response-topic", response_topic=away)
    assert order(rig, *to_unit("ping"))["replies"][0]["outcome"] == "done"


def test_the_last_command_shows_in_status(rig: Rig) -> None:
    said = order(rig, *to_unit("ping"))
    command = [sys.executable, "-m", "anpr_edge.cli.edge", "status", "--config", str(rig.config)]
    for _ in within("status shows it"):
        shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        if f"ping, number {said['number']}" in shown:
            break


def test_nobody_but_the_commander_sends_commands_nor_anybody_but_the_unit_replies(rig: Rig) -> None:
    command, reply = topics.command(FLEET, UNIT, "ping"), topics.reply(FLEET, UNIT, "ping")
    assert publish(rig, command, b"", as_whom=rig.centre_dir) == NOT_AUTHORISED
    assert publish(rig, command, b"", as_whom=rig.unit.state_dir / "keys") == NOT_AUTHORISED
    assert publish(rig, reply, b"") == NOT_AUTHORISED
    assert publish(rig, topics.reads(FLEET, UNIT, FEED), b"") == NOT_AUTHORISED
