"""A TPM 2.0 in software, to be started, stopped and lost. It serves one program at a time."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

START_WITHIN_S = 10.0


class SoftwareTpm:
    """One chip, whose state lies in `folder`; `place` is what `unit.tpm` says for it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.place = f"swtpm:path={folder / 'sock'}"

    def start(self) -> None:
        """Switch it on, and wait until it listens."""
        socket, control = self._folder / "sock", self._folder / "sock.ctrl"
        for file in (socket, control):
            file.unlink(missing_ok=True)
        command = ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._folder}"]
        command += ["--ctrl", f"type=unixio,path={control}", "--server", f"type=unixio,path={socket}"]
        command += ["--flags", "not-need-init,startup-clear"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + START_WITHIN_S
        while not socket.exists():
            assert self._process.poll() is None, "swtpm ended by itself"
            assert time.monotonic() < ends, "swtpm does not listen"
            time.sleep(0.02)

    def stop(self) -> None:
        """Switch it off; what it was asked to keep it keeps."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._process = None


@contextmanager
def software_tpm(folder: Path) -> Iterator[SoftwareTpm]:
    """A running chip; skips the test, saying why, where there cannot be one."""
    if shutil.which("swtpm") is None:
        pytest.skip("swtpm is not installed: no TPM to test with (apt-get install swtpm)")
    if importlib.util.find_spec("tpm2_pytss") is None:
        pytest.skip("tpm2-pytss is not installed: apt-get install libtss2-dev, then scripts/test")
    chip = SoftwareTpm(folder)
    chip.start()
    try:
        yield chip
    finally:
        chip.stop()
