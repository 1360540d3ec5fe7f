"""A described network as TFLite, float32 and full int8; runs where TensorFlow is and PyTorch is not."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.recipe.graph import Graph, Layer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `convert`."""
    parser.add_argument("graph", type=Path, help="the .npz that export wrote")
    parser.add_argument(
        "calibration", type=Path, help=".npy, uint8 (N, height, width): pictures of every kind"
    )
    parser.add_argument("stem", type=Path, help="writes <stem>.tflite (int8) and <stem>.float32.tflite")


def run(args: argparse.Namespace) -> int:
    """Build the mirror, convert it twice, write both files."""
    mirror = build_mirror(Graph.load(args.graph))
    pictures = np.load(args.calibration)
    whole = args.stem.with_suffix(".float32.tflite")
    whole.write_bytes(to_tflite(mirror, None))
    small = args.stem.with_suffix(".tflite")
    small.write_bytes(to_tflite(mirror, pictures))
    for path in (whole, small):
        print(f"{path}: {path.stat().st_size} bytes", file=sys.stderr)
    return 0


def build_mirror(graph: Graph) -> Any:
    """The network in Keras, with its weights; outputs in the graph's order."""
    from tensorflow import keras

    made = {"input": keras.layers.Input((*graph.input_shape, 1), batch_size=1)}
    for layer in graph.layers:
        made[layer.name] = _build(layer, [made[name] for name in layer.inputs], graph.weights)
    return keras.Model(made["input"], [made[name] for name in graph.outputs.values()])


def _build(layer: Layer, inputs: list[Any], weights: dict[str, NDArray[np.float32]]) -> Any:
    import tensorflow as tf
    from tensorflow.keras import layers

    (x, *_) = inputs
    if layer.kind == "conv":
        return _conv(layer, x, weights[f"{layer.name}.kernel"], weights[f"{layer.name}.bias"])
    if layer.kind == "relu":
        return layers.ReLU()(x)
    if layer.kind == "add":
        return layers.Add()(inputs)
    if layer.kind == "concat":
        return layers.Concatenate(axis={1: 3, 2: 1, 3: 2}[layer.settings["axis"]])(inputs)
    if layer.kind == "upsample":
        return layers.UpSampling2D(layer.settings["factor"], interpolation="nearest")(x)
    if layer.kind == "patches":
        return layers.Lambda(tf.nn.space_to_depth, arguments={"block_size": layer.settings["side"]})(x)
    return layers.Reshape((int(x.shape[2]), int(x.shape[3])))(x)


def _conv(layer: Layer, x: Any, kernel: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
    from tensorflow.keras import layers

    stride, pads = tuple(layer.settings["stride"]), tuple(layer.settings["padding"])
    channels, (height, width) = kernel.shape[0], kernel.shape[2:]
    mode = "valid"
    if pads == _same(x, (height, width), stride):
        mode = "same"
    elif any(pads):
        left, right, top, bottom = pads
        x = layers.ZeroPadding2D(((top, bottom), (left, right)))(x)
    conv = layers.Conv2D(channels, (height, width), stride, mode)
    y = conv(x)
    conv.set_weights([kernel.transpose(2, 3, 1, 0), bias])
    return y


def _same(x: Any, kernel: tuple[int, ...], stride: tuple[int, ...]) -> tuple[int, ...]:
    """(left, right, top, bottom) zeros that TensorFlow's `same` adds; none at all is `valid` as well."""
    (top, bottom), (left, right) = (
        _split_padding(int(size), reach, step)
        for size, reach, step in zip(x.shape[1:3], kernel, stride, strict=True)
    )
    return left, right, top, bottom


def _split_padding(size: int, reach: int, step: int) -> tuple[int, int]:
    whole = max((-(-size // step) - 1) * step + reach - size, 0)
    return whole // 2, whole - whole // 2


def to_tflite(mirror: Any, pictures: NDArray[np.uint8] | None) -> bytes:
    """The mirror as a TFLite file: float32, or int8 with ranges measured on `pictures` (N, height, width)."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(mirror)
    if pictures is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: _inputs(pictures)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _inputs(pictures: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """Pictures as the quantiser wants them; a black and a white one fix the input range to −1..127/128."""
    plain = [np.full(pictures.shape[1:], grey, np.uint8) for grey in (0, 255)]
    for picture in (*plain, *pictures):
        yield [((picture.astype(np.float32) - 128) / 128)[np.newaxis, :, :, np.newaxis]]
