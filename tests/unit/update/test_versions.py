"""Which version is newer, and what a release has to know of the one before it."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge import __version__, commandstore, commissioning, dailycounts, hourly
from anpr_edge.errors import UpdateError
from anpr_edge.outbox import migrations
from anpr_edge.update.layout import Layout, load_layout
from anpr_edge.update.raucconf import Device, RaucConfig
from anpr_edge.update.versions import DATA_FORMAT, Version, running_version

ROOT = Path(__file__).parents[3]

KEPT = {"outbox": 2, "commands": 1, "hours": 1, "counts": 1, "commissioning": 1}
"""What is kept over an update, and its schemas under DATA_FORMAT 1."""


def test_what_is_kept_over_an_update_is_as_the_release_before_knows_it() -> None:
    """Fails when a schema rises: can the release before use what is written now?

    When it can (docs/update.md, "The way back"), note the new schema in KEPT. When it cannot, raise
    DATA_FORMAT, and sign the release with --readable-by of the new one.
    """
    now = {
        "outbox": migrations.SCHEMA_VERSION,
        "commands": commandstore.SCHEMA_VERSION,
        "hours": hourly.HOURS_SCHEMA,
        "counts": dailycounts.COUNTS_SCHEMA,
        "commissioning": commissioning.SCHEMA,
    }
    assert (now, DATA_FORMAT) == (KEPT, 1)


@pytest.mark.parametrize(
    ("newer", "older"),
    [("1.10.0", "1.9.9"), ("1.4.2-3", "1.4.2-2"), ("1.4.2-1", "1.4.2"), ("1.4.0.1", "1.4"), ("2", "1.99")],
)
def test_versions_are_compared_by_their_numbers(newer: str, older: str) -> None:
    assert Version.parse(newer).is_newer_than(Version.parse(older))
    assert not Version.parse(older).is_newer_than(Version.parse(newer))


@pytest.mark.parametrize("text", ["", "v1", "1.2.3.4.5", "1.2-rc1", "1..2", "1.2 ", "9" * 10])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(UpdateError, match="is no version"):
        Version.parse(text)


def test_missing_parts_are_zero() -> None:
    assert Version.parse("1.4") == Version.parse("1.4.0")


def test_the_image_says_its_version_else_the_software_does(tmp_path: Path) -> None:
    assert running_version(tmp_path / "none") == __version__
    (tmp_path / "release").write_text("1.4.2-3\n")
    assert running_version(tmp_path / "release") == "1.4.2-3"


def test_the_layout_that_is_shipped_is_the_usual_one() -> None:
    assert load_layout(ROOT / "systemd" / "slots.toml") == Layout()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("boot = 1", "unknown key boot"),
        ("boot_dir = 'boot'", "boot_dir must be an absolute path"),
        ("partitions = { A = 2, B = 2 }", "two different numbers"),
        ("partitions = { A = 2 }", "two different numbers"),
        ("reboot = 'reboot'", "reboot must be a command's words"),
        ("[", "slots.toml"),
    ],
)
def test_a_layout_that_cannot_be_is_said(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "slots.toml").write_text(text)
    with pytest.raises(UpdateError, match=why):
        load_layout(tmp_path / "slots.toml")


def test_the_shipped_rauc_configuration_has_a_root_and_boot_files_in_each_slot() -> None:
    config = RaucConfig.read(ROOT / "systemd" / "rauc-system.conf")
    by_label = Path("/dev/disk/by-partlabel")
    assert config.slots["B"] == (
        Device("rootfs", by_label / "root_b"),
        Device("firmware", by_label / "firmware_b"),
    )
    assert config.compatible == "anpr-edge"


@pytest.mark.parametrize(
    "text",
    ["", "[system]\n", "[system]\ncompatible=x\n[slot.rootfs.0]\nbootname=A\n", "[system]\ncompatible=x\n"],
)
def test_a_rauc_configuration_without_two_slots_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "system.conf").write_text(text)
    with pytest.raises(UpdateError, match=r"system\.conf"):
        RaucConfig.read(tmp_path / "system.conf")
