"""Bundles to test with: an authority, a provision key, and what one unit's bundle holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anpr_edge.bundlefile import COMMAND_KEY, CONFIG, TRUST
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.authority import Authority
from anpr_edge.fleet.bundle import BundleOrder, make_bundle
from anpr_edge.seal.keys import SigningKey
from tests.unit.config.samples import ACK_KEY, RECIPIENT

FLEET, UNIT = "demo", "unit-0001"


def config_text(unit: str = UNIT, fleet: str = FLEET, more: str = "") -> bytes:
    """A unit's configuration, with a feed of its own."""
    return f"""\
[unit]
fleet = "{fleet}"
id = "{unit}"

[camera]
source = "synthetic"

[feeds.charging]
purpose = "road user charging"
recipients = ["{RECIPIENT}"]
ack_key = "{ACK_KEY}"

[broker]
host = "localhost"
{more}""".encode()


@dataclass
class Workshop:
    """Where bundles of fleet demo are made."""

    folder: Path
    key: SigningKey = field(default_factory=SigningKey.generate)
    command_key: SigningKey = field(default_factory=SigningKey.generate)

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.authority = Authority.create(self.folder / "authority", FLEET, self.clock)

    @property
    def now_s(self) -> int:
        """The machine's time."""
        return self.clock.now().utc_ns // 10**9

    def contents(self, unit: str = UNIT, **more: bytes) -> dict[str, bytes]:
        """A bundle's members but the manifest; `more` by name, with `_` for the dot."""
        made = {
            CONFIG: config_text(unit),
            TRUST: self.authority.cert_pem,
            COMMAND_KEY: f"{self.command_key.public.text}\n".encode(),
        }
        return made | {name.replace("_", "."): content for name, content in more.items()}

    def bundle(
        self,
        unit: str = UNIT,
        contents: Mapping[str, bytes] | None = None,
        made_s: int | None = None,
        days: int = 90,
        key: SigningKey | None = None,
        **more: Any,
    ) -> bytes:
        """A bundle, as `anpr-fleet unit bundle` makes it."""
        fleet = more.pop("fleet", FLEET)
        order = BundleOrder(fleet, unit, contents or self.contents(unit), hostname=unit, **more)
        return make_bundle(order, key or self.key, self.now_s if made_s is None else made_s, days)


@dataclass
class Machine:
    """A flashed card, no unit yet when it is new: its root and the folder that a laptop can write."""

    root: Path

    def __post_init__(self) -> None:
        self.card = self.root / "boot/firmware/anpr"
        self.etc = self.root / "etc/anpr-edge"
        self.state = self.root / "var/lib/anpr-edge"
        self.keys = self.state / "keys"
        self.card.mkdir(parents=True, exist_ok=True)
        self.etc.mkdir(parents=True, exist_ok=True)

    def trust(self, workshop: Workshop) -> None:
        """Put the trust anchor where the image has it."""
        (self.etc / "provision.pub").write_text(f"{workshop.key.public.text}\n")

    def files(self) -> dict[str, bytes]:
        """Everything on it, by its path below the root."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
        }
