"""Rendered examples on disk: one NumPy file a shard, so training can start before all are rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from anpr_edge.vision.rectify import stretch_contrast
from models.recipe.synthesis.crops import PATCH_HEIGHT_PX, PATCH_WIDTH_PX, Sample

KINDS: Final = ("made-up", "real", "blank", "distant", "spliced")


@dataclass(frozen=True)
class Shard:
    """Examples of one kind: ``pixels`` is ``uint8 (N, 40, 144)``, contrast already stretched."""

    pixels: npt.NDArray[np.uint8]
    texts: tuple[str, ...]
    kind: str


def as_pixels(patch: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """A patch as the model takes it (pixel − 128), back as grey levels of the same shape."""
    return patch.view(np.uint8) ^ np.uint8(128)


def save_shard(path: Path, samples: Sequence[Sample], kind: str) -> None:
    """Write the samples to ``path`` (``.npz``) in one step, so that a reader never sees half a shard."""
    pixels = np.stack([as_pixels(stretch_contrast(sample.pixels)) for sample in samples])
    partial = path.with_name(f".{path.stem}.partial.npz")
    np.savez(partial, pixels=pixels, texts=np.array([sample.text for sample in samples]), kind=np.array(kind))
    partial.rename(path)


def load_shard(path: Path) -> Shard:
    """Read one shard.

    Raises: ValueError when the pictures are not patches of the recogniser's size.
    """
    with np.load(path) as stored:
        pixels, texts, kind = stored["pixels"], stored["texts"], str(stored["kind"])
    if pixels.shape[1:] != (PATCH_HEIGHT_PX, PATCH_WIDTH_PX):
        raise ValueError(f"{path.name}: patches of {pixels.shape[1:]}, expected (40, 144)")
    return Shard(pixels, tuple(str(text) for text in texts), kind)


def shard_paths(folder: Path, seen: Iterable[Path] = ()) -> list[Path]:
    """The folder's finished shards that are not among ``seen``, oldest name first."""
    known = set(seen)
    return [
        path for path in sorted(folder.glob("*.npz")) if not path.name.startswith(".") and path not in known
    ]
