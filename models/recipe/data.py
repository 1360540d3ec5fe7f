"""The labelled pictures the two models are trained and judged on, and the split between the two uses.

The pictures are not part of this repository. They lie in a folder (`ANPR_DATA`, or `../shared/data` beside
the checkout) with `scenes/`, `crops/` and `backgrounds/`, each with a `labels.jsonl`, and
`scenes/corners.jsonl`. Pixel positions here count from the picture's outer edge: pixel i covers i to i + 1.

Nothing is split by picture. Pictures that show the same plate text, or come from the same stretch of video,
are one *block*, and a block lies wholly in training, calibration or validation.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from anpr_edge.plates.syntax import fold
from anpr_edge.records import Box, Point, Quad

Split = Literal["train", "calibration", "validation"]
Tier = Literal["A", "B", "C"]

TRUSTED_TIERS: Final[frozenset[str]] = frozenset("AB")
"""A: licensed by the apparent rights holder; B: the repository has a licence; C, left out: doubtful."""
SAME_BLOCK_GAP: Final = 8
"""Pictures of one clip whose time stamps differ by no more are the same stretch of road."""
_SPLIT_SALT: Final = "anpr-edge split 4"
_CALIBRATION_SHARE: Final = 0.10
_VALIDATION_SHARE: Final = 0.20
_PIXEL_CENTRE: Final = 0.5
_CLIP: Final = re.compile(r"(?P<clip>.+\.mp4)_t_(?P<time>\d+)")
_DERIVED_SUFFIX: Final = re.compile(r"(_jpg\.rf\.[0-9a-f]+)?_\d+$")


@dataclass(frozen=True)
class LabelledPlate:
    """One plate in a scene; `text` is None when nobody could read it, `corners` when nobody placed them."""

    box: Box
    corners: Quad | None
    text: str | None
    pseudo: bool


@dataclass(frozen=True)
class Scene:
    """A whole picture with its labelled plates."""

    name: str
    path: Path
    source: str
    tier: Tier
    country: str
    infrared: bool
    plates: tuple[LabelledPlate, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts known in this picture."""
        return tuple(plate.text for plate in self.plates if plate.text)


@dataclass(frozen=True)
class Crop:
    """A picture of one plate with little around it; `pseudo` when a model supplied the text."""

    name: str
    path: Path
    source: str
    tier: Tier
    country: str
    infrared: bool
    rows: int | None
    text: str
    pseudo: bool

    @property
    def texts(self) -> tuple[str, ...]:
        """The one text."""
        return (self.text,)


@dataclass(frozen=True)
class Background:
    """A picture without a plate."""

    name: str
    path: Path
    source: str
    tier: Tier


@dataclass(frozen=True)
class Collection:
    """All pictures of the trusted tiers, and which split each belongs to."""

    scenes: tuple[Scene, ...]
    crops: tuple[Crop, ...]
    backgrounds: tuple[Background, ...]

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """The split of every scene and crop, by its name."""
        return split_by_block([*self.scenes, *self.crops])

    def scenes_in(self, split: Split) -> list[Scene]:
        """The scenes of one split, in the labels' order."""
        return [scene for scene in self.scenes if self.splits[scene.name] == split]

    def crops_in(self, split: Split) -> list[Crop]:
        """The crops of one split, in the labels' order."""
        return [crop for crop in self.crops if self.splits[crop.name] == split]

    def backgrounds_in(self, split: Split) -> list[Background]:
        """The plate-free pictures of one split; each is a block of its own, walks and clips excepted."""
        return [shot for shot in self.backgrounds if _split_of(_background_block(shot)) == split]


def data_root() -> Path:
    """The picture collection's folder: `ANPR_DATA`, or `../shared/data` beside the checkout."""
    given = os.environ.get("ANPR_DATA")
    return Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"


def load_collection(root: Path | None = None, tiers: frozenset[str] = TRUSTED_TIERS) -> Collection:
    """Read every label file below `root`, keeping the sources of `tiers`.

    Raises: FileNotFoundError naming the label file that is missing.
    """
    root = root or data_root()
    corners = _read_corners(root / "scenes" / "corners.jsonl")
    return Collection(
        scenes=tuple(_scene(row, root, corners) for row in _rows(root, "scenes", tiers)),
        crops=tuple(_crop(row, root) for row in _rows(root, "crops", tiers)),
        backgrounds=tuple(_background(row, root) for row in _rows(root, "backgrounds", tiers)),
    )


