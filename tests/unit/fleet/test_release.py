"""Signed system updates, with a real rauc: what the fleet signs it believes, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from anpr_edge.devices.clock import SystemClock
from anpr_edge.errors import AnprError, KeyFileError, UsageError
from anpr_edge.fleet.folder import FleetFolder
from anpr_edge.fleet.issuing import key_pem
from anpr_edge.fleet.keysfolder import KeysFolder
from anpr_edge.fleet.release import Format, Release, check_release_dates, sign_release
from tests.fakes import FakeClock
from tests.fleet_folders import make_fleet

needs_rauc = pytest.mark.skipif(
    not (shutil.which("rauc") and shutil.which("mksquashfs")),
    reason="rauc is missing: apt-get install rauc squashfs-tools",
)


@pytest.fixture
def made(tmp_path: Path) -> tuple[FleetFolder, KeysFolder]:
    return make_fleet(tmp_path, SystemClock())


@pytest.fixture
def release(tmp_path: Path) -> Release:
    image = tmp_path / "rootfs.img"
    image.write_bytes(Random(1).randbytes(100_000))
    return Release("1.4.2-3", {"rootfs": image}, "plain", readable_by=2)


def info(bundle: Path, keyring: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["rauc", f"--keyring={keyring}", "info", "--output-format=json", str(bundle)],
        capture_output=True,
        text=True,
        check=False,
    )


@needs_rauc
@pytest.mark.parametrize("form", ["plain", "verity"])
def test_rauc_believes_what_the_fleet_signed(
    made: tuple[FleetFolder, KeysFolder], release: Release, form: Format, tmp_path: Path
) -> None:
    fleet, keys = made
    bundle = tmp_path / "one.raucb"
    both = {**release.images, "firmware": release.images["rootfs"]}
    sign_release(fleet, keys.release_key(fleet), replace(release, images=both, format=form), bundle)
    said = json.loads(info(bundle, fleet.authority_dir / "ca.crt").stdout)
    assert (said["compatible"], said["version"], said["build"]) == ("anpr-edge", "1.4.2-3", "readable-by=2")
    assert [list(image) for image in said["images"]] == [["rootfs"], ["firmware"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "demo",
        "demo-keys",
        "one.raucb",
        "rootfs.img",
    ]


@needs_rauc
def test_what_was_changed_or_is_another_fleets_is_refused(
    made: tuple[FleetFolder, KeysFolder], release: Release, tmp_path: Path
) -> None:
    fleet, keys = made
    bundle = tmp_path / "one.raucb"
    sign_release(fleet, keys.release_key(fleet), release, bundle)
    (tmp_path / "other").mkdir()
    other, _ = make_fleet(tmp_path / "other", SystemClock())
    assert "unable to get local issuer" in info(bundle, other.authority_dir / "ca.crt").stderr
    content = bytearray(bundle.read_bytes())
    content[1000] ^= 1
    bundle.write_bytes(content)
    assert info(bundle, fleet.authority_dir / "ca.crt").returncode != 0


@needs_rauc
@pytest.mark.parametrize("whose", ["unit", "server"])
def test_no_other_certificate_of_the_fleet_signs_an_update(
    made: tuple[FleetFolder, KeysFolder], release: Release, tmp_path: Path, whose: str
) -> None:
    fleet, keys = made
    authority = keys.authority(fleet, SystemClock())
    issued = authority.issue_client("unit-0001") if whose == "unit" else authority.issue_server("b.example")
    (fleet.authority_dir / "release.crt").write_bytes(issued.cert_pem)
    (keys.directory / "release.key").write_bytes(issued.key_pem)
    with pytest.raises(AnprError, match=r"rauc bundle failed: .*(purpose|[Vv]erif)"):
        sign_release(fleet, keys.release_key(fleet), release, tmp_path / "one.raucb")
    assert not (tmp_path / "one.raucb").exists()


@needs_rauc
def test_a_release_is_never_written_over(
    made: tuple[FleetFolder, KeysFolder], release: Release, tmp_path: Path
) -> None:
    fleet, keys = made
    (tmp_path / "one.raucb").write_bytes(b"kept")
    with pytest.raises(UsageError, match=r"one\.raucb exists"):
        sign_release(fleet, keys.release_key(fleet), release, tmp_path / "one.raucb")
    assert (tmp_path / "one.raucb").read_bytes() == b"kept"
    with pytest.raises(AnprError, match="No such file"):
        sign_release(fleet, keys.release_key(fleet), release, tmp_path / "nowhere" / "one.raucb")


@pytest.mark.parametrize("version", ["", "1.4.x", "1.2.3.4.5", "v1", "1.4\nbuild=x"])
def test_what_is_no_version(release: Release, version: str) -> None:
    with pytest.raises(UsageError, match="is no version"):
        replace(release, version=version).check()


def test_what_is_no_image(release: Release, tmp_path: Path) -> None:
    (tmp_path / "empty.img").touch()
    for path in (tmp_path / "empty.img", tmp_path / "none.img", tmp_path):
        with pytest.raises(UsageError, match="no image: not a file, or empty"):
            replace(release, images={"rootfs": path}).check()
    with pytest.raises(UsageError, match="no kind of slot"):
        replace(release, images={"root]fs": tmp_path / "rootfs.img"}).check()


@pytest.mark.parametrize(("years", "words"), [(-1, "clock says"), (11, "ended on")])
def test_at_the_wrong_time_nothing_is_signed(tmp_path: Path, years: int, words: str) -> None:
    fleet, _ = make_fleet(tmp_path, FakeClock())
    clock = FakeClock()
    check_release_dates(fleet, clock)
    clock.step_utc(years * 365 * 86_400)
    with pytest.raises(KeyFileError, match=words):
        check_release_dates(fleet, clock)


def test_another_key_than_the_certificates(made: tuple[FleetFolder, KeysFolder]) -> None:
    fleet, keys = made
    (keys.directory / "release.key").write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(KeyFileError, match="do not belong together"):
        keys.release_key(fleet)
