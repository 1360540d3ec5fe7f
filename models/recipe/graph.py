"""A trained PyTorch network written down as plain layers, for an environment without PyTorch.

`describe` walks the network once with `torch.fx`, folds every batch normalisation into its convolution and
drops what only training needs. What is left has seven kinds of layer; `convert.build_mirror` makes the same
in Keras. So no architecture is written twice.
"""

from __future__ import annotations

import json
import operator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import fx, nn

ALIAS_LAYERS: Final = ("Dropout", "Identity")


@dataclass(frozen=True)
class Layer:
    """One step; `inputs` name earlier layers.

    `kind` is conv, relu, add, concat, upsample, patches or first_row. `settings`: conv has `stride` and
    `padding` (left, right, top, bottom); concat has `axis`, upsample `factor` and patches `side`.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    settings: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole network. `weights` holds `<conv>.kernel` float32 (out, in, height, width) and `<conv>.bias`.

    `input_shape` is (height, width); `outputs` maps the name of each output to the layer that gives it.
    """

    input_shape: tuple[int, int]
    layers: tuple[Layer, ...]
    outputs: dict[str, str]
    weights: dict[str, NDArray[np.float32]]

    def save(self, path: Path) -> None:
        """Write one .npz."""
        head = {
            "input_shape": self.input_shape,
            "layers": [asdict(layer) for layer in self.layers],
            "outputs": self.outputs,
        }
        np.savez(path, graph=np.array(json.dumps(head)), **self.weights)

    @classmethod
    def load(cls, path: Path) -> Graph:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            head = json.loads(str(stored["graph"]))
            weights = {name: stored[name] for name in stored.files if name != "graph"}
        layers = tuple(Layer(**{**row, "inputs": tuple(row["inputs"])}) for row in head["layers"])
        return cls(tuple(head["input_shape"]), layers, head["outputs"], weights)


def describe(network: nn.Module, input_shape: tuple[int, int], outputs: tuple[str, ...]) -> Graph:
    """The graph of a network in evaluation mode that takes one grey picture.

    Raises: NotImplementedError naming an operation that has no place in an int8 model here.
    """
    from torch import fx

    traced = fx.symbolic_trace(network.eval())
    walk = _Walk(dict(traced.named_modules()))
    for node in traced.graph.nodes:
        walk.take(node)
    named = dict(zip(outputs, walk.results, strict=True))
    return Graph(input_shape, tuple(walk.layers.values()), named, walk.weights)


def multiply_adds(graph: Graph) -> int:
    """Multiplications of one inference: every kernel's size times the positions it is applied at."""
    sizes = {"input": graph.input_shape}
    total = 0
    for layer in graph.layers:
        height, width = sizes[layer.inputs[0]]
        if layer.kind == "conv":
            kernel = graph.weights[f"{layer.name}.kernel"]
            left, right, top, bottom = layer.settings["padding"]
            down, across = layer.settings["stride"]
            height = (height + top + bottom - kernel.shape[2]) // down + 1
            width = (width + left + right - kernel.shape[3]) // across + 1
            total += int(kernel.size) * height * width
        elif layer.kind == "upsample":
            height, width = height * layer.settings["factor"], width * layer.settings["factor"]
        elif layer.kind == "patches":
            height, width = height // layer.settings["side"], width // layer.settings["side"]
        elif layer.kind == "concat":
            height = height if layer.settings["axis"] != 2 else sum(sizes[one][0] for one in layer.inputs)
            width = width if layer.settings["axis"] != 3 else sum(sizes[one][1] for one in layer.inputs)
        sizes[layer.name] = (height, width)
    return total


class _Walk:
    """Turns traced nodes into layers one after the other."""

    def __init__(self, modules: dict[str, nn.Module]) -> None:
        self.modules = modules
        self.layers: dict[str, Layer] = {}
        self.weights: dict[str, NDArray[np.float32]] = {}
        self.results: list[str] = []
        self._names: dict[str, str] = {}
        self._pads: dict[str, tuple[int, int, int, int]] = {}

    def take(self, node: fx.Node) -> None:
        """Add what one node does."""
        if node.op == "placeholder":
            self._names[node.name] = "input"
        elif node.op == "output":
            (answer,) = node.args
            nodes: Any = answer if isinstance(answer, tuple | list) else (answer,)
            self.results = [self._names[one.name] for one in nodes]
        elif node.op == "call_module":
            self._module(node, self.modules[str(node.target)])
        else:
            self._function(node)

    def _module(self, node: fx.Node, module: Any) -> None:
        kind = type(module).__name__
        (before,) = (self._names[one.name] for one in node.all_input_nodes)
        if kind == "ZeroPad2d":
            self._pads[node.name] = tuple(module.padding)
            self._names[node.name] = before
        elif kind == "Conv2d":
            self._conv(node, module, before)
        elif kind == "BatchNorm2d":
            self._fold(module, before)
            self._names[node.name] = before
        elif kind == "ReLU":
            self._add(node, "relu", (before,))
        elif kind == "Upsample":
            self._add(node, "upsample", (before,), factor=int(module.scale_factor))
        elif kind == "PixelUnshuffle":
            self._add(node, "patches", (before,), side=int(module.downscale_factor))
        elif kind in ALIAS_LAYERS:
            self._names[node.name] = before
        else:
            raise NotImplementedError(f"{node.target}: no layer for {kind}")

    def _function(self, node: fx.Node) -> None:
        inputs = tuple(self._names[one.name] for one in node.all_input_nodes)
        name = getattr(node.target, "__name__", str(node.target))
        if node.target in (operator.add, operator.iadd):
            self._add(node, "add", inputs)
        elif name in ("relu", "relu_"):
            self._add(node, "relu", inputs)
        elif name == "cat":
            axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
            self._add(node, "concat", inputs, axis=axis)
        elif node.target is operator.getitem and node.args[1] == (slice(None), slice(None), 0):
            self._add(node, "first_row", inputs)
        else:
            raise NotImplementedError(f"{node.name}: no layer for {name}")

    def _conv(self, node: fx.Node, module: Any, before: str) -> None:
        down, across = module.padding
        left, right, top, bottom = self._pads.get(node.all_input_nodes[0].name, (0, 0, 0, 0))
        padding = (left + across, right + across, top + down, bottom + down)
        self._add(node, "conv", (before,), stride=list(module.stride), padding=list(padding))
        kernel = module.weight.detach().numpy().astype(np.float32)
        bias = module.bias.detach().numpy() if module.bias is not None else np.zeros(len(kernel))
        self.weights[f"{node.name}.kernel"] = kernel
        self.weights[f"{node.name}.bias"] = bias.astype(np.float32)

    def _fold(self, norm: Any, conv: str) -> None:
        """Put a normalisation into the convolution `conv` before it."""
        gain, shift, mean, spread = (
            part.detach().numpy() for part in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        scale = gain / np.sqrt(spread + norm.eps)
        self.weights[f"{conv}.kernel"] = self.weights[f"{conv}.kernel"] * scale[:, None, None, None]
        self.weights[f"{conv}.bias"] = (self.weights[f"{conv}.bias"] - mean) * scale + shift

    def _add(self, node: fx.Node, kind: str, inputs: tuple[str, ...], **settings: Any) -> None:
        self.layers[node.name] = Layer(node.name, kind, inputs, settings)
        self._names[node.name] = node.name
