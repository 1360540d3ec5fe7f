"""Credentials that change on the disk, without a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import UplinkError
from anpr_edge.fleet.authority import Authority
from anpr_edge.uplink.tls import Credentials
from anpr_edge.uplink.wallet import LOOK_EVERY_S, Wallet
from tests.fakes import FakeClock


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.create(tmp_path / "authority", "demo", SystemClock())


@pytest.fixture
def files(tmp_path: Path, authority: Authority) -> Credentials:
    put(tmp_path, authority)
    return Credentials(tmp_path / "ca.crt", tmp_path / "tls.crt", tmp_path / "tls.pem")


def put(folder: Path, authority: Authority) -> None:
    issued = authority.issue_client("unit-0001")
    (folder / "ca.crt").write_bytes(authority.cert_pem)
    (folder / "tls.crt").write_bytes(issued.cert_pem)
    (folder / "tls.pem").write_bytes(issued.key_pem)


def test_the_same_files_are_read_once(files: Credentials) -> None:
    wallet = Wallet(files, FakeClock())
    assert wallet.context() is wallet.context()
    assert wallet.generation == 1


def test_new_files_are_seen_at_the_next_look(
    files: Credentials, authority: Authority, tmp_path: Path
) -> None:
    clock = FakeClock()
    wallet = Wallet(files, clock)
    wallet.look()
    old = wallet.secret_name()
    put(tmp_path, authority)
    wallet.look()
    assert wallet.generation == 1, "it has just looked"
    clock.advance(LOOK_EVERY_S)
    wallet.look()
    assert wallet.generation == 2
    assert wallet.secret_name() != old


def test_half_of_a_new_pair_is_trouble_until_the_other_half_comes(
    files: Credentials, authority: Authority, tmp_path: Path
) -> None:
    wallet = Wallet(files, FakeClock())
    context = wallet.context()
    issued = authority.issue_client("unit-0001")
    files.cert_file.write_bytes(issued.cert_pem)
    assert wallet.context() is context
    assert "not a certificate and its own" in wallet.trouble
    files.key_file.write_bytes(issued.key_pem)
    assert wallet.context() is not context
    assert not wallet.trouble


def test_nothing_at_all_is_an_error_with_a_hint(tmp_path: Path) -> None:
    nothing = Credentials(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    with pytest.raises(UplinkError) as caught:
        Wallet(nothing, FakeClock()).context()
    assert caught.value.hint


def test_a_certificate_whose_time_comes_is_not_taken_twice(files: Credentials) -> None:
    clock = FakeClock()

    def examine(_: Credentials) -> int:
        if clock.now().mono_ns < 10**10:
            raise UplinkError("not yet valid")
        return 5 * 86_400 * 10**9 + clock.now().utc_ns

    wallet = Wallet(files, clock, examine)
    wallet.look(now=True)
    assert wallet.trouble == "not yet valid"
    clock.advance(20 * 60)
    wallet.look()
    assert (wallet.trouble, wallet.generation) == ("", 1)
    assert wallet.state()["days_left"] == 5.0
