"""The authority's key in a token: a real PKCS#11 library, SoftHSM, in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.enrolment import enrol, revoke
from anpr_edge.fleet.founding import Founding, found_fleet
from anpr_edge.fleet.issuing import now_of
from anpr_edge.fleet.keysfolder import KeysFolder
from anpr_edge.fleet.pkcs11key import Place, TokenKey, open_token_key
from anpr_edge.fleet.revocation import REASONS
from anpr_edge.fleet.unitrecord import FleetUnit
from tests.fakes import FakeClock
from tests.fleet_folders import request_for

MODULE = next(
    (
        place
        for place in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so")
        if Path(place).exists()
    ),
    "",
)
PIN = "1234"
CLOCK = FakeClock()

needs_token = pytest.mark.skipif(
    not MODULE or not shutil.which("softhsm2-util"), reason="SoftHSM is missing: apt-get install softhsm2"
)


@pytest.fixture
def token(demo: str) -> str:
    """The token, with nobody logged in."""
    import pkcs11

    pkcs11.lib(MODULE).reinitialize()
    return demo


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A token named demo; the library reads its configuration once, so that there is one for all tests."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is missing: pip install python-pkcs11")
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(config))
        subprocess.run(
            [
                "softhsm2-util",
                "--init-token",
                "--free",
                "--label",
                "demo",
                "--pin",
                PIN,
                "--so-pin",
                "567890",
            ],
            check=True,
            capture_output=True,
        )
        yield "demo"


def uri(token: str, label: str) -> str:
    return f"pkcs11:token={token};object={label}?module-path={MODULE}"


def pin(_: str) -> str:
    return PIN


@needs_token
def test_a_fleet_whose_authority_signs_in_its_token(token: str, tmp_path: Path) -> None:
    plan = Founding("demo", tmp_path / "demo", tmp_path / "keys", None, ca_key=uri(token, "ca"), pin=pin)
    fleet = found_fleet(plan, CLOCK)
    assert not (plan.keys / "ca.key").exists()
    assert PIN not in (plan.directory / "fleet.toml").read_text()
    fleet.save([FleetUnit("unit-0001")])
    authority = KeysFolder(plan.keys, pin=pin).authority(fleet, CLOCK)
    enrol(fleet, authority, "unit-0001", request_for("unit-0001"))
    own, leaf = fleet.authority_dir / "ca.crt", fleet.certificate_file("unit-0001")
    check = ["openssl", "verify", "-no_check_time", "-CAfile", str(own)]
    assert subprocess.run([*check, str(leaf)], check=False, capture_output=True).returncode == 0
    revoke(fleet, authority, fleet.unit("unit-0001"), REASONS["superseded"], now_of(CLOCK))
    crl = ["-crl_check", "-CRLfile", str(fleet.authority_dir / "crl.pem")]
    refused = subprocess.run([*check, *crl, str(leaf)], check=False, capture_output=True, text=True)
    assert "certificate revoked" in refused.stderr


@needs_token
def test_a_key_that_is_there_is_used_and_does_not_leave(token: str) -> None:
    made = open_token_key(uri(token, "own"), pin, make=True)
    again = open_token_key(uri(token, "own"), pin, make=True)
    assert again.public_key() == made.public_key()
    with pytest.raises(KeyFileError, match="the key signs in its token, and is nowhere else"):
        again.private_bytes()
    import pkcs11

    session = pkcs11.lib(MODULE).get_token(token_label=token).open()
    kept = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, label="own")
    assert (kept[pkcs11.Attribute.SENSITIVE], kept[pkcs11.Attribute.EXTRACTABLE]) == (True, False)


@needs_token
def test_what_cannot_be_opened_says_why(token: str, tmp_path: Path) -> None:
    good = uri(token, "nobody")
    plan = Founding("demo", tmp_path / "demo", tmp_path / "keys", None, ca_key=good, pin=lambda _: "9999")
    with pytest.raises(KeyFileError, match="object nobody of token demo: pin incorrect"):
        found_fleet(plan, CLOCK)
    assert list(tmp_path.iterdir()) == []
    for place, ask, words in (
        (good, pin, "no such key in the token"),
        (good, None, "needs its PIN"),
        (good.replace("token=demo", "token=other"), pin, "No token matching"),
        (good.replace(MODULE, "/nowhere/lib.so"), pin, "/nowhere/lib.so"),
    ):
        with pytest.raises(KeyFileError, match=words):
            open_token_key(place, ask)


@needs_token
def test_another_fleets_key_is_noticed(token: str, tmp_path: Path) -> None:
    plan = Founding("demo", tmp_path / "demo", tmp_path / "keys", None, ca_key=uri(token, "mine"), pin=pin)
    fleet = found_fleet(plan, CLOCK)
    open_token_key(uri(token, "theirs"), pin, make=True)
    fleet.plan = replace(fleet.plan, ca_key=uri(token, "theirs"))
    with pytest.raises(KeyFileError, match="do not belong together"):
        KeysFolder(plan.keys, pin=pin).authority(fleet, CLOCK)


def test_a_place_is_read_as_rfc_7512_writes_it() -> None:
    place = Place.parse("pkcs11:token=City%20of%20London;object=ca?module-path=/usr/lib/x.so")
    assert place == Place(Path("/usr/lib/x.so"), "City of London", "ca")


@pytest.mark.parametrize(
    "text", ["pkcs11:", "pkcs11:token=a;object=b", "pkcs11:token=a;object=b;slot=1?module-path=/x", "file:/x"]
)
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(UsageError, match="needs a token, an object and a module-path"):
        Place.parse(text)


def test_it_is_a_private_key_to_the_cryptography_package() -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    assert issubclass(TokenKey, ec.EllipticCurvePrivateKey)