def split_by_block(pictures: Iterable[Scene | Crop]) -> dict[str, Split]:
    """The split of each picture: same plate text or same stretch of video, same split.

    Which split a block gets follows from a hash of its first name in alphabetical order, so that it stays
    put while pictures elsewhere come and go.
    """
    pictures = list(pictures)
    parent = {picture.name: picture.name for picture in pictures}

    def find(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for names in _linked(pictures):
        roots = sorted({find(name) for name in names})
        for root in roots[1:]:
            parent[root] = roots[0]
    return {picture.name: _split_of(find(picture.name)) for picture in pictures}


def _linked(pictures: list[Scene | Crop]) -> Iterator[list[str]]:
    """Groups of names that must not be parted: by text, by shot, by stretch of video."""
    groups: dict[str, list[str]] = defaultdict(list)
    times: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for picture in pictures:
        for text in picture.texts:
            groups["text " + fold(text)].append(picture.name)
        groups["shot " + _shot(picture)].append(picture.name)
        clip = _CLIP.match(Path(picture.name).stem)
        if clip:
            times[clip["clip"]].append((int(clip["time"]), picture.name))
    yield from groups.values()
    for stamped in times.values():
        stamped.sort()
        for (earlier, first), (later, second) in itertools.pairwise(stamped):
            if later - earlier <= SAME_BLOCK_GAP:
                yield [first, second]


def _shot(picture: Scene | Crop) -> str:
    """The photograph a picture is, or was cut from."""
    if isinstance(picture, Scene):
        return Path(picture.name).stem
    if picture.source.endswith(("_derived", "_pseudo")):
        return _DERIVED_SUFFIX.sub("", Path(picture.name).stem)
    return picture.name


def _background_block(shot: Background) -> str:
    alone = shot.source in {"openalpr_neg", "coco_subset"}
    return shot.name if alone else shot.source


def _split_of(block: str) -> Split:
    digest = hashlib.sha256(f"{_SPLIT_SALT}\n{block}".encode()).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < _VALIDATION_SHARE:
        return "validation"
    return "calibration" if share < _VALIDATION_SHARE + _CALIBRATION_SHARE else "train"


def _rows(root: Path, kind: str, tiers: frozenset[str]) -> Iterator[dict[str, Any]]:
    with (root / kind / "labels.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row["tier"] in tiers:
                yield row


def _read_corners(path: Path) -> dict[tuple[str, tuple[float, ...]], Quad]:
    """Corner quads by (image, box); an integer in the file is a pixel's centre."""
    quads = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        quads[row["image"], tuple(row["box"])] = Quad(*map(_edge_based, row["corners"]))
    return quads


def _edge_based(point: list[float]) -> Point:
    return point[0] + _PIXEL_CENTRE, point[1] + _PIXEL_CENTRE


def _scene(row: dict[str, Any], root: Path, corners: dict[tuple[str, tuple[float, ...]], Quad]) -> Scene:
    plates = tuple(
        LabelledPlate(
            box=Box(*plate["box"]),
            corners=corners.get((row["image"], tuple(plate["box"]))),
            text=plate["text"],
            pseudo=plate.get("text_pseudo", False),
        )
        for plate in row["plates"]
    )
    path = root / "scenes" / row["image"]
    infrared = row.get("ir", False)
    return Scene(row["image"], path, row["source"], row["tier"], row["country"], infrared, plates)


def _crop(row: dict[str, Any], root: Path) -> Crop:
    return Crop(
        name=row["image"],
        path=root / "crops" / row["image"],
        source=row["source"],
        tier=row["tier"],
        country=row["country"],
        infrared=row.get("ir", False),
        rows=row.get("lines"),
        text=row["text"],
        pseudo=row.get("text_pseudo", False),
    )


def _background(row: dict[str, Any], root: Path) -> Background:
    path = root / "backgrounds" / row["image"]
    return Background(row["image"], path, row["source"], row["tier"])
