"""A described network keeps its shape and weights on the way between the two environments."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.recipe.graph import Graph, Layer, multiply_adds


def small_graph() -> Graph:
    """A strided convolution, its ReLU, and both halves of a sum."""
    conv = Layer("conv", "conv", ("input",), {"stride": [2, 2], "padding": [0, 1, 0, 1]})
    point = Layer("point", "conv", ("relu",), {"stride": [1, 1], "padding": [0, 0, 0, 0]})
    layers = (
        conv,
        Layer("relu", "relu", ("conv",), {}),
        point,
        Layer("sum", "add", ("relu", "point"), {}),
        Layer("up", "upsample", ("sum",), {"factor": 2}),
    )
    kernels = {"conv.kernel": (4, 1, 3, 3), "point.kernel": (4, 4, 1, 1)}
    weights = {
        name: np.arange(np.prod(shape), dtype=np.float32).reshape(shape) for name, shape in kernels.items()
    }
    weights |= {"conv.bias": np.ones(4, np.float32), "point.bias": np.zeros(4, np.float32)}
    return Graph((8, 12), layers, {"answer": "up"}, weights)


def test_a_graph_survives_the_disk(tmp_path: Path) -> None:
    graph = small_graph()
    graph.save(tmp_path / "graph.npz")
    back = Graph.load(tmp_path / "graph.npz")
    assert back.layers == graph.layers
    assert back.outputs == graph.outputs
    assert back.input_shape == graph.input_shape
    assert set(back.weights) == set(graph.weights)
    for name, values in graph.weights.items():
        np.testing.assert_array_equal(back.weights[name], values)


def test_multiplications_are_counted_where_they_happen() -> None:
    assert multiply_adds(small_graph()) == 4 * 6 * (4 * 9 + 4 * 4)


def test_a_picture_in_patches_is_smaller_by_their_side() -> None:
    conv = Layer("conv", "conv", ("patches",), {"stride": [1, 1], "padding": [0, 1, 0, 1]})
    weights = {"conv.kernel": np.ones((3, 16, 2, 2), np.float32), "conv.bias": np.zeros(3, np.float32)}
    graph = Graph(
        (8, 12), (Layer("patches", "patches", ("input",), {"side": 4}), conv), {"answer": "conv"}, weights
    )
    assert multiply_adds(graph) == 2 * 3 * (3 * 16 * 4)
