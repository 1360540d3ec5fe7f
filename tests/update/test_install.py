"""Updates with real RAUC: a good bundle is tried and committed, and no other one touches a slot."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.update.rig import CLIENT_AUTH, IMAGE_BYTES, SLOT_BYTES, Signer, Unit, missing, release_signer, run

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture
def unit(tmp_path: Path) -> Unit:
    return Unit(tmp_path)


def untouched(unit: Unit) -> bool:
    """Both slots hold what they did, and the firmware boots A."""
    empty = hashlib.sha256(bytes(IMAGE_BYTES)).hexdigest()
    slots = unit.board.store.load()
    return (unit.held("A"), unit.held("B"), slots.primary, unit.board.start()) == (unit.old, empty, "A", "A")


def test_a_good_bundle_is_tried_once_and_committed_by_its_gate(unit: Unit) -> None:
    bundle, new = unit.bundle("1.1.0")
    code, said = unit.update(bundle)
    assert code == 0, said
    assert unit.board.reboots == ["--reboot-argument=0 tryboot"]
    assert (unit.held("A"), unit.held("B")) == (unit.old, new)
    assert unit.board.start() == "B"
    assert unit.board.cut_power() == "A", "a trial is not kept by itself"
    code, said = unit.update(bundle, "gate")
    assert code == 0, said
    assert [unit.board.cut_power(), unit.board.start()] == ["B", "B"]
    assert unit.board.record()["phase"] == "committed"
    assert unit.board.audit() == [
        "update-installed",
        "update-rolled-back",
        "update-installed",
        "update-committed",
    ]


def test_the_next_update_goes_into_the_first_slot(unit: Unit) -> None:
    first, at_b = unit.bundle("1.1.0")
    second, at_a = unit.bundle("1.2.0-1")
    assert unit.update(first, "gate")[0] == 0
    unit.board.cut_power()
    unit.board.version_is("1.1.0")
    assert unit.update(second, "gate")[0] == 0
    assert (unit.held("A"), unit.held("B"), unit.board.cut_power()) == (at_a, at_b, "A")


def test_as_units_are_shipped_the_boot_files_go_with_the_root_file_system(unit: Unit) -> None:
    unit.as_shipped()
    firmware = Random(3).randbytes(IMAGE_BYTES // 2)
    path, new = unit.bundle("1.1.0", compatible="anpr-edge", firmware=firmware)
    code, said = unit.update(path, "gate")
    assert code == 0, said
    assert (unit.held("A"), unit.held("B"), unit.board.cut_power()) == (unit.old, new, "B")
    boot_files = [(unit.folder / "slots" / f"firmware_{slot}").read_bytes() for slot in "ab"]
    assert [held[: len(firmware)] == firmware for held in boot_files] == [False, True]


def damaged(unit: Unit, how: str) -> tuple[Path, str]:
    """A bundle that must not be installed, and why not."""
    path, _ = unit.bundle("1.1.0")
    content = bytearray(path.read_bytes())
    if how == "tampered at its start":
        content[IMAGE_BYTES // 3] ^= 1
    elif how == "tampered in its signature":
        content[-200] ^= 1
    elif how == "half-written":
        content = content[: len(content) // 2]
    elif how == "empty":
        content.clear()
    path.write_bytes(content)
    return path, "refused"


@pytest.mark.parametrize(
    "how", ["tampered at its start", "tampered in its signature", "half-written", "empty"]
)
def test_a_damaged_bundle_is_refused_and_nothing_is_written(unit: Unit, how: str) -> None:
    path, why = damaged(unit, how)
    code, said = unit.update(path)
    assert code == 1
    assert why in said
    assert "fetch it again" in said
    assert untouched(unit)


def others(unit: Unit) -> Iterator[tuple[str, dict[str, object], str]]:
    stranger = Signer.make(unit.folder, "stranger")
    for name, signer in (
        ("of another fleet", release_signer(unit.folder, stranger, "other")),
        ("of another key of this fleet's", release_signer(unit.folder, unit.authority, "former")),
        (
            "signed with a unit's certificate",
            Signer.make(unit.folder, "unit-0002", CLIENT_AUTH, by=unit.authority),
        ),
        ("signed by the authority itself", unit.authority),
    ):
        yield name, {"signer": signer}, "refused"
    yield "for other units", {"compatible": "anpr-edge-cm9"}, "made for anpr-edge-cm9, this unit is"
    yield "the version that runs", {"version": "1.0.0"}, "version 1.0.0 is not newer than 1.0.0"
    yield "an older one", {"version": "0.9.9"}, "version 0.9.9 is not newer than 1.0.0"
    yield "no version", {"version": "latest"}, "'latest' is no version"
    yield "without a way back", {"build": "readable-by=999"}, "there would be no way back"
    yield "silent about the way back", {"build": "b1"}, "does not say build=readable-by"
    yield "too large", {"size": SLOT_BYTES + 4096}, f"{unit.folder}/slots/B holds {SLOT_BYTES}"


def test_a_bundle_that_does_not_fit_is_refused_and_nothing_is_written(unit: Unit) -> None:
    """Each alone, and signed by whoever the fleet does not let sign systems."""
    for name, how, why in others(unit):
        path, _ = unit.bundle(**{"version": "1.1.0", **how})  # type: ignore[arg-type]
        code, said = unit.update(path)
        assert code == 1, name
        assert why in said, name
        assert untouched(unit), name


def test_an_older_version_is_installed_when_that_is_wanted(unit: Unit) -> None:
    path, old = unit.bundle("0.9.9")
    assert unit.update(path, "older", "gate")[0] == 0
    assert (unit.held("B"), unit.board.cut_power()) == (old, "B")


def test_a_full_data_partition_refuses_before_a_slot_is_written(unit: Unit) -> None:
    path, _ = unit.bundle("1.1.0")
    data = unit.folder / "data"
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", data)
    try:
        (data / "update" / "incoming").mkdir(parents=True)
        assert subprocess.run(
            ["dd", "if=/dev/zero", f"of={data}/filler"], capture_output=True, check=False
        ).returncode
        code, said = unit.update(path)
        assert code == 1
        assert "No space left on device" in said
        assert untouched(unit)
    finally:
        run("umount", data)


def test_an_update_on_trial_is_not_written_over(unit: Unit) -> None:
    path, new = unit.bundle("1.1.0")
    assert unit.update(path)[0] == 0
    assert unit.board.start() == "B"
    code, said = unit.update(path)
    assert code == 1
    assert "slot B is on trial, and A is the way back" in said
    assert (unit.held("A"), unit.held("B")) == (unit.old, new)


def test_what_a_card_holds_is_read_back(unit: Unit) -> None:
    """A slot that forgets: RAUC is content, the trial does not begin."""
    path, _ = unit.bundle("1.1.0")
    spoil = f"printf x | dd of={unit.folder}/slots/B bs=1 seek=5000 conv=notrunc 2>/dev/null"
    hook = f"[handlers]\npost-install={unit.folder}/spoil\n"
    (unit.folder / "spoil").write_text(f"#!/bin/sh\n{spoil}\n")
    (unit.folder / "spoil").chmod(0o755)
    config = unit.folder / "system.conf"
    config.write_text(config.read_text().replace("[handlers]\n", hook))
    code, said = unit.update(path)
    assert code == 1
    assert "does not hold what was written" in said
    assert unit.board.store.load().primary == "A"
    assert unit.board.record()["phase"] == "failed"
