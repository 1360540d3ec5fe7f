"""`anpr-central store` and `export`, and what `subscribe` does beside receiving."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from anpr_edge.auditlog import read_audit
from anpr_edge.central.intake import Intake, Verdict
from anpr_edge.central.opener import Opener
from anpr_edge.central.retention import Retention
from anpr_edge.central.stores.places import open_archive, open_store
from anpr_edge.central.unit_list import add_unit, remove_unit
from anpr_edge.central.units import UnitsFile
from anpr_edge.cli.central import main
from anpr_edge.cli.central_chores import Chores
from anpr_edge.errors import ConfigError
from anpr_edge.records import EPOCH_NUMBERS
from anpr_edge.seal.envelope import CHAIN_START
from anpr_edge.seal.keys import RecipientPrivateKey, SigningKey
from anpr_edge.seal.sealer import CoseSealer, UnitIdentity
from anpr_edge.seal.wire import ALWAYS
from tests.fakes import EPOCH_NS, FakeClock
from tests.sealed_reads import FEED, FLEET, PLATE, SealingUnit, made_up_read

KEY = RecipientPrivateKey.generate()
TODAY = datetime.fromtimestamp(EPOCH_NS / 1e9, UTC).date()


class Archive:
    """A store of one kind with three reads in it."""

    def __init__(self, place: str, home: Path) -> None:
        self.place, self.home = place, home
        self.clock = FakeClock()
        self.unit = SealingUnit(KEY.public)
        self.take(*self.unit.seal(3))

    def take(self, *blobs: bytes) -> list[Verdict]:
        with closing(open_store(self.place)) as store:
            intake = Intake(Opener(self.unit.units, KEY), store, self.clock)
            return [one.verdict for one in intake.take([(self.unit.topic, blob) for blob in blobs])]

    def run(self, command: str, what: str, *options: str) -> int:
        home = ["--home", str(self.home)] if what in ("police", "forget") else []
        return main([command, what, "--store", self.place, *home, *options])

    @property
    def kept(self) -> int:
        with closing(open_archive(self.place)) as store:
            return len(list(store.documents()))

    @property
    def audited(self) -> list[str]:
        audit = read_audit(self.home / "audit.log")
        assert audit.trouble == ""
        return [entry["event"] for entry in audit.entries]


@pytest.fixture(params=["jsonl", "sqlite"])
def archive(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Archive:
    made = Archive(f"{request.param}:{tmp_path / 'reads'}", tmp_path)
    capsys.readouterr()
    return made


POLICE = ("--feed", FEED, "--signature", "sig", "--username", "centre")


def test_a_police_record_has_its_fields_in_order(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive.run("export", "police", *POLICE) == 0
    lines = capsys.readouterr().out.splitlines()
    when = datetime.fromtimestamp(EPOCH_NS / 1e9, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert lines == [f"sig|centre|{PLATE}|{FEED}|{FLEET}|unit-0001|{when}|51.5|-0.12|||||97|true"] * 3


def test_what_a_feed_may_not_have_is_absent_from_its_records(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    archive.take(bare_read(archive.unit))
    assert archive.run("export", "police", *POLICE, "--json", "--feed-id", "F1", "--source-id", "S1") == 0
    *_, bare = map(json.loads, capsys.readouterr().out.splitlines())
    assert list(bare) == [
        "signature",
        "username",
        "vrm",
        "feedID",
        "sourceID",
        "cameraID",
        "captureDate",
        "confidencePercentage",
    ]
    assert (bare["feedID"], bare["sourceID"]) == ("F1", "S1")


def test_a_police_export_leaves_a_trace_without_plates(archive: Archive) -> None:
    assert archive.run("export", "police", *POLICE, "--since", f"{TODAY}") == 0
    assert archive.audited == ["exporting", "reads-exported"]
    entry = read_audit(archive.home / "audit.log").entries[-1]
    assert (entry["reads"], entry["feed"], entry["to"]) == (3, FEED, "centre")
    assert PLATE not in (archive.home / "audit.log").read_text()


def test_nothing_is_exported_when_it_cannot_be_noted(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert archive.run("export", "police", *POLICE, "--audit", str(tmp_path / "absent" / "audit.log")) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "audit log cannot be written" in shown.err


def test_a_name_that_would_break_a_record_is_a_wrong_call(archive: Archive) -> None:
    assert archive.run("export", "police", "--feed", FEED, "--signature", "a|b", "--username", "c") == 2


def test_flows_count_vehicles_and_name_no_plate(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive.run("export", "flows", "--feed", FEED, "--interval", "60") == 0
    shown = capsys.readouterr().out
    (entity,) = map(json.loads, shown.splitlines())
    assert PLATE not in shown
    assert {"id", "type", "dateObserved", "location"} <= entity.keys()
    assert (entity["type"], entity["intensity"], entity["laneId"]) == ("AnprFlowObserved", 3, "1")
    assert entity["location"] == {"type": "Point", "coordinates": [-0.12, 51.5]}
    assert entity["observedVehicle"] == {"direction": "towards"}
    assert entity["dateObserved"] == entity["dateObservedFrom"] < entity["dateObservedTo"]
    assert "licensePlate" not in shown


def test_flows_of_a_feed_without_position_need_one(
    archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = f"{archive.place}.bare"
    other = Archive(bare, archive.home)
    other.take(bare_read(other.unit))
    capsys.readouterr()
    assert other.run("export", "flows", "--feed", FEED) == 0
    assert "1 read left out" in capsys.readouterr().err
    assert other.run("export", "flows", "--feed", FEED, "--position", "unit-0001=51.4,-0.1") == 0
    entities = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bare_one = next(one for one in entities if "laneId" not in one)
    assert bare_one["location"]["coordinates"] == [-0.1, 51.4]
    assert "observedVehicle" not in bare_one


def test_an_interval_divides_a_day(archive: Archive) -> None:
    with pytest.raises(SystemExit) as caught:
        archive.run("export", "flows", "--feed", FEED, "--interval", "7")
    assert caught.value.code == 2


def test_since_and_until_bound_what_is_exported(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive.run("export", "police", *POLICE, "--until", f"{TODAY}") == 0
    assert capsys.readouterr().out == ""
    assert archive.run("export", "police", *POLICE, "--since", "2030-01-01", "--until", "2029-01-01") == 2


def test_a_store_that_is_not_there_is_not_begun(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = f"sqlite:{tmp_path / 'absent.db'}"
    assert main(["export", "flows", "--store", place, "--feed", FEED]) == 1
    assert "no such store" in capsys.readouterr().err
    assert not (tmp_path / "absent.db").exists()


def test_store_feeds_says_what_is_missing(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    assert archive.run("store", "feeds") == 0
    archive.take(archive.unit.seal(2)[1])
    capsys.readouterr()
    assert archive.run("store", "feeds", "--json") == 1
    (feed,) = json.loads(capsys.readouterr().out)["feeds"]
    assert (feed["unit"], feed["here"], feed["missing"]) == ("unit-0001", 4, 1)


def test_forgetting_is_noted_and_keeps_the_numbers(archive: Archive) -> None:
    """The reads are years old by the system's clock."""
    assert archive.run("store", "forget", "--keep-days", "30") == 0
    assert archive.kept == 0
    assert archive.audited == ["forgetting", "reads-forgotten"]
    entry = read_audit(archive.home / "audit.log").entries[-1]
    assert (entry["reads"], entry["keep_days"]) == (3, 30)
    assert archive.take(archive.unit.seal()[0]) == [Verdict.NEW]


