"""Label files: one JSON object a line for each picture, as docs/accuracy.md describes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import UsageError, reason
from anpr_edge.records import Box

_PLATE_TEXT: Final = re.compile(r"[A-Z0-9]{1,16}")


@dataclass(frozen=True, slots=True)
class LabelledPlate:
    """One plate of a picture: `box` None is the whole picture, `text` None is one nobody could read."""

    box: Box | None
    text: str | None = field(repr=False)
    pseudo: bool
    rows: int | None


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One line of a label file; what it does not say is None."""

    line: int
    image: str
    path: Path
    source: str | None
    country: str | None
    infrared: bool
    night: bool | None
    plates: tuple[LabelledPlate, ...]


def load_labels(file: Path, images: Path | None = None, *, crops: bool = False) -> list[LabelledPicture]:
    """The pictures a label file names, below the folder `images` or else below the file's own.

    With `crops`, each picture is one plate with its text; without, each has a list of plates, or the
    `kind` of a picture that shows none.

    Raises: UsageError naming the line, when the file, a label or a picture is not what it must be.
    """
    folder = images or file.parent
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {reason(error)}") from error
    labelled = [
        _Line(file, number).picture(text, folder, crops=crops)
        for number, text in enumerate(lines, start=1)
        if text.strip()
    ]
    if not labelled:
        raise UsageError(f"{file}: no labels in it")
    return labelled


def chosen(
    pictures: Iterable[LabelledPicture],
    *,
    names: frozenset[str] | None = None,
    sources: frozenset[str] | None = None,
    limit: int | None = None,
) -> list[LabelledPicture]:
    """Those of the named pictures and sources, thinned evenly to `limit`; None chooses all.

    Raises: UsageError when none is left.
    """
    kept = [
        picture
        for picture in pictures
        if (names is None or picture.image in names) and (sources is None or picture.source in sources)
    ]
    if not kept:
        raise UsageError("no labelled picture is left after --split and --only")
    count = min(limit or len(kept), len(kept))
    return [kept[index * len(kept) // count] for index in range(count)]


@dataclass(frozen=True, slots=True)
class _Line:
    """Where we are in a label file, so that errors can say so."""

    file: Path
    number: int

    def picture(self, text: str, folder: Path, *, crops: bool) -> LabelledPicture:
        try:
            row = json.loads(text)
        except ValueError as error:
            raise self._wrong(f"not JSON: {error}") from error
        if not isinstance(row, dict):
            raise self._wrong("not a JSON object")
        image = self._typed(row, "image", str)
        if image is None:
            raise self._wrong("`image` is missing")
        path = folder / image
        if not path.is_file():
            raise self._wrong(f"no picture {path}", hint="--images names the folder the pictures are in")
        return LabelledPicture(
            line=self.number,
            image=image,
            path=path,
            source=self._typed(row, "source", str),
            country=self._typed(row, "country", str),
            infrared=bool(self._typed(row, "ir", bool)),
            night=self._typed(row, "night", bool),
            plates=(self._crop(row),) if crops else self._scene(row),
        )

    def _crop(self, row: Mapping[str, Any]) -> LabelledPlate:
        if "text" not in row:
            raise self._wrong("`text` is missing", hint="without --crops the labels are of whole pictures")
        return self._plate(row, None)

    def _scene(self, row: Mapping[str, Any]) -> tuple[LabelledPlate, ...]:
        plates = self._typed(row, "plates", list)
        if plates is not None:
            return tuple(self._plate(plate, self._box(plate)) for plate in plates)
        if "kind" in row:
            return ()
        raise self._wrong("`plates` is missing", hint="with --crops each picture is one plate with its text")

    def _plate(self, row: Mapping[str, Any], box: Box | None) -> LabelledPlate:
        text = self._typed(row, "text", str)
        if text is not None and not _PLATE_TEXT.fullmatch(text):
            raise self._wrong("a `text` is not 1 to 16 capital letters and digits")
        pseudo = bool(self._typed(row, "text_pseudo", bool))
        return LabelledPlate(box, text, pseudo, self._typed(row, "lines", int))

    def _box(self, plate: object) -> Box:
        sides = plate.get("box") if isinstance(plate, dict) else None
        if (
            not isinstance(sides, list)
            or len(sides) != 4
            or not all(isinstance(side, int | float) for side in sides)
            or not (sides[0] < sides[2] and sides[1] < sides[3])
        ):
            raise self._wrong("a plate's `box` is not [x0, y0, x1, y1] with x0 < x1 and y0 < y1")
        return Box(*sides)

    def _typed(self, row: Mapping[str, Any], key: str, kind: type[Any]) -> Any:
        value = row.get(key)
        if value is not None and not isinstance(value, kind):
            raise self._wrong(f"`{key}` is not a JSON {_JSON_NAMES[kind]}")
        return value

    def _wrong(self, what: str, *, hint: str = "") -> UsageError:
        return UsageError(f"{self.file}:{self.number}: {what}", hint=hint)


_JSON_NAMES: Final = {str: "string", bool: "true or false", list: "list", int: "whole number"}
