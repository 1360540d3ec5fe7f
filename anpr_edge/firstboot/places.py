"""Where things lie on a unit before and while it becomes one; `root` is / on the unit itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

CARD_FOLDER: Final = Path("/boot/firmware/anpr")
"""On the card's FAT partition, as Raspberry Pi OS has mounted it since Bookworm."""

STATE: Final = Path("/var/lib/anpr-edge")


@dataclass(frozen=True, slots=True)
class Places:
    """The unit's own places. `card` is the folder that a laptop can write."""

    root: Path = Path("/")
    card: Path = CARD_FOLDER

    def at(self, path: Path) -> Path:
        """An absolute path of the unit, as it is reached from here."""
        return self.root / path.relative_to("/")

    @property
    def config_file(self) -> Path:
        """The unit's configuration."""
        return self.at(Path("/etc/anpr-edge/unit.toml"))

    @property
    def config_before(self) -> Path:
        """The one before, when areas of it were replaced, as the aim page keeps it."""
        return self.at(Path("/etc/anpr-edge/unit.toml.before"))

    @property
    def anchor(self) -> Path:
        """The fleet's provision key, put there by the image: whose bundles are believed."""
        return self.at(Path("/etc/anpr-edge/provision.pub"))

    @property
    def hostname(self) -> Path:
        """The unit's host name, for anpr-edge-provision.service to set."""
        return self.at(Path("/etc/anpr-edge/hostname"))

    @property
    def state(self) -> Path:
        """What survives an update of the system."""
        return self.at(STATE)

    @property
    def work(self) -> Path:
        """What root alone may put there: the services write in the state folder, and must not in this one."""
        return self.at(Path("/etc/anpr-edge/provision"))

    @property
    def pending(self) -> Path:
        """A bundle that has been accepted and is not wholly installed."""
        return self.work / "pending.bundle"

    @property
    def record(self) -> Path:
        """What was taken last, JSON."""
        return self.work / "taken.json"

    @property
    def retiring(self) -> Path:
        """The note of a retirement under way, JSON."""
        return self.work / "retiring.json"

    @property
    def clock(self) -> Path:
        """Seconds of UTC to set a clock to that is behind them, for anpr-edge-provision.service."""
        return self.work / "clock"