def test_nothing_is_forgotten_while_the_audit_log_is_spoilt(archive: Archive) -> None:
    (archive.home / "audit.log").write_text("spoilt\n")
    assert archive.run("store", "forget", "--keep-days", "30") == 1
    assert archive.kept == 3


def test_init_is_for_postgresql_alone(archive: Archive) -> None:
    assert archive.run("store", "init") == 2


# ── beside receiving ────────────────────────────────────────────────────────────────────────────


def test_a_day_that_is_over_is_forgotten_once(archive: Archive, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_archive(archive.place)) as store:
        retention = Retention(store, "reads", 2, archive.home / "audit.log", archive.clock)
        assert retention.apply_daily() is not None
        assert retention.apply_daily() is None
        archive.clock.advance(timedelta(days=2).total_seconds())
        dropped = retention.apply_daily()
    assert dropped is not None
    assert dropped.reads == 3


def test_a_change_of_the_list_counts_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "units.toml"
    first, second = SigningKey.generate().public, SigningKey.generate().public
    add_unit(path, "unit-0001", first.text)
    listed = UnitsFile(path)
    opener = Opener(listed.units, KEY)
    chores = Chores(opener, listed, None)
    chores.turn()
    assert capsys.readouterr().err == ""
    add_unit(path, "unit-0002", second.text)
    chores.turn()
    assert capsys.readouterr().err == "list of units: added: unit-0002\n"
    assert opener.knows("unit-0002", second.kid)
    remove_unit(path, "unit-0001")
    add_unit(path, "unit-0002", first.text, replace=True)
    chores.turn()
    assert capsys.readouterr().err == "list of units: removed: unit-0001; with another key: unit-0002\n"
    assert not opener.knows("unit-0001", first.kid)


