"""Boots an image on an emulated machine, from a card flashed like any other, and says whether it works.

The kernel, initramfs and command line are those on the image's firmware partition. Not emulated is what the
Raspberry Pi's own boot loader does before: reading config.txt, overlays and autoboot.txt.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anpr_edge.cli.output import note
from anpr_edge.errors import ImageError
from scripts.imaging import boot_unit, fat, initramfs
from scripts.imaging.boot_probe import MARK
from scripts.imaging.firmware import INITRAMFS, KERNEL
from scripts.imaging.flash import flash
from scripts.imaging.gpt import starts
from scripts.imaging.tools import find

CARD_BYTES = 8_000_000_000
"""A small card: larger than the image, so that the data partition has to grow."""
SERIAL = "console=ttyAMA0"
PATIENT = "systemd.default_timeout_start_sec=900"
"""Emulated, everything takes ten times as long: what is slow has not failed."""
NOT_ON_SERIAL = ("console=", "quiet")
LISTEN_NOT = ("tcp", "udp")
DHCP_CLIENT = (":68", ":546")
"""What a DHCP client asks from, and takes its answer at: no service. Source: RFC 2131, RFC 8415."""


@dataclass(slots=True)
class Verdict:
    """What was seen of a boot, and what was missing for it to be good.

    `refusal`: it is good when the unit takes no bundle, says why, and does nothing.
    """

    refusal: bool = False
    seen: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def faults(self) -> list[str]:
        """Everything that keeps the boot from being good; empty when it is."""
        if not self.seen:
            return ["the machine said nothing: it did not boot as far as its services"]
        faults = self._not_refused() if self.refusal else self._not_at_work()
        if not self.last:
            return [*faults, "the machine did not come to its end"]
        faults += [f"{name} has failed" for name in self.last["failed"] if not self._may_fail(name)]
        faults += [
            f"something listens: {' '.join(line)}" for line in self.last["listening"] if _listens(line)
        ]
        root = self.last["mounts"].get("/", "")
        if not root.endswith(" ro"):
            faults.append(f"the root file system is not read-only: {root}")
        return faults

    def _not_at_work(self) -> list[str]:
        faults = [f"{name} is {state}" for name, state in self.seen["active"].items() if state != "active"]
        if not _committed(self.seen):
            faults.append("no read was sealed and committed")
        return faults

    def _not_refused(self) -> list[str]:
        faults = [f"{name} is active" for name, state in self.seen["active"].items() if state == "active"]
        said = [line for line in self.last.get("provision", []) if line.startswith("error: ")]
        if self.seen["provision"] != "failed" or len(said) != 1:
            faults.append(f"no bundle was refused in one message: {' '.join(said) or 'there is none'}")
        elif said[0].removeprefix("error: ") not in self.last["on_card"]:
            faults.append("why the bundle was refused is not on the card")
        return faults

    def _may_fail(self, name: str) -> bool:
        """A machine that became no unit has a service that says so, and others with nothing to do."""
        return self.refusal and name.startswith("anpr-edge-")


def boot(
    image: Path, scratch: Path, log: Path, *, bundle: Path | None, limit_s: float, refusal: bool = False
) -> Verdict:
    """Flash `image` onto a file as large as a small card, boot that, and listen on its serial line.

    With a `bundle` the unit provisions itself from it, or is to refuse it; otherwise it is given an identity
    of its own.

    Raises: ImageError when the image cannot be flashed or the emulator does not run.
    """
    find("qemu-system-aarch64")
    card = scratch / "card.img"
    with card.open("wb") as file:
        file.truncate(CARD_BYTES)
    flash(image, card, bundle, sure=lambda target: None)
    places = starts(card)
    if bundle is None:
        files = boot_unit.prepare(scratch / "rig")
        boot_unit.put(card, places["data"], files)
    command = _machine(card, places["firmware_a"], scratch, limit_s)
    note(f"booting; its serial line goes to {log}")
    verdict, begun = Verdict(refusal), time.monotonic()
    for said in _listen(command, log, limit_s * 1.5):
        if "last" in said:
            verdict.last = said["last"]
        else:
            verdict.seen = said
            note(f"  {said['up_s']:>5} s after power-on: {_summary(said)}")
    verdict.seconds = time.monotonic() - begun
    return verdict


def _machine(card: Path, firmware: int, scratch: Path, limit_s: float) -> list[str]:
    """The emulator's command line: a plain arm64 board, the card its disk, a network that leads nowhere."""
    kernel, initrd = scratch / "kernel", scratch / "initrd"
    kernel.write_bytes(fat.read(card, KERNEL, offset=firmware))
    program = Path(__file__).with_name("boot_probe.py").read_bytes()
    initrd.write_bytes(initramfs.probe(program, limit_s) + fat.read(card, INITRAMFS, offset=firmware))
    words = fat.read(card, "cmdline_a.txt", offset=firmware).decode().split()
    words = [SERIAL, PATIENT, *(word for word in words if not word.startswith(NOT_ON_SERIAL))]
    return [
        *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", "2048"),
        *("-accel", "tcg,thread=multi,tb-size=512", "-display", "none", "-no-reboot"),
        *("-kernel", str(kernel), "-initrd", str(initrd), "-append", " ".join(words)),
        *("-drive", f"file={card},format=raw,if=virtio,cache=unsafe"),
        *("-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="),
        *("-device", "virtio-rng-pci", "-serial", "stdio", "-monitor", "none"),
    ]


def _listen(command: list[str], log: Path, limit_s: float) -> Iterator[dict[str, Any]]:
    """Run the machine until it powers off, or for so long; what the probe says, as it says it."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["timeout", "--kill-after=10", str(int(limit_s)), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                out.write(line)
                out.flush()
                yield from _heard(line)
        finally:
            process.terminate()
            process.wait()
    if process.returncode in (1, 127):
        raise ImageError(f"the emulator did not start; {log} says why")


def _heard(line: bytes) -> Iterator[dict[str, Any]]:
    _, mark, said = line.decode("utf-8", "replace").partition(MARK)
    if mark:
        try:
            yield json.loads(said)
        except ValueError:
            note(f"  not understood: {said.strip()[:80]}")


def _committed(said: dict[str, Any]) -> int:
    return int((said["reader"].get("reads") or {}).get("committed") or 0)


def _summary(said: dict[str, Any]) -> str:
    services = ", ".join(
        f"{name.removeprefix('anpr-edge-')} {state}" for name, state in said["active"].items()
    )
    frames = (said["reader"].get("frames") or {}).get("processed")
    return f"{services}; {frames or 0} frames, {_committed(said)} reads"


def _listens(line: list[str]) -> bool:
    """Whether a line of ss(8) is of a socket that takes what strangers send."""
    return line[0] in LISTEN_NOT and not line[4].endswith(DHCP_CLIENT)
