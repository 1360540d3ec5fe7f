"""The trained recogniser as TFLite, float32 and full int8; runs where TensorFlow is and PyTorch is not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.recipe.ocr.weights import Arrays


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``export-ocr``."""
    parser.add_argument("weights", type=Path, help="the .npz that train-ocr writes beside its checkpoint")
    parser.add_argument("int8", type=Path, help="the .tflite to write; the float32 one gets .float32.tflite")


def run(args: argparse.Namespace) -> int:
    """Build the mirror, convert it twice, write both files."""
    with np.load(args.weights) as stored:
        arrays = {name: stored[name] for name in stored.files}
    patches = arrays.pop("calibration")
    mirror = build_mirror(arrays)
    float_path = args.int8.with_suffix(".float32.tflite")
    float_path.write_bytes(_convert(mirror, None))
    args.int8.write_bytes(_convert(mirror, patches))
    for path in (float_path, args.int8):
        print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)
    return 0


def build_mirror(weights: Arrays) -> Any:
    """The network of `network.Recogniser` in Keras, with these weights."""
    from tensorflow.keras import Model, layers

    def unit(
        x: Any, name: str, *, stride: tuple[int, int] = (1, 1), relu: bool = True, pad: str = "same"
    ) -> Any:
        kernel, bias = weights[f"{name}.kernel"], weights[f"{name}.bias"]
        layer = layers.Conv2D(
            kernel.shape[3], kernel.shape[:2], stride, pad, activation="relu" if relu else None
        )
        y = layer(x)
        layer.set_weights([kernel, bias])
        return y

    def residual(x: Any, name: str) -> Any:
        y = unit(unit(x, f"{name}.first"), f"{name}.second", relu=False)
        return layers.ReLU()(layers.Add()([x, y]))

    patch = layers.Input((40, 144, 1), batch_size=1)
    x = unit(patch, "trunk.0", stride=(2, 2))
    x = unit(x, "trunk.1", stride=(2, 2))
    x = residual(x, "trunk.2")
    x = unit(x, "trunk.3", stride=(2, 1))
    x = residual(residual(x, "trunk.4"), "trunk.5")
    halves = [unit(x, name, pad="valid") for name in ("upper", "lower")]
    x = unit(layers.Concatenate(axis=2)(halves), "mix.0")
    logits = unit(x, "classify", relu=False)
    return Model(patch, layers.Reshape((72, 37))(logits))


def _convert(mirror: Any, calibration: npt.NDArray[np.uint8] | None) -> bytes:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(mirror)
    if calibration is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _as_inputs(calibration)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _as_inputs(patches: npt.NDArray[np.uint8]) -> Iterator[list[npt.NDArray[np.float32]]]:
    """Patches as the quantiser wants them; a black and a white one fix the input range to −1..127/128."""
    for patch in (np.zeros((40, 144), np.uint8), np.full((40, 144), 255, np.uint8), *patches):
        yield [((patch.astype(np.float32) - 128) / 128)[None, :, :, None]]
