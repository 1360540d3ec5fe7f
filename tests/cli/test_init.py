"""A unit gets its identity once, and keeps it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from anpr_edge.cli.edge import main
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.provision import enrol
from anpr_edge.seal.keys import SigningKey, VerifyKey
from tests.fakes import FakeClock
from tests.software_tpm import software_tpm
from tests.unit.config.samples import MINIMAL


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "var" / "state"


def init(state: Path, *more: str, unit: str = "unit-7") -> int:
    return main(["init", "--state", str(state), "--fleet", "london", "--unit", unit, *more])


def contents(state: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (state / "keys").iterdir() if file.is_file()}


def test_keys_are_their_owners_alone(state: Path) -> None:
    assert init(state) == 0
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (state / "keys").iterdir()}
    assert set(modes) == {"sign.pem", "sign.pub", "open.pem", "open.pub", "tls.pem", "tls.csr"}
    assert modes["sign.pem"] == modes["tls.pem"] == modes["open.pem"] == 0o600
    assert modes["sign.pub"] == 0o644
    assert stat.S_IMODE((state / "keys").stat().st_mode) == 0o700


def test_the_request_asks_for_the_units_name(state: Path) -> None:
    init(state)
    request = x509.load_pem_x509_csr((state / "keys/tls.csr").read_bytes())
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == "CN=unit-7"
    key = request.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"


def test_the_verify_key_is_told(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    text = SigningKey.load(state / "keys/sign.pem").public.text
    said = capsys.readouterr()
    assert f"verify key  {text}" in said.out.splitlines()
    assert "tls.crt" in said.err


def test_the_uplink_gets_the_public_half_in_a_file(state: Path) -> None:
    init(state)
    assert VerifyKey.load(state / "keys/sign.pub") == SigningKey.load(state / "keys/sign.pem").public


def test_a_public_half_of_another_key_is_noticed(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    (state / "keys/sign.pub").write_text(SigningKey.generate().public.text)
    assert init(state) == 1
    assert "not the public half of sign.pem" in capsys.readouterr().err


def test_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state, "--json")
    assert json.loads(capsys.readouterr().out) == {
        "schema": 1,
        "fleet": "london",
        "unit": "unit-7",
        "keys_dir": str(state / "keys"),
        "verify_key": SigningKey.load(state / "keys/sign.pem").public.text,
        "open_key": (state / "keys/open.pub").read_text().strip(),
        "request": str(state / "keys/tls.csr"),
        "made": ["sign.pem", "sign.pub", "tls.pem", "tls.csr", "open.pem", "open.pub"],
        "kept": [],
    }


def test_the_signing_key_can_be_made_in_a_tpm(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        assert init(state, "--tpm", chip.place) == 0
        said = capsys.readouterr()
        verify_key = VerifyKey.load(state / "keys/sign.pub")
        assert verify_key.text.startswith("p256:")
        assert f"verify key  {verify_key.text}" in said.out.splitlines()
        assert b"TSS2 PRIVATE KEY" in (state / "keys/sign.pem").read_bytes()
        assert init(state, "--tpm", chip.place) == 0
        assert VerifyKey.load(state / "keys/sign.pub") == verify_key
    assert init(state) == 1
    assert "lies in a TPM, and nothing says in which" in capsys.readouterr().err


def test_a_key_from_before_the_tpm_is_kept_and_told(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(state)
    before = VerifyKey.load(state / "keys/sign.pub")
    with software_tpm(tmp_path / "chip") as chip:
        assert init(state, "--tpm", chip.place) == 0
        assert VerifyKey.load(state / "keys/sign.pub") == before
        assert "--force-new-identity makes one in the TPM" in capsys.readouterr().err
        assert init(state, "--tpm", chip.place, "--force-new-identity") == 0
    assert VerifyKey.load(state / "keys/sign.pub").text.startswith("p256:")


def test_a_tpm_that_is_not_there_makes_no_key(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init(state, "--tpm", "/dev/no-such-tpm") == 1
    assert "tpm" in capsys.readouterr().err
    assert contents(state) == {}


def test_a_second_run_keeps_everything_and_says_so(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    first = contents(state)
    capsys.readouterr()
    assert init(state, "--json") == 0
    assert contents(state) == first
    again = json.loads(capsys.readouterr().out)
    assert again["made"] == []
    assert again["kept"] == ["sign.pem", "sign.pub", "tls.pem", "tls.csr", "open.pem", "open.pub"]


def test_what_is_missing_is_made(state: Path) -> None:
    init(state)
    first = contents(state)
    (state / "keys/tls.csr").unlink()
    (state / "keys/.sign.pem.new").write_text("left behind when the power went")
    assert init(state) == 0
    assert contents(state)["sign.pem"] == first["sign.pem"]
    assert contents(state)["tls.pem"] == first["tls.pem"]
    assert "tls.csr" in contents(state)


def test_another_units_keys_are_not_taken_over(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    first = contents(state)
    assert init(state, unit="unit-8") == 1
    assert "made for unit unit-7, not unit-8" in capsys.readouterr().err
    assert contents(state) == first


def test_a_new_identity_has_to_be_asked_for(state: Path) -> None:
    init(state)
    first = contents(state)
    (state / "keys/tls.crt").write_text("of the old key")
    assert init(state, "--force-new-identity", unit="unit-8") == 0
    second = contents(state)
    assert set(second) == {"sign.pem", "sign.pub", "open.pem", "open.pub", "tls.pem", "tls.csr"}
    assert all(second[name] != first[name] for name in second)


def test_a_request_for_another_key_is_noticed(state: Path, tmp_path: Path) -> None:
    init(state)
    other = tmp_path / "other"
    init(other)
    (state / "keys/tls.csr").write_bytes((other / "keys/tls.csr").read_bytes())
    assert init(state) == 1


def test_a_damaged_request_is_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    (state / "keys/tls.csr").write_text("no request")
    capsys.readouterr()
    assert init(state) == 1
    assert capsys.readouterr().err.startswith(f"error: {state}/keys/tls.csr: not a certificate request")


def test_a_key_others_can_read_is_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    (state / "keys/tls.pem").chmod(0o640)
    assert init(state) == 1
    assert "hint: chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"]
)
def test_a_damaged_key_is_refused_and_left_alone(state: Path, damage: bytes) -> None:
    init(state)
    (state / "keys/tls.pem").write_bytes(damage)
    assert init(state) == 1
    assert (state / "keys/tls.pem").read_bytes() == damage


def test_names_from_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "unit.toml"
    config.write_text(MINIMAL.replace("[unit]", '[unit]\nstate_dir = "state"'), encoding="utf-8")
    assert main(["init", "--config", str(config), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["fleet"], told["unit"]) == ("london", "unit-7")
    assert (tmp_path / "state/keys/sign.pem").exists()


@pytest.mark.parametrize(
    "argv",
    [
        ["--state", "x"],
        ["--config", "x", "--unit", "u"],
        ["--state", "x", "--fleet", "F!", "--unit", "u"],
    ],
)
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *argv]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "state").write_text("a file is in the way")
    assert init(tmp_path / "state") == 1
    assert "cannot make the keys' folder" in capsys.readouterr().err


def test_by_itself_it_looks_where_the_other_commands_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("anpr_edge.cli.init.DEFAULT_CONFIG", tmp_path / "unit.toml")
    assert main(["init"]) == 78
    assert "no such configuration file" in capsys.readouterr().err
    (tmp_path / "unit.toml").write_text(MINIMAL.replace("[unit]", '[unit]\nstate_dir = "state"'), "utf-8")
    assert main(["init"]) == 0
    assert (tmp_path / "state/keys/sign.pem").exists()


def test_an_old_identity_is_kept_aside_and_named(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(state)
    first = contents(state)
    (state / "outbox.db").write_bytes(b"reads")
    capsys.readouterr()
    assert init(state, "--force-new-identity") == 0
    (aside,) = (state / "keys").glob("replaced-*")
    assert {file.name: file.read_bytes() for file in aside.iterdir()} == first
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700
    said = capsys.readouterr().err
    assert f"to {aside}" in said
    assert "signed with the old key" in said


def test_what_is_done_is_not_asked_for_again(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(state)
    authority = Authority.create(tmp_path / "authority", "london", FakeClock())
    enrol(authority, state, "unit-7")
    capsys.readouterr()
    init(state)
    assert "next:" not in capsys.readouterr().err
    (state / "keys/ca.crt").unlink()
    init(state)
    said = capsys.readouterr().err
    assert f"bring the authority's ca.crt to {state}/keys/ca.crt" in said
    assert "enrol" not in said


def test_a_certificate_of_another_key_is_not_taken_for_done(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    init(state)
    issued = Authority.create(tmp_path / "authority", "london", FakeClock()).issue_client("unit-7")
    (state / "keys/tls.crt").write_bytes(issued.cert_pem)
    capsys.readouterr()
    init(state)
    said = capsys.readouterr().err
    assert "is for another key" in said
    assert "anpr-fleet enrol tls.csr --fleet-dir FLEET --unit unit-7" in said
