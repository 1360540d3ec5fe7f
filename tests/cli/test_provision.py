"""`anpr-edge provision`: a card becomes a unit, whole; what is wrong is one error and changes nothing."""

from __future__ import annotations

import io
import json
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from anpr_edge.auditlog import read_audit
from anpr_edge.cli.edge import main
from anpr_edge.fleet.authority import Authority
from anpr_edge.seal.keys import SigningKey, VerifyKey
from anpr_edge.seal.manifest import Enrolment
from anpr_edge.seal.openkey import make_open_key
from tests.bundles import UNIT, Machine, Workshop, config_text
from tests.software_tpm import software_tpm
from tests.unit.outbox.disks import mount, small_disk

NOBODY = 65_534


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path / "workshop")


@pytest.fixture
def machine(tmp_path: Path, workshop: Workshop) -> Machine:
    """A flashed card with its trust anchor, and a bundle on it."""
    made = Machine(tmp_path / "machine")
    made.trust(workshop)
    (made.card / f"{UNIT}.bundle").write_bytes(workshop.bundle())
    return made


def provision(machine: Machine, *more: str) -> int:
    return main(["provision", "--root", str(machine.root), *more])


def events(machine: Machine) -> list[str]:
    audit = read_audit(machine.state / "audit.log")
    assert audit.trouble == ""
    return [str(entry["event"]) for entry in audit.entries]


def test_a_card_becomes_a_unit(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision(machine, "--json") == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (machine.etc / "unit.toml").read_bytes() == config_text()
    assert (machine.etc / "hostname").read_text() == f"{UNIT}\n"
    assert (machine.keys / "ca.crt").read_bytes() == workshop.authority.cert_pem
    assert VerifyKey.load(machine.keys / "command.pub") == workshop.command_key.public
    assert said["verify_key"] == SigningKey.load(machine.keys / "sign.pem").public.text
    assert said["unit"] == f"demo/{UNIT}"
    assert (said["anchored"], said["clock_behind_s"], said["enrolment"]) == (True, 0, "carry")
    assert main(["config", "check", str(machine.etc / "unit.toml")]) == 0
    assert stat.S_IMODE(machine.keys.stat().st_mode) == 0o700
    assert events(machine) == ["provisioned"]


def test_the_bundle_is_gone_and_the_request_is_there(machine: Machine) -> None:
    assert provision(machine) == 0
    assert [path.name for path in machine.card.iterdir()] == [f"{UNIT}.csr"]
    request = x509.load_pem_x509_csr((machine.card / f"{UNIT}.csr").read_bytes())
    assert request.subject.rfc4514_string() == f"CN={UNIT}"
    assert (machine.card / f"{UNIT}.csr").read_bytes() == (machine.keys / "tls.csr").read_bytes()
    assert not list(machine.etc.glob("provision/*.bundle"))


def test_the_certificate_comes_back_on_the_card(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    provision(machine)
    request = (machine.card / f"{UNIT}.csr").read_bytes()
    (machine.card / f"{UNIT}.crt").write_bytes(workshop.authority.issue_csr(request, UNIT))
    capsys.readouterr()
    assert provision(machine, "--json") == 0
    certificate = x509.load_pem_x509_certificate((machine.keys / "tls.crt").read_bytes())
    assert json.loads(capsys.readouterr().out)["certificate"] == f"{certificate.serial_number:x}"
    assert list(machine.card.iterdir()) == []
    assert events(machine) == ["provisioned", "enrolled"]
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle())
    assert provision(machine) == 0  # a new configuration: the certificate stays, and no request is needed
    assert list(machine.card.iterdir()) == []


@pytest.mark.parametrize("of", ["another key", "another authority", "another unit", "nonsense"])
def test_a_certificate_that_is_not_its_own_is_refused(
    machine: Machine, workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str], of: str
) -> None:
    provision(machine)
    request = (machine.card / f"{UNIT}.csr").read_bytes()
    stranger = Authority.create(tmp_path / "stranger", "demo", workshop.clock)
    key = load_pem_private_key((machine.keys / "tls.pem").read_bytes(), None)
    other = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "unit-0002")])
    ).sign(key, x509.load_pem_x509_csr(request).signature_hash_algorithm)  # type: ignore[arg-type]
    made: dict[str, Callable[[], bytes]] = {
        "another key": lambda: workshop.authority.issue_client(UNIT).cert_pem,
        "another authority": lambda: stranger.issue_csr(request, UNIT),
        "another unit": lambda: workshop.authority.issue_csr(other.public_bytes(Encoding.PEM), "unit-0002"),
        "nonsense": lambda: b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    }
    (machine.card / f"{UNIT}.crt").write_bytes(made[of]())
    before = machine.files()
    capsys.readouterr()
    assert provision(machine) == 1
    assert capsys.readouterr().err.startswith(f"error: {machine.card / UNIT}.crt: ")
    assert machine.files() == before


