"""What this machine can do at best on one thread, as a measure for what a pipeline makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np

from anpr_edge.vision.tflite import MODULES, TfliteModel

_SIDE: Final = 768
_COPY_BYTES: Final = 128 * 1024 * 1024
_TRIES: Final = 7
_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def machine_limit() -> dict[str, float]:
    """Float32 multiply-adds a second of a matrix product on one thread, and bytes a second of a copy.

    A model in int8 may do four times the multiply-adds of float32 where the processor has dot products of
    bytes. A copy reads and writes: both are counted. Processor time is taken, for a machine that is not idle.
    """
    alone = os.environ | dict.fromkeys(_ONE_THREAD, "1")
    command = [sys.executable, "-m", __name__]
    printed = subprocess.run(command, env=alone, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


def bytes_moved(models: Path, name: str) -> int:
    """Bytes one run of a model moves at least: its weights, and all else out and in."""
    model = TfliteModel.load(models, name)
    weights = (models / model.card.file).read_bytes()
    interpreter = import_module(MODULES[model.runtime]).Interpreter(model_content=weights)
    tensors = sum(_size(detail) for detail in interpreter.get_tensor_details())
    return len(weights) + 2 * max(0, tensors - len(weights))


def _size(detail: dict[str, Any]) -> int:
    return int(np.prod(detail["shape"], dtype=np.int64)) * np.dtype(detail["dtype"]).itemsize


def _measured() -> dict[str, int]:
    """The figures of `machine_limit`, for a process whose linear algebra has one thread."""
    square = np.random.default_rng(1).standard_normal((_SIDE, _SIDE)).astype(np.float32)
    product = np.zeros_like(square)
    product_s = _best_s(lambda: np.matmul(square, square, out=product))
    source, target = np.ones(_COPY_BYTES, np.uint8), np.zeros(_COPY_BYTES, np.uint8)
    copy_s = _best_s(lambda: np.copyto(target, source))
    return {
        "float32_multiply_adds_per_s": round(_SIDE**3 / product_s),
        "copied_bytes_per_s": round(2 * _COPY_BYTES / copy_s),
    }


def _best_s(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_TRIES):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


if __name__ == "__main__":
    print(json.dumps(_measured()))
