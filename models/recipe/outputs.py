"""Where a TFLite file keeps each of its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def output_places(interpreter: Any) -> list[int]:
    """Positions in `get_output_details()` of the outputs in the order the network gives them.

    The converter shuffles them but numbers their names in the network's order.
    """
    names = [str(detail["name"]) for detail in interpreter.get_output_details()]
    return sorted(range(len(names)), key=names.__getitem__)


def open_model(path: Path) -> Any:
    """An interpreter for a TFLite file, one thread."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
