"""From a table of units to cards that become them, and to their end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anpr_edge.bundlefile import SIGN_KEY, TOKEN, read_bundle
from anpr_edge.cli.edge import main as edge
from anpr_edge.cli.fleet import main
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.tokens import read_token
from anpr_edge.fleet.unitrecord import State
from anpr_edge.seal.keys import SigningKey, VerifyKey
from anpr_edge.seal.manifest import Enrolment
from tests.bundles import Machine
from tests.fleet_folders import made_by_command
from tests.unit.config.samples import ACK_KEY, RECIPIENT

FEED = f"""
[feeds.charging]
purpose = "Road user charging"
recipients = ["{RECIPIENT}"]
ack_key = "{ACK_KEY}"
"""
TOKENS = """
[enrolment]
port = 8884
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A fleet folder with three units, and the shell in it."""
    made_by_command(tmp_path, monkeypatch, FEED)
    (tmp_path / "fleet.csv").write_text("unit,site\nunit-0001,A\nunit-0002,B\nunit-0003-,C\n")
    assert main(["unit", "import", "../fleet.csv"]) == 0
    capsys.readouterr()
    return tmp_path / "demo"


def anchored(folder: Path, fleet: Path) -> Machine:
    machine = Machine(folder)
    (machine.etc / "provision.pub").write_bytes((fleet / "authority/provision.pub").read_bytes())
    return machine


def test_a_whole_fleet_at_once_and_again_without_a_change(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["unit", "bundle", "--all", "--out", "../out", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert [one["unit"] for one in made["made"]] == ["unit-0001", "unit-0002", "unit-0003-"]
    anchor = VerifyKey.load(fleet / "authority/provision.pub")
    bundle = read_bundle(fleet / "../out/unit-0003-.bundle", anchor)
    assert (bundle.unit, bundle.manifest.hostname) == ("demo/unit-0003-", "unit-0003")
    assert {unit.state for unit in FleetFolder(fleet).units()} == {State.BUNDLED}
    before = {path: path.read_bytes() for path in (fleet / "../out").iterdir()}
    assert main(["unit", "bundle", "--all", "--out", "../out", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["made"], len(again["kept"])) == ([], 3)
    assert {path: path.read_bytes() for path in (fleet / "../out").iterdir()} == before


def test_a_change_makes_the_one_bundle_anew(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["unit", "bundle", "--all", "--out", "../out"])
    (fleet / "../fleet.csv").write_text("unit,site\nunit-0002,Elsewhere\n")
    assert main(["unit", "import", "../fleet.csv"]) == 0
    capsys.readouterr()
    assert main(["unit", "bundle", "--all", "--out", "../out", "--json"]) == 0
    assert [one["unit"] for one in json.loads(capsys.readouterr().out)["made"]] == ["unit-0002"]


def test_a_dry_run_writes_nothing(fleet: Path) -> None:
    before = {path: path.read_bytes() for path in fleet.parent.rglob("*") if path.is_file()}
    assert main(["unit", "bundle", "--all", "--out", "../out", "--dry-run"]) == 0
    assert {path: path.read_bytes() for path in fleet.parent.rglob("*") if path.is_file()} == before


def test_one_unit_that_cannot_be_configured_and_none_is_made(
    fleet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (fleet / "units/unit-0002.toml").open("a") as file:
        file.write("\n[settings.camera]\nshutter_us = 40000\n")
    assert main(["unit", "bundle", "--all", "--out", "../out"]) == 78
    said = capsys.readouterr().err
    assert "unit unit-0002: camera.shutter_us" in said
    assert not (fleet.parent / "out").exists()
    assert {unit.state for unit in FleetFolder(fleet).units()} == {State.PLANNED}


@pytest.mark.parametrize(
    ("more", "code", "words"),
    [
        ((), 2, "which units?"),
        (("--all", "unit-0001"), 2, "which units?"),
        (("nobody",), 2, "no unit nobody"),
        (("--all", "--token"), 78, "does not say where units enrol"),
        (("--all", "--token", "--with-keys"), 2, "exclude each other"),
    ],
)
def test_nonsense(
    fleet: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], code: int, words: str
) -> None:
    assert main(["unit", "bundle", "--out", "../out", *more]) == code
    assert words in capsys.readouterr().err
    assert not (fleet.parent / "out").exists()


def test_with_keys_is_warned_of_and_remembered(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["unit", "bundle", "unit-0001", "--with-keys", "--out", "../out"]) == 0
    assert "WARNING: these bundles hold the units' private keys" in capsys.readouterr().err
    bundle = read_bundle(fleet / "../out/unit-0001.bundle", None)
    assert bundle.manifest.enrolment is Enrolment.INCLUDED
    unit = FleetFolder(fleet).unit("unit-0001")
    assert (unit.state, len(unit.serials)) == (State.ENROLLED, 1)
    (tmp_path / "sign.pem").write_bytes(bundle.members[SIGN_KEY])
    (tmp_path / "sign.pem").chmod(0o600)
    key = SigningKey.load(tmp_path / "sign.pem").public.text
    machine = anchored(tmp_path / "machine", fleet)
    (fleet / "../out/unit-0001.bundle").rename(machine.card / "unit-0001.bundle")
    assert edge(["provision", "--root", str(machine.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verify_key"] == key


def test_a_token_is_in_the_bundle_alone(fleet: Path) -> None:
    with (fleet / "fleet.toml").open("a") as file:
        file.write(TOKENS)
    assert main(["unit", "bundle", "--all", "--token", "--out", "../out"]) == 0
    bundle = read_bundle(fleet / "../out/unit-0001.bundle", None)
    assert bundle.manifest.listener == ("broker.example", 8884)
    token = bytes.fromhex(bundle.members[TOKEN].decode())
    record = read_token(FleetFolder(fleet), "unit-0001")
    assert record is not None
    assert record.is_of(token)
    for path in fleet.rglob("*"):
        if path.is_file():
            assert token.hex() not in path.read_text(errors="replace")
    before = (fleet / "../out/unit-0001.bundle").read_bytes()
    assert main(["unit", "bundle", "--all", "--token", "--out", "../out"]) == 0
    assert (fleet / "../out/unit-0001.bundle").read_bytes() == before


def test_from_the_workshop_to_the_pole_and_to_the_end(
    fleet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = anchored(tmp_path / "machine", fleet)
    assert main(["unit", "bundle", "unit-0001", "--out", str(machine.card)]) == 0
    assert edge(["provision", "--root", str(machine.root)]) == 0
    request = machine.card / "unit-0001.csr"
    capsys.readouterr()
    assert main(["enrol", str(request), "--unit", "unit-0001"]) == 0
    verify_key = (machine.keys / "sign.pub").read_text().strip()
    assert f"anpr-central units add unit-0001 {verify_key}" in capsys.readouterr().err
    assert edge(["provision", "--root", str(machine.root)]) == 0
    assert (machine.keys / "tls.crt").read_bytes() == (fleet / "certificates/unit-0001.crt").read_bytes()
    assert list(machine.card.iterdir()) == []
    assert edge(["retire", "--root", str(machine.root), "--yes", "unit-0001"]) == 0
    page = machine.card / "unit-0001.retired.txt"

    stranger = anchored(tmp_path / "stranger", fleet)  # another machine that says it is unit-0001
    assert main(["unit", "bundle", "unit-0001", "--out", str(stranger.card)]) == 0
    assert edge(["provision", "--root", str(stranger.root)]) == 0
    assert edge(["retire", "--root", str(stranger.root), "--yes", "unit-0001"]) == 0
    capsys.readouterr()
    forged = str(stranger.card / "unit-0001.retired.txt")
    assert main(["unit", "retire", "unit-0001", "--proof", forged]) == 1
    assert "not signed with the key of the unit's newest certificate" in capsys.readouterr().err
    assert FleetFolder(fleet).unit("unit-0001").state is State.ENROLLED

    assert main(["unit", "retire", "unit-0001", "--proof", str(page), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["revoked"], said["proof"]["unit"]) == (1, "demo/unit-0001")
    assert main(["unit", "bundle", "unit-0001", "--out", "../out"]) == 2
    assert "is retired" in capsys.readouterr().err
