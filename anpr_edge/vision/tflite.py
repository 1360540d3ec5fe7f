"""One full-int8 TFLite model, checked against its card before it may run.

LiteRT is preferred where it can be imported, tflite-runtime is the fallback. Both give the same int8
outputs to within rounding, tests/replay/test_runtimes.py says how far; on x86 only LiteRT has a fast int8
path.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anpr_edge.errors import ModelError
from anpr_edge.vision.card import ModelCard, TensorCard

Runtime = Literal["litert", "tflite"]

MODULES: dict[Runtime, str] = {
    "litert": "ai_edge_litert.interpreter",
    "tflite": "tflite_runtime.interpreter",
}


class TfliteModel:
    """A loaded model: int8 in, dequantised float32 out, in the order of its card.

    Not for use by two threads at once: the tensors belong to the model.
    """

    def __init__(self, card: ModelCard, content: bytes, *, threads: int = 1, runtime: Runtime | None = None):
        self.card = card
        self.runtime, interpreter_class = _find_runtime(runtime)
        self._interpreter = _open(interpreter_class, content, threads, card)
        self._input = _checked_input(self._interpreter.get_input_details(), card)
        details = _checked_outputs(self._interpreter.get_output_details(), card)
        self._outputs = [d["index"] for d in details]
        self._scales = [(np.float32(s), np.float32(z)) for s, z in (d["quantization"] for d in details)]

    @classmethod
    def load(
        cls, directory: Path | str, name: str, threads: int = 1, *, runtime: Runtime | None = None
    ) -> TfliteModel:
        """The model `name` in `directory`: `<name>.json` is its card and names the file beside it.

        Raises: ModelError when the card, the checksum or a tensor is not what it must be.
        """
        directory = Path(directory)
        card = ModelCard.load(directory / f"{name}.json")
        return cls(card, _checked_bytes(directory / card.file, card), threads=threads, runtime=runtime)

    @property
    def model_id(self) -> str:
        """`<name>-<version>+<first 8 of the SHA-256>`."""
        return self.card.model_id

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the picture it takes, in px."""
        return self.card.input_shape

    def run_int8(self, picture: NDArray[np.int8]) -> list[NDArray[np.int8]]:
        """The raw outputs for an int8 (height, width) picture, in the card's order.

        Raises: ModelError when the picture's shape or type is not the model's.
        """
        if picture.dtype != np.int8 or picture.shape != self.input_shape:
            raise ModelError(
                f"{self.model_id}: takes int8 {self.input_shape}, got {picture.dtype} {picture.shape}"
            )
        self._interpreter.set_tensor(self._input, picture[np.newaxis, :, :, np.newaxis])
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]

    def run(self, picture: NDArray[np.int8]) -> list[NDArray[np.float32]]:
        """The outputs as float32 for an int8 (height, width) picture, in the card's order."""
        return self.dequantised(self.run_int8(picture))

    def dequantised(self, raw: Sequence[NDArray[np.int8]]) -> list[NDArray[np.float32]]:
        """What raw outputs stand for, float32, in the card's order."""
        return [
            (values.astype(np.float32) - zero_point) * scale
            for values, (scale, zero_point) in zip(raw, self._scales, strict=True)
        ]


def to_int8(picture: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Pixel minus 128, as both models take it (input scale 1/128, zero point 0)."""
    return np.bitwise_xor(picture, np.uint8(0x80)).view(np.int8)


def _find_runtime(wanted: Runtime | None) -> tuple[Runtime, Any]:
    candidates: tuple[Runtime, ...] = (wanted,) if wanted else tuple(MODULES)
    for runtime in candidates:
        try:
            return runtime, importlib.import_module(MODULES[runtime]).Interpreter
        except ImportError:
            continue
    raise ModelError(
        f"no TFLite runtime: {' and '.join(MODULES[c] for c in candidates)} cannot be imported",
        hint="pip install 'anpr-edge[unit]'",
    )


def _open(interpreter_class: Any, content: bytes, threads: int, card: ModelCard) -> Any:
    try:
        with _native_stderr_silenced():
            interpreter = interpreter_class(model_content=content, num_threads=threads)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ModelError(f"{card.file}: the runtime refuses it: {error}") from error
    return interpreter


@contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    """Keep the runtime's own "INFO: Created … delegate" off the terminal; errors come as exceptions."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(nowhere)
        os.close(kept)


def _checked_bytes(path: Path, card: ModelCard) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path}: cannot be read ({error.strerror})",
            hint="the card names this file; copy it beside the card",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != card.sha256:
        raise ModelError(
            f"{path}: SHA-256 starts {found[:8]}, its card says {card.sha256[:8]}",
            hint="model and card do not belong together, or the file is damaged: copy both again",
        )
    return content


def _checked_input(details: list[dict[str, Any]], card: ModelCard) -> int:
    if len(details) != 1:
        raise ModelError(f"{card.file}: has {len(details)} inputs, the card describes 1")
    _check_tensor(details[0], card.input, card)
    scale, zero_point = details[0]["quantization"]
    if not np.isclose(scale, card.input_scale, rtol=1e-3) or zero_point != card.input_zero_point:
        raise ModelError(
            f"{card.file}: input quantisation is ({scale:g}, {zero_point}),"
            f" the card says ({card.input_scale:g}, {card.input_zero_point})"
        )
    return int(details[0]["index"])


def _checked_outputs(details: list[dict[str, Any]], card: ModelCard) -> list[dict[str, Any]]:
    if len(details) != len(card.outputs):
        raise ModelError(f"{card.file}: has {len(details)} outputs, the card describes {len(card.outputs)}")
    if sorted(o.index for o in card.outputs) != list(range(len(details))):
        raise ModelError(f"{card.file}: the card's output indices are not 0 to {len(details) - 1}, each once")
    ordered = [details[o.index] for o in card.outputs]
    for detail, stated in zip(ordered, card.outputs, strict=True):
        _check_tensor(detail, stated, card)
    return ordered


def _check_tensor(detail: dict[str, Any], stated: TensorCard, card: ModelCard) -> None:
    shape, dtype = tuple(int(n) for n in detail["shape"]), np.dtype(detail["dtype"])
    if shape != stated.shape or dtype != np.int8:
        raise ModelError(
            f"{card.file}: {stated.name} is {dtype} {shape}, the card says int8 {stated.shape}",
            hint="model and card do not belong together: copy both again",
        )