def refused(machine: Machine, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said about a bundle that is not taken, on the card too; else only the log has changed."""
    before = machine.files()
    capsys.readouterr()
    assert provision(machine) == 1
    said = capsys.readouterr()
    assert said.out == ""
    after = machine.files()
    told = after["boot/firmware/anpr/provision-error.txt"].decode()
    assert f"error: {told}" == said.err
    for name in (
        "var/lib/anpr-edge/audit.log",
        "var/lib/anpr-edge/policy.lock",
        "boot/firmware/anpr/provision-error.txt",
    ):
        before.pop(name, None)
        after.pop(name, None)
    assert after == before
    assert events(machine)[-1] == "provision-refused"
    return said.err


def test_two_bundles_are_one_too_many(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.card / "unit-0002.bundle").write_bytes(workshop.bundle("unit-0002"))
    said = refused(machine, capsys)
    assert "2 bundles, and a unit takes one: unit-0001.bundle, unit-0002.bundle" in said


def test_once_it_is_taken_the_card_says_nothing_wrong_any_more(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.card / "unit-0002.bundle").write_bytes(workshop.bundle("unit-0002"))
    refused(machine, capsys)
    (machine.card / "unit-0002.bundle").unlink()
    assert provision(machine) == 0
    assert [path.name for path in machine.card.iterdir()] == [f"{UNIT}.csr"]


def test_what_a_laptop_leaves_beside_a_bundle_is_none(machine: Machine) -> None:
    (machine.card / f"._{UNIT}.bundle").write_bytes(b"Finder")
    assert provision(machine) == 0


def test_no_bundle(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    (machine.card / f"{UNIT}.bundle").unlink()
    assert provision(machine) == 1
    assert "no bundle, and no certificate" in capsys.readouterr().err


def test_another_units_bundle_is_refused_by_a_unit(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    provision(machine)
    (machine.card / "unit-0002.bundle").write_bytes(workshop.bundle("unit-0002"))
    said = refused(machine, capsys)
    assert "is for demo/unit-0002, and this unit is demo/unit-0001" in said
    assert "hint: " in said
    assert "anpr-edge retire" in said


def test_a_unit_that_was_set_up_by_hand_is_one_too(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["init", "--state", str(machine.state), "--fleet", "demo", "--unit", "unit-0002"])
    assert "is for demo/unit-0001, and this unit is unit-0002" in refused(machine, capsys)


def test_an_older_bundle_does_not_come_back(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    provision(machine)
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle(made_s=workshop.now_s - 3600))
    assert "and this unit took one made" in refused(machine, capsys)


def test_a_newer_bundle_changes_the_configuration_and_keeps_the_keys(
    machine: Machine, workshop: Workshop
) -> None:
    provision(machine)
    keys = {path.name: path.read_bytes() for path in machine.keys.glob("*.pem")}
    text = config_text(more="port = 8884\n")
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle(contents=workshop.contents(unit_toml=text)))
    assert provision(machine) == 0
    assert (machine.etc / "unit.toml").read_bytes() == text
    assert {path.name: path.read_bytes() for path in machine.keys.glob("*.pem")} == keys


def test_an_expired_bundle(machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]) -> None:
    blob = workshop.bundle(made_s=workshop.now_s - 3 * 86_400, days=2)
    (machine.card / f"{UNIT}.bundle").write_bytes(blob)
    assert "was good until" in refused(machine, capsys)


def test_another_fleets_bundle(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle(key=SigningKey.generate()))
    assert "is not signed by ed25519:" in refused(machine, capsys)


@pytest.mark.parametrize("damage", ["half", "flipped", "longer", "empty"])
def test_a_damaged_bundle(machine: Machine, capsys: pytest.CaptureFixture[str], damage: str) -> None:
    path = machine.card / f"{UNIT}.bundle"
    whole = path.read_bytes()
    flipped = whole[:1600] + bytes([whole[1600] ^ 1]) + whole[1601:]
    made = {"half": whole[: len(whole) // 2], "flipped": flipped, "longer": whole + b"\0", "empty": b""}
    path.write_bytes(made[damage])
    assert f"error: {path}: the bundle" in refused(machine, capsys)


def test_without_a_trust_anchor_the_first_bundle_is_believed_loudly_and_its_key_from_then_on(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    (machine.etc / "provision.pub").unlink()
    assert provision(machine) == 0
    assert "WARNING: no trust anchor" in capsys.readouterr().err
    assert VerifyKey.load(machine.etc / "provision.pub") == workshop.key.public
    (entry,) = read_audit(machine.state / "audit.log").entries
    assert "no trust anchor" in " ".join(entry["changes"])
    stranger = workshop.bundle(key=SigningKey.generate())
    (machine.card / f"{UNIT}.bundle").write_bytes(stranger)
    assert "is not signed by" in refused(machine, capsys)


def test_a_clock_from_before_the_bundle_was_made_is_told_and_not_believed(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    made_s = workshop.now_s + 10_000
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle(made_s=made_s))
    assert provision(machine, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["clock_behind_s"] in range(9_900, 10_001)
    assert "the clock is wrong" in said.err
    (entry,) = read_audit(machine.state / "audit.log").entries
    assert entry["made_utc_s"] == made_s
    assert json.loads((machine.etc / "provision/taken.json").read_text())["utc_s"] == made_s
    assert (machine.etc / "provision/clock").read_text() == f"{made_s}\n"  # what the service sets it to


def test_a_bundle_with_keys_is_a_whole_identity(
    machine: Machine, workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign, issued = SigningKey.generate(), workshop.authority.issue_client(UNIT)
    sign.save(tmp_path / "sign.pem")
    make_open_key(tmp_path / "open.pem", None)
    keys: dict[str, Any] = {
        "sign_pem": (tmp_path / "sign.pem").read_bytes(),
        "open_pem": (tmp_path / "open.pem").read_bytes(),
        "tls_pem": issued.key_pem,
        "tls_crt": issued.cert_pem,
    }
    contents = workshop.contents(**keys)
    blob = workshop.bundle(contents=contents, enrolment=Enrolment.INCLUDED)
    (machine.card / f"{UNIT}.bundle").write_bytes(blob)
    assert provision(machine, "--json") == 0
    assert json.loads(capsys.readouterr().out)["verify_key"] == sign.public.text
    assert list(machine.card.iterdir()) == []
    assert {stat.S_IMODE(path.stat().st_mode) for path in machine.keys.glob("*.pem")} == {0o600}
    SigningKey.generate().save(tmp_path / "other.pem")
    contents["sign.pem"] = (tmp_path / "other.pem").read_bytes()
    other = workshop.bundle(contents=contents, enrolment=Enrolment.INCLUDED)
    (machine.card / f"{UNIT}.bundle").write_bytes(other)
    assert "brings keys, and this unit has its own" in refused(machine, capsys)


@pytest.mark.parametrize("room", ["4k", "24k"])
def test_a_full_disk_is_named_and_the_next_run_finishes(
    machine: Machine, capsys: pytest.CaptureFixture[str], room: str
) -> None:
    machine.state.mkdir(parents=True)
    with small_disk(machine.state, room):
        assert provision(machine) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"error: {machine.state}")
        assert "No space left on device" in said
        assert "the bundle is kept, and will be installed" in said
        assert (machine.card / f"{UNIT}.bundle").exists()
        assert not (machine.etc / "unit.toml").exists()
        mount(machine.state, "remount,size=1m")
        assert provision(machine) == 0
        assert (machine.etc / "unit.toml").read_bytes() == config_text()
        assert events(machine) == ["provisioned"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("command", ["provision", "enrol", "retire"])
def test_who_is_not_root_is_told(workshop: Workshop, command: str) -> None:
    with tempfile.TemporaryDirectory() as folder:  # where others may look, as they may at a unit's /etc
        Path(folder).chmod(0o755)
        machine = Machine(Path(folder) / "machine")
        (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle())
        assert provision(machine) == 0
        (machine.etc / "provision").chmod(0o700)
        for module in ("enrolling", "retire"):  # others may not be able to read this Python's own files
            import_module(f"anpr_edge.firstboot.{module}")
        child = os.fork()
        if child == 0:
            os.setuid(NOBODY)
            sys.stderr = (said := io.StringIO())
            code = main(
                [command, "--root", str(machine.root), *(["--yes", UNIT] if command == "retire" else [])]
            )
            os._exit(0 if code == 1 and "hint: run it as root" in said.getvalue() else 9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert (machine.keys / "sign.pem").exists()


def test_keys_are_made_in_the_tpm_that_the_configuration_names(
    machine: Machine, workshop: Workshop, tmp_path: Path
) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        text = config_text().replace(b"[camera]", f'tpm = "{chip.place}"\n\n[camera]'.encode())
        blob = workshop.bundle(contents=workshop.contents(unit_toml=text))
        (machine.card / f"{UNIT}.bundle").write_bytes(blob)
        assert provision(machine) == 0
    assert VerifyKey.load(machine.keys / "sign.pub").text.startswith("p256:")


def test_a_bundle_that_cannot_be_installed_gives_way_to_a_newer_one(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    text = config_text().replace(b"[camera]", b'tpm = "/dev/no-such-tpm"\n\n[camera]')
    blob = workshop.bundle(contents=workshop.contents(unit_toml=text), made_s=workshop.now_s - 60)
    (machine.card / f"{UNIT}.bundle").write_bytes(blob)
    for _ in range(2):
        assert provision(machine) == 1
        assert "no-such-tpm" in capsys.readouterr().err
    assert "no-such-tpm" in (machine.card / "provision-error.txt").read_text()
    assert not (machine.etc / "unit.toml").exists()
    (machine.card / f"{UNIT}.bundle").write_bytes(workshop.bundle())
    assert provision(machine) == 0
    assert (machine.etc / "unit.toml").read_bytes() == config_text()
    assert [path.name for path in machine.card.iterdir()] == [f"{UNIT}.csr"]


def test_what_is_begun_counts_by_the_trust_anchor_alone(
    machine: Machine, workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    provision(machine)
    forged = workshop.bundle(key=SigningKey.generate(), made_s=workshop.now_s + 60)
    (machine.etc / "provision/pending.bundle").write_bytes(forged)
    before = (machine.etc / "unit.toml").read_bytes()
    assert provision(machine) == 1
    assert "no bundle" in capsys.readouterr().err
    assert (machine.etc / "unit.toml").read_bytes() == before
    assert VerifyKey.load(machine.etc / "provision.pub") == workshop.key.public


def test_a_configuration_that_this_software_does_not_know_changes_nothing(
    machine: Machine, workshop: Workshop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from anpr_edge.bundlefile import MANIFEST, members_of, pack
    from anpr_edge.seal.manifest import Manifest, sign_manifest

    contents = workshop.contents(unit_toml=config_text(more="colour = 1\n"))
    now_s = workshop.now_s
    manifest = Manifest("demo", UNIT, now_s, now_s + 60, members_of(contents), UNIT, Enrolment.CARRY, None)
    blob = pack({MANIFEST: sign_manifest(manifest, workshop.key), **contents})
    (machine.card / f"{UNIT}.bundle").write_bytes(blob)
    said = refused(machine, capsys)
    assert "broker.colour" in said
