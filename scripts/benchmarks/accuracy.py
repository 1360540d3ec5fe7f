"""`scripts/bench accuracy`: what the shipped models read of labelled pictures. Format: docs/accuracy.md.

Ours and the peer take turns picture by picture, each on one thread; the pictures are decoded outside the
times, ours to luma, the peer's to colours.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from anpr_edge.cli.numbers import whole
from anpr_edge.cli.output import json_line, progress
from anpr_edge.config import find_models_directory
from anpr_edge.errors import BadImage, CaptureError, UsageError, reason
from anpr_edge.vision.tflite import TfliteModel
from models.recipe.data import Split, load_collection
from scripts.benchmarks.accuracy_table import show
from scripts.benchmarks.contenders import Contender, Ours, PeerBeside
from scripts.benchmarks.judging import JudgedPicture, figures, judge, slices
from scripts.benchmarks.labels import LabelledPicture, chosen, load_labels
from scripts.benchmarks.machine import machine

SCHEMA: Final = 1
WARM_UP: Final = 3
SPLITS: Final[tuple[str, ...]] = get_args(Split)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which labelled pictures are looked at; None is all of them."""

    labels: Path
    images: Path | None = None
    crops: bool = False
    split: str | None = None
    only: tuple[str, ...] | None = None
    limit: int | None = None
    pseudo: bool = False

    def pictures(self) -> list[LabelledPicture]:
        """The pictures, in the order of their labels.

        Raises: UsageError when labels, split or pictures are not what they must be.
        """
        return chosen(
            load_labels(self.labels, self.images, crops=self.crops),
            names=names_of_split(self.split, self.labels) if self.split else None,
            sources=frozenset(self.only) if self.only else None,
            limit=self.limit,
        )


def add_parser(commands: _SubParsersAction[ArgumentParser]) -> None:
    """Add `accuracy`."""
    parser = commands.add_parser("accuracy", help="what is found and read right, by slice")
    parser.add_argument("labels", type=Path, metavar="LABELS", help="a labels.jsonl, see docs/accuracy.md")
    parser.add_argument("--images", type=Path, metavar="DIR", help="where the pictures are (beside LABELS)")
    parser.add_argument("--crops", action="store_true", help="each picture is one plate already cut out")
    parser.add_argument(
        "--split",
        metavar="SPLIT",
        help=f"{', '.join(SPLITS)} of the recipe, or a file with a picture's name a line",
    )
    parser.add_argument("--only", nargs="+", metavar="SOURCE", help="the pictures of these sources")
    parser.add_argument("--limit", type=whole(1), metavar="N", help="pictures at most, evenly chosen")
    parser.add_argument("--pseudo", action="store_true", help="trust texts that a model supplied as well")
    parser.add_argument("--peer", type=Path, metavar="DIR", help="folder with the fast-alpr models")
    parser.add_argument("--models", type=Path, default=find_models_directory(), metavar="DIR")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Measure and print."""
    choice = Choice(
        labels=arguments.labels,
        images=arguments.images,
        crops=arguments.crops,
        split=arguments.split,
        only=tuple(arguments.only) if arguments.only else None,
        limit=arguments.limit,
        pseudo=arguments.pseudo,
    )
    result = measure(choice, arguments.models, arguments.peer)
    json_line(result) if arguments.json else show(result)
    return 0


def measure(choice: Choice, models: Path, peer: Path | None) -> dict[str, Any]:
    """The whole measurement as one JSON object.

    Raises: UsageError, ModelError, or BadImage naming the label's line.
    """
    pictures = choice.pictures()
    ours = Ours(models, crops=choice.crops)
    contenders: list[Contender] = [ours]
    if peer:
        contenders.append(PeerBeside(peer, crops=choice.crops))
    judged = _in_turns(contenders, pictures, choice)
    return {
        "schema": SCHEMA,
        "bench": "accuracy",
        "machine": machine(),
        "runtime": TfliteModel.load(models, "recogniser").runtime,
        "models": list(ours.model_ids),
        "kind": "crops" if choice.crops else "scenes",
        "split": Path(choice.split).name if choice.split else None,
        "only": list(choice.only) if choice.only else None,
        "pseudo_texts": choice.pseudo,
        "pictures": len(pictures),
        "slices": {name: _by_slice(looks, crops=choice.crops) for name, looks in judged.items()},
    }


def names_of_split(split: str, labels: Path) -> frozenset[str]:
    """The picture names of a split of the training recipe, or those a file lists one a line.

    The recipe's collection is the folder two above the label file: splits depend on all that is in it.

    Raises: UsageError when it is neither.
    """
    if split in SPLITS:
        return _names_of_recipe_split(split, labels.resolve().parent.parent)
    try:
        lines = Path(split).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--split {split}: cannot be read: {reason(error)}", hint=f"a file, or {', '.join(SPLITS)}"
        ) from error
    return frozenset(line.strip() for line in lines if line.strip())


def _names_of_recipe_split(split: str, root: Path) -> frozenset[str]:
    try:
        collection = load_collection(root)
    except (FileNotFoundError, KeyError) as error:
        lacking = getattr(error, "filename", None) or error
        raise UsageError(
            f"--split {split}: {root} is not the recipe's collection, {lacking} is missing",
            hint="the recipe splits a collection with scenes/, crops/ and backgrounds/, models/README.md",
        ) from error
    shots = collection.backgrounds_in(next(known for known in get_args(Split) if known == split))
    labelled = {name for name, its_split in collection.splits.items() if its_split == split}
    return frozenset(labelled | {shot.name for shot in shots})


def _in_turns(
    contenders: Sequence[Contender], pictures: Sequence[LabelledPicture], choice: Choice
) -> dict[str, list[JudgedPicture]]:
    """Every picture by every contender, after a few unmeasured ones."""
    judged: dict[str, list[JudgedPicture]] = {contender.name: [] for contender in contenders}
    for picture in pictures[:WARM_UP]:
        for contender in contenders:
            _look(contender, picture, choice)
    for number, picture in enumerate(pictures, start=1):
        progress(f"{number}/{len(pictures)} {picture.image}")
        for contender in contenders:
            judged[contender.name].append(_look(contender, picture, choice))
    progress("")
    return judged


def _look(contender: Contender, picture: LabelledPicture, choice: Choice) -> JudgedPicture:
    try:
        return judge(picture, contender.look(picture.path), pseudo=choice.pseudo)
    except CaptureError as error:
        progress("")
        raise BadImage(f"{choice.labels}:{picture.line}: {error}", hint=error.hint) from error


def _by_slice(judged: Sequence[JudgedPicture], *, crops: bool) -> dict[str, Any]:
    return {part.name: figures(part, crops=crops) for part in slices(judged)}
