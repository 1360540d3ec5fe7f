"""Founding a fleet: what is made, who can read it, and that a refusal leaves nothing."""

from __future__ import annotations

import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from anpr_edge.errors import KeyFileError, UsageError
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.commandkey import COMMAND_KEY, COMMAND_PUBLIC, make_command_key
from anpr_edge.fleet.founding import PUBLIC_HALVES, Founding, found_fleet
from anpr_edge.fleet.keysfolder import SIGNING_KEYS, KeysFolder, read_pem
from anpr_edge.fleet.revocation import RevokedList
from tests.fakes import FakeClock
from tests.fleet_folders import request_for

CLOCK = FakeClock()
PASSPHRASE = b"correct horse battery"
NEEDS_GIT = pytest.mark.skipif(shutil.which("git") is None, reason="git is missing: apt-get install git")


@pytest.fixture
def plan(tmp_path: Path) -> Founding:
    return Founding("demo", tmp_path / "demo", tmp_path / "demo-keys", None, broker="broker.example")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_fleet_has_a_public_folder_and_a_private_one(plan: Founding) -> None:
    fleet = found_fleet(plan, CLOCK)
    assert fleet.fleet == "demo"
    assert [place.host for place in fleet.plan.brokers] == ["broker.example"]
    public = {"ca.crt", "command.pub", "crl.pem", "policy.pub", "provision.pub", "release.crt"}
    assert files(plan.directory) == {".gitignore", "fleet.toml", "units/.gitkeep"} | {
        f"authority/{name}" for name in public
    }
    assert files(plan.keys) == {".gitignore", "ca.key", "release.key", *SIGNING_KEYS}
    assert not [
        path
        for path in plan.directory.rglob("*")
        if b"PRIVATE" in (path.read_bytes() if path.is_file() else b"")
    ]


@NEEDS_GIT
def test_private_keys_are_their_owners_alone_and_git_takes_none(plan: Founding) -> None:
    found_fleet(plan, CLOCK)
    assert stat.S_IMODE(plan.keys.stat().st_mode) == 0o700
    modes = {
        stat.S_IMODE((plan.keys / name).stat().st_mode) for name in ("ca.key", "release.key", *SIGNING_KEYS)
    }
    assert modes == {0o600}
    subprocess.run(["git", "init", "-q", str(plan.keys)], check=True)
    status = subprocess.run(
        ["git", "-C", str(plan.keys), "status", "--short"], capture_output=True, check=True
    )
    assert status.stdout == b""


def test_each_public_key_is_the_half_of_its_private_one(plan: Founding) -> None:
    fleet, keys = found_fleet(plan, CLOCK), KeysFolder(plan.keys)
    for private, public in PUBLIC_HALVES.items():
        assert keys.signing_key(private).public == fleet.public_key(public)
    assert keys.release_key(fleet).public_key() == read_pem(fleet.authority_dir / "release.crt").public_key()


def test_the_release_certificate_is_the_authoritys_and_for_signing_code(plan: Founding) -> None:
    fleet = found_fleet(plan, CLOCK)
    release = read_pem(fleet.authority_dir / "release.crt")
    release.verify_directly_issued_by(read_pem(fleet.authority_dir / "ca.crt"))
    usage = release.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {one.dotted_string for one in usage} == {"1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.3"}
    assert RevokedList.load(fleet).serials == frozenset()


def test_under_a_passphrase_no_key_opens_without_it(plan: Founding) -> None:
    fleet = found_fleet(replace(plan, passphrase=PASSPHRASE), CLOCK)
    for name in ("ca.key", "release.key", *SIGNING_KEYS):
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in (plan.keys / name).read_bytes()
    keys = KeysFolder(plan.keys, lambda _: PASSPHRASE)
    keys.authority(fleet, CLOCK).issue_csr(request_for("unit-0001"), "unit-0001")
    with pytest.raises(KeyFileError, match=r"ca\.key: wrong passphrase"):
        KeysFolder(plan.keys, lambda _: b"a guess").authority(fleet, CLOCK)


@pytest.mark.parametrize("years", [-1, 11])
def test_at_the_wrong_time_nothing_is_signed(plan: Founding, years: int) -> None:
    fleet, clock = found_fleet(plan, CLOCK), FakeClock()
    clock.step_utc(years * 365 * 86_400)
    words = "this machine's clock says 2025-" if years < 0 else r"ended on 2036-.*; it is 2037-"
    with pytest.raises(KeyFileError, match=words):
        KeysFolder(plan.keys).authority(fleet, clock)


def test_no_certificate_outlasts_the_authority(plan: Founding) -> None:
    fleet, clock = found_fleet(plan, CLOCK), FakeClock()
    clock.step_utc(9.5 * 365 * 86_400)
    pem = KeysFolder(plan.keys).authority(fleet, clock).issue_csr(request_for("unit-0001"), "unit-0001")
    end = read_pem(fleet.authority_dir / "ca.crt").not_valid_after_utc
    assert x509.load_pem_x509_certificate(pem).not_valid_after_utc == end


def test_an_older_authority_can_be_gone_on_with(plan: Founding, tmp_path: Path) -> None:
    old = tmp_path / "authority"
    before = Authority.create(old, "demo", CLOCK)
    command = make_command_key(old)
    fleet = found_fleet(replace(plan, adopt=old), CLOCK)
    assert (fleet.authority_dir / "ca.crt").read_bytes() == before.cert_pem
    assert fleet.public_key(COMMAND_PUBLIC) == command
    assert KeysFolder(plan.keys).signing_key(COMMAND_KEY).public == command
    with pytest.raises(UsageError, match="the authority of fleet demo, not other"):
        found_fleet(Founding("other", tmp_path / "o", tmp_path / "k", None, adopt=old), CLOCK)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fleet": "Bad Name"}, "cannot be a fleet's"),
        ({"keys": Path("demo/keys")}, "do not go into the fleet folder"),
        ({"keys": Path("demo")}, "do not go into the fleet folder"),
        ({"directory": Path("taken")}, "is a fleet folder already"),
        ({"keys": Path("full")}, r"holds ca\.key already"),
        ({"directory": Path("file/demo")}, "file"),
        ({"ca_key": "pkcs11:token=x"}, "needs a token, an object and a module-path"),
    ],
)
def test_a_refusal_leaves_nothing(plan: Founding, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    for name in ("taken/fleet.toml", "full/ca.key", "file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    before = set(tmp_path.rglob("*"))
    there: dict[str, Any] = {
        key: tmp_path / value if isinstance(value, Path) else value for key, value in change.items()
    }
    with pytest.raises((UsageError, KeyFileError), match=words):
        found_fleet(replace(plan, **there), CLOCK)
    assert set(tmp_path.rglob("*")) == before


@NEEDS_GIT
def test_a_folder_that_is_a_git_checkout_is_filled(plan: Founding) -> None:
    subprocess.run(["git", "init", "-q", str(plan.directory)], check=True)
    plan.keys.mkdir()
    (plan.keys / "other").touch()
    found_fleet(plan, CLOCK)
    assert (plan.directory / ".git").is_dir()
    assert (plan.keys / "ca.key").exists()
