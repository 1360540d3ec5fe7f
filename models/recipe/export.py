"""From a training checkpoint to the TFLite files of a model: describe, convert, compare.

Describing needs PyTorch, converting needs TensorFlow, and the two do not live well in one environment:
`export` runs in the training environment and calls the other one's Python for `convert`. It writes a first
card, without figures; `evaluate` writes the one that ships. It fails when the float32 TFLite file does not
answer what PyTorch answers.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from models.recipe.graph import describe
from models.recipe.outputs import open_model, output_places

if TYPE_CHECKING:
    from torch import nn

MAX_DIFFERENCE: Final = 2e-3
"""Largest accepted difference between PyTorch and float32 TFLite, over the span of an output."""
MODELS: Final = {
    "detector": "models.recipe.detector.release",
    "closeup": "models.recipe.detector.closeup_release",
    "recogniser": "models.recipe.ocr.release",
}


@dataclass(frozen=True, eq=False)
class Exportable:
    """A trained network in evaluation mode and what its export needs.

    `calibration` is uint8 (N, height, width): pictures exactly as the model gets them.
    """

    network: nn.Module
    outputs: tuple[str, ...]
    calibration: NDArray[np.uint8]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `export`."""
    parser.add_argument("model", choices=sorted(MODELS))
    parser.add_argument("checkpoint", type=Path, help="written by the model's training command")
    parser.add_argument("folder", type=Path, help="where <model>.tflite and <model>.float32.tflite go")
    parser.add_argument("--tf-python", required=True, help="Python of the environment with TensorFlow 2.15")


def run(args: argparse.Namespace) -> int:
    """Export; exit code 1 when the mirror does not answer what the network answers."""
    release: Any = importlib.import_module(MODELS[args.model])
    exportable: Exportable = release.exportable(args.checkpoint)
    args.folder.mkdir(parents=True, exist_ok=True)
    stem = args.folder / args.model
    graph_path, pictures_path = stem.with_suffix(".graph.npz"), stem.with_suffix(".calibration.npy")
    shape = exportable.calibration.shape[1], exportable.calibration.shape[2]
    describe(exportable.network, shape, exportable.outputs).save(graph_path)
    np.save(pictures_path, exportable.calibration)
    command = [args.tf_python, "-m", "models.recipe", "convert", graph_path, pictures_path, stem]
    subprocess.run([str(part) for part in command], check=True, cwd=Path(__file__).resolve().parents[2])
    release.first_card(args.folder)
    worst = compare(exportable, stem.with_suffix(".float32.tflite"))
    print(f"PyTorch and float32 TFLite differ by at most {worst:.1e} of an output's span", file=sys.stderr)
    return 0 if worst <= MAX_DIFFERENCE else 1


def compare(exportable: Exportable, tflite: Path, pictures: int = 8) -> float:
    """Largest difference between the network and a float32 TFLite file, over the span of each output."""
    import torch

    interpreter = open_model(tflite)
    details = interpreter.get_output_details()
    places = output_places(interpreter)
    worst = 0.0
    for picture in exportable.calibration[:pictures]:
        given = (picture.astype(np.float32) - 128) / 128
        with torch.no_grad():
            answer: Any = exportable.network(torch.from_numpy(given[np.newaxis, np.newaxis]))
        maps = answer if isinstance(answer, tuple) else (answer,)
        interpreter.set_tensor(
            interpreter.get_input_details()[0]["index"], given[np.newaxis, :, :, np.newaxis]
        )
        interpreter.invoke()
        for wanted, place in zip(maps, places, strict=True):
            got = interpreter.get_tensor(details[place]["index"])
            expected = np.moveaxis(wanted.numpy(), 1, -1)
            worst = max(worst, float(np.abs(got - expected).max() / max(np.ptp(expected), 1e-6)))
    return worst
