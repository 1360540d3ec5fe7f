"""A model's card: the JSON file that says what a `.tflite` file is, takes and gives.

The card is read strictly. A key that is missing, unknown or of the wrong kind is named, so that a
model and a card that do not belong together never run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from anpr_edge.errors import ModelError

CARD_VERSION = 1

Task = Literal["plate-detector", "plate-recogniser"]

_COMMON: Mapping[str, type | tuple[type, ...]] = {
    "card_version": int,
    "name": str,
    "version": str,
    "task": str,
    "file": str,
    "sha256": str,
    "created": str,
    "input": dict,
    "outputs": list,
    "calibration": dict,
    "multiply_adds": int,
    "licence": str,
    "training_data": list,
    "synthetic_images": int,
    "measured": dict,
    "known_failures": list,
}
_OF_TASK: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "plate-detector": {"stride": int, "threshold": (int, float)},
    "plate-recogniser": {"alphabet": str},
}
_INPUT: Mapping[str, type | tuple[type, ...]] = {
    "shape": list,
    "dtype": str,
    "scale": (int, float),
    "zero_point": int,
}
_OUTPUT: Mapping[str, type | tuple[type, ...]] = {"name": str, "index": int, "shape": list}


@dataclass(frozen=True, slots=True)
class TensorCard:
    """One tensor as the card states it; `index` is its place among the model's inputs or outputs."""

    name: str
    index: int
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a unit needs to know of a model; `facts` is the whole card as it was read."""

    name: str
    version: str
    task: Task
    file: str
    sha256: str
    input: TensorCard
    input_scale: float
    input_zero_point: int
    outputs: tuple[TensorCard, ...]
    temperature: float
    threshold: float
    stride: int
    alphabet: str
    facts: Mapping[str, Any]

    @property
    def input_shape(self) -> tuple[int, int]:
        """Height and width of the picture it takes, in px."""
        return self.input.shape[1], self.input.shape[2]

    @property
    def model_id(self) -> str:
        """`<name>-<version>+<first 8 of the SHA-256>`: what a read names as its model."""
        return f"{self.name}-{self.version}+{self.sha256[:8]}"

    @classmethod
    def load(cls, path: Path) -> ModelCard:
        """The card in a file.

        Raises: ModelError when it cannot be read, or is not a card of this version.
        """
        try:
            facts = json.loads(path.read_text("utf-8"))
        except OSError as error:
            raise ModelError(
                f"{path}: no model card ({error.strerror})",
                hint="point [models] directory or --models at the folder with the .tflite and .json files",
            ) from error
        except ValueError as error:
            raise ModelError(f"{path}: not JSON: {error}", hint=_REINSTALL) from error
        return cls.parse(facts, str(path))

    @classmethod
    def parse(cls, facts: object, where: str) -> ModelCard:
        """The card in decoded JSON; `where` is named in errors.

        Raises: ModelError naming the first key that is missing, unknown or wrong.
        """
        if not isinstance(facts, dict):
            raise ModelError(f"{where}: a card is a JSON object", hint=_REINSTALL)
        if facts.get("card_version") != CARD_VERSION:
            raise ModelError(
                f"{where}: card_version is {facts.get('card_version')!r}, this program knows {CARD_VERSION}",
                hint="install the models that came with this version",
            )
        task: Any = facts.get("task")
        if task not in _OF_TASK:
            raise ModelError(f"{where}: task is {task!r}, not one of {sorted(_OF_TASK)}", hint=_REINSTALL)
        _check_keys(facts, {**_COMMON, **_OF_TASK[task]}, where)
        _check_keys(facts["input"], _INPUT, f"{where}: input")
        for number, output in enumerate(facts["outputs"]):
            _check_keys(output, _OUTPUT, f"{where}: outputs[{number}]")
        if facts["input"]["dtype"] != "int8":
            raise ModelError(f"{where}: input.dtype is {facts['input']['dtype']!r}, not 'int8'")
        return cls(
            name=facts["name"],
            version=facts["version"],
            task=task,
            file=facts["file"],
            sha256=facts["sha256"],
            input=TensorCard("input", 0, tuple(facts["input"]["shape"])),
            input_scale=float(facts["input"]["scale"]),
            input_zero_point=facts["input"]["zero_point"],
            outputs=tuple(TensorCard(o["name"], o["index"], tuple(o["shape"])) for o in facts["outputs"]),
            temperature=_temperature(facts["calibration"], where),
            threshold=float(facts.get("threshold", 0.0)),
            stride=facts.get("stride", 0),
            alphabet=facts.get("alphabet", ""),
            facts=facts,
        )


_REINSTALL = "copy the model's two files again from where they were released"


def _check_keys(facts: object, wanted: Mapping[str, type | tuple[type, ...]], where: str) -> None:
    if not isinstance(facts, dict):
        raise ModelError(f"{where}: must be a JSON object", hint=_REINSTALL)
    if missing := sorted(set(wanted) - set(facts)):
        raise ModelError(f"{where}: missing {', '.join(missing)}", hint=_REINSTALL)
    if unknown := sorted(set(facts) - set(wanted)):
        raise ModelError(f"{where}: unknown {', '.join(unknown)}", hint=_REINSTALL)
    for key, kind in wanted.items():
        if not isinstance(facts[key], kind) or isinstance(facts[key], bool):
            raise ModelError(f"{where}: {key} is a {type(facts[key]).__name__}", hint=_REINSTALL)


def _temperature(calibration: Mapping[str, Any], where: str) -> float:
    temperature = calibration.get("temperature", 1.0)
    if not isinstance(temperature, int | float) or not 0 < temperature < 100:
        raise ModelError(f"{where}: calibration.temperature is {temperature!r}, not between 0 and 100")
    return float(temperature)