def test_a_list_that_is_spoilt_is_told_once_and_the_one_before_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "units.toml"
    key = SigningKey.generate().public
    add_unit(path, "unit-0001", key.text)
    listed = UnitsFile(path)
    opener = Opener(listed.units, KEY)
    chores = Chores(opener, listed, None)
    path.write_text("[units\n")
    chores.turn()
    chores.turn()
    assert capsys.readouterr().err.count("cannot be used") == 1
    assert opener.knows("unit-0001", key.kid)
    path.unlink()
    with pytest.raises(ConfigError):
        listed.refresh()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--share", "g"), "would take reads from"),
        (("--share", "g", "--store", "reads.jsonl"), "for one process"),
        (("--keep-days", "3"), "needs a --store"),
        (("--share", "#", "--store", "sqlite:x"), "cannot name"),
    ],
)
def test_options_that_do_not_go_together_are_a_wrong_call(
    options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["subscribe", "--fleet", FLEET, "--feed", FEED, *options]) == 2
    assert words in capsys.readouterr().err


def test_a_store_of_no_kind_is_a_wrong_call(tmp_path: Path) -> None:
    assert main(["store", "feeds", "--store", "oracle://db/anpr"]) == 2


def test_the_centre_runs_without_anything_that_only_a_unit_has(archive: Archive) -> None:
    """Every module of it, and a command over a store, while those packages cannot be imported at all."""
    code = """
import importlib, pkgutil, sys

class Absent:
    names = {"numpy", "cv2", "tflite_runtime", "ai_edge_litert", "pydantic", "serial", "pynmea2", "psycopg",
             "confluent_kafka", "picamera2", "systemd", "tpm2_pytss"}
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())
import anpr_edge.central, anpr_edge.cli
names = [found.name for found in pkgutil.walk_packages(anpr_edge.central.__path__, "anpr_edge.central.")]
names += [f"anpr_edge.cli.{found.name}" for found in pkgutil.iter_modules(anpr_edge.cli.__path__)
          if found.name.startswith("central")]
for name in names:
    importlib.import_module(name)
assert len(names) > 30, names
from anpr_edge.cli.central import main
sys.exit(main(sys.argv[1:]))
"""
    command = [sys.executable, "-c", code, "export", "flows", "--store", archive.place, "--feed", FEED]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "PGPASSWORD": ""}
    )
    assert done.returncode == 0, done.stderr
    assert '"intensity": 3' in done.stdout


@pytest.mark.parametrize(
    ("place", "package"),
    [("postgresql://a@127.0.0.1:9/b", "psycopg"), ("kafka://127.0.0.1:9/a?ledger=x", "confluent_kafka")],
)
def test_a_store_whose_driver_is_not_installed_says_what_to_install(place: str, package: str) -> None:
    code = (
        f"import sys; sys.modules[{package!r}] = None; "
        "from anpr_edge.cli.central import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, "store", "feeds", "--store", place]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pip install 'anpr-edge[" in done.stderr


def bare_read(unit: SealingUnit) -> bytes:
    """A read of a feed that may have only what no read is without."""
    identity = UnitIdentity(FLEET, unit.unit, bytes(16))
    sealer = CoseSealer(identity, unit.key, {FEED: [KEY.public]}, fields={FEED: ALWAYS})
    return sealer.seal(made_up_read(), FEED, EPOCH_NUMBERS + 1, CHAIN_START).blob
