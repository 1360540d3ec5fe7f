"""The units refuse memory that is both written and executed; inference and cryptography work all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anpr_edge.config import find_models_directory
from tests.software_tpm import software_tpm

# Source: Linux uapi/linux/prctl.h, since 6.3.
PR_SET_MDWE = 65
PR_MDWE_REFUSE_EXEC_GAIN = 1
EXIT_TOO_OLD = 77

SHUT = f"""
import ctypes, mmap, sys
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, {PR_MDWE_REFUSE_EXEC_GAIN}, 0, 0, 0) != 0:
    sys.exit({EXIT_TOO_OLD})
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    pass
else:
    sys.exit("memory can still be written and executed")
"""

PROGRAM = f"""{SHUT}
import numpy as np
from anpr_edge.devices.clock import SystemClock
from anpr_edge.seal.keys import SigningKey
from anpr_edge.vision.tflite import TfliteModel
SystemClock().now()
SigningKey.generate().sign(b"read")
model = TfliteModel.load(sys.argv[1], "recogniser", runtime=sys.argv[2])
model.run_int8(np.zeros(model.input_shape, np.int8))
print("ok")
"""


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_neither_runtime_writes_code(runtime: str) -> None:
    pytest.importorskip("ai_edge_litert" if runtime == "litert" else "tflite_runtime")
    directory = find_models_directory()
    if not (directory / "recogniser.json").is_file():
        pytest.skip(f"no trained recogniser in {directory.name}/")
    command = [sys.executable, "-c", PROGRAM, str(directory), runtime]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode == EXIT_TOO_OLD:
        pytest.skip("this kernel cannot refuse it for one process (before 6.3)")
    assert (ran.returncode, ran.stdout) == (0, "ok\n"), ran.stderr


IN_TPM = f"""{SHUT}
from pathlib import Path
from anpr_edge.seal.tpm import load_signing_key, make_signing_key
file = Path(sys.argv[1]) / "sign.pem"
make_signing_key(sys.argv[2], file)
key = load_signing_key(file, sys.argv[2])
assert key.public.verify(key.sign(b"read"), b"read")
key.close()
print("ok")
"""


def test_signing_in_a_tpm_writes_no_code(tmp_path: Path) -> None:
    with software_tpm(tmp_path / "chip") as chip:
        command = [sys.executable, "-c", IN_TPM, str(tmp_path), chip.place]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if ran.returncode == EXIT_TOO_OLD:
        pytest.skip("this kernel cannot refuse it for one process (before 6.3)")
    assert (ran.returncode, ran.stdout) == (0, "ok\n"), ran.stderr
