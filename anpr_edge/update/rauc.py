"""RAUC's own program: what a bundle says, and writing it into the slot that does not run."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from anpr_edge.errors import UpdateError, reason
from anpr_edge.update.bundle import Bundle, bundle_of
from anpr_edge.update.raucconf import RaucConfig

INFO_WITHIN_S: Final = 300.0
READ_BYTES: Final = 1 << 20
PERCENT: Final = re.compile(r"\s*(\d{1,3})% (.*)")

Progress = Callable[[str], None]


class Rauc:
    """`rauc` with one configuration, whose keyring says which bundles count."""

    def __init__(self, config_file: Path, program: str = "rauc") -> None:
        self._config_file = config_file
        self._program = program
        self.config = RaucConfig.read(config_file)

    def info(self, path: Path) -> Bundle:
        """What is in a bundle whose signature holds.

        Raises: UpdateError when it is no bundle, is damaged, or was signed by nobody this unit trusts.
        """
        if not path.is_file():
            raise UpdateError(f"{path}: no such file", hint="name a bundle, a .raucb file")
        command = [self._program, f"--conf={self._config_file}", "info", "--output-format=json", str(path)]
        try:
            said = subprocess.run(command, capture_output=True, text=True, timeout=INFO_WITHIN_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _no_rauc(error) from None
        if said.returncode:
            raise UpdateError(
                f"{path}: refused: {_last_words(said.stderr)}",
                hint="fetch it again; a bundle counts when the fleet's release key signed it",
            )
        return bundle_of(path, said.stdout)

    def install(self, path: Path, progress: Progress) -> None:
        """Write it into the other slot; what runs is not touched.

        Raises: UpdateError with RAUC's reason. The other slot is then marked bad, and is tried by nobody.
        """
        command = [self._program, "install", str(path)]
        lines: list[str] = []
        try:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ) as running:
                assert running.stdout is not None
                for line in running.stdout:
                    lines = [*lines[-20:], line.strip()]
                    if step := PERCENT.match(line):
                        progress(f"{step[1]} % {step[2]}")
        except OSError as error:
            raise _no_rauc(error) from None
        progress("")
        if running.returncode:
            why = _last_words("\n".join(lines))
            raise UpdateError(f"{path}: not installed: {why}")

    def check_written(self, bundle: Bundle, slot: str, progress: Progress) -> None:
        """Read back what was written. Raises: UpdateError when it is not the bundle's."""
        places = {device.kind: device.path for device in self.config.slots[slot]}
        for image in bundle.images:
            progress(f"reading {image.kind} back")
            try:
                found = _hash_of(places[image.kind], image.size)
            except OSError as error:
                raise UpdateError(f"{places[image.kind]}: {reason(error)}") from None
            if found != image.sha256:
                raise UpdateError(
                    f"{places[image.kind]}: does not hold what was written: the SHA-256 of {image.kind} is"
                    f" {found[:16]}…, not {image.sha256[:16]}…",
                    hint="the card is failing: anpr-edge doctor storage, and replace it",
                )
        progress("")


def _hash_of(path: Path, size: int) -> str:
    """SHA-256 of the first `size` bytes, from the disk and not from memory where the system allows that."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, size, os.POSIX_FADV_DONTNEED)
        left = size
        while left and (block := file.read(min(left, READ_BYTES))):
            digest.update(block)
            left -= len(block)
    return digest.hexdigest()


def _last_words(text: str) -> str:
    """RAUC's last complaint, without its clock and without the file's name again."""
    lines = [line for line in text.splitlines() if line.strip() and not PERCENT.match(line)]
    named = [line for line in lines if line.startswith("LastError")]
    last = (named or lines or ["it says nothing"])[-1]
    return re.sub(r"^LastError: (Installation error: )?", "", last.strip())[:300]


def _no_rauc(error: Exception) -> UpdateError:
    return UpdateError(f"rauc cannot be run: {reason(error)}", hint="sudo apt-get install rauc rauc-service")
