"""A unit's slots in a folder: a boot partition, the firmware's word on what it booted, a data partition."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from anpr_edge.update.autoboot import AUTOBOOT_FILE, parse, render
from anpr_edge.update.bootstore import BootStore
from anpr_edge.update.layout import Layout
from anpr_edge.update.record import RECORD_FILE, Recorder
from anpr_edge.update.updater import Updater
from tests.fakes import FakeClock

PLACES = ("boot_dir", "state_dir", "rauc_config", "release_file", "bootloader_dir")

FAKE_REBOOT = """#!/bin/sh
# What the firmware keeps over a restart that was asked for: the one-shot flag, in {flag}.
case "$*" in *"--reboot-argument=0 tryboot"*) echo 1 >{flag} ;; *) rm -f {flag} ;; esac
echo "$*" >>{log}
"""


@dataclass
class Board:
    """A Raspberry Pi's boot, as far as an update meets it. `folder` is where all of it lies."""

    folder: Path

    def __post_init__(self) -> None:
        for name in ("select", "bootloader", "data/update/incoming", "slots"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "select" / AUTOBOOT_FILE).write_bytes(render(2, 3))
        reboot = self.folder / "reboot"
        reboot.write_text(FAKE_REBOOT.format(flag=self.flag, log=self.folder / "reboots"))
        reboot.chmod(0o755)
        self.version_is("1.0.0")
        self.start()

    @classmethod
    def found(cls, folder: Path) -> Board:
        """The one that lies in `folder` already."""
        board = cls.__new__(cls)
        board.folder = folder
        return board

    @property
    def flag(self) -> Path:
        """The one-shot flag: set by a reboot that asks for it, gone with the start that heeds it."""
        return self.folder / "tryboot.flag"

    @property
    def layout(self) -> Layout:
        return Layout(
            boot_dir=self.folder / "select",
            state_dir=self.folder / "data" / "update",
            rauc_config=self.folder / "system.conf",
            release_file=self.folder / "release",
            bootloader_dir=self.folder / "bootloader",
            reboot=(str(self.folder / "reboot"),),
        )

    def describe(self) -> None:
        """Write the layout where programs look for it: `slots.toml`."""
        places = {name: getattr(self.layout, name) for name in PLACES}
        text = "".join(f'{name} = "{path}"\n' for name, path in places.items())
        (self.folder / "slots.toml").write_text(f'{text}reboot = ["{self.folder}/reboot"]\n')

    @property
    def store(self) -> BootStore:
        return BootStore(self.layout)

    @property
    def reboots(self) -> list[str]:
        log = self.folder / "reboots"
        return log.read_text().splitlines() if log.exists() else []

    def version_is(self, version: str) -> None:
        (self.folder / "release").write_text(f"{version}\n")

    def updater(self, clock: FakeClock, *, broker: bool | None = True) -> Updater:
        recorder = Recorder(self.layout.state_dir, self.folder / "data")
        return Updater(self.layout, recorder, clock, broker_reached=lambda: broker)

    def start(self) -> str:
        """Start as the firmware does: the tryboot flag counts once. Gives the slot that is booted."""
        tried = self.flag.exists()
        self.flag.unlink(missing_ok=True)
        boots, tries = parse((self.folder / "select" / AUTOBOOT_FILE).read_bytes())
        partition = tries if tried else boots
        for name, value in (("partition", partition), ("tryboot", int(tried))):
            (self.folder / "bootloader" / name).write_bytes(value.to_bytes(4, "big"))
        slot = self.layout.slot_of(partition)
        assert slot is not None
        return slot

    def cut_power(self) -> str:
        """A start without the flag: it does not outlive the power."""
        self.flag.unlink(missing_ok=True)
        return self.start()

    def record(self) -> dict[str, object]:
        found: dict[str, object] = json.loads((self.layout.state_dir / RECORD_FILE).read_text())
        return found

    def audit(self) -> list[str]:
        log = self.folder / "data" / "audit.log"
        return [json.loads(line)["event"] for line in log.read_text().splitlines()] if log.exists() else []
