"""A signed bundle as RAUC reads it, and whether this unit may install it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from anpr_edge.errors import UpdateError
from anpr_edge.update.raucconf import RaucConfig
from anpr_edge.update.versions import DATA_FORMAT, Version

READABLE_BY: Final = "readable-by"
"""In the manifest's `build`: the lowest DATA_FORMAT that can read what this release leaves on the data
partition. RAUC 1.8 keeps no fields of our own, and `build` it passes on as it is."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a bundle."""

    kind: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle's manifest says, its signature verified."""

    path: Path
    compatible: str
    version: str
    readable_by: int
    images: tuple[Image, ...]


def bundle_of(path: Path, info: str) -> Bundle:
    """The bundle in the words of `rauc info --output-format=json`.

    Raises: UpdateError when the manifest lacks what a unit must know.
    """
    try:
        found = json.loads(info)
        images = tuple(
            Image(kind, int(image["size"]), str(image["checksum"]))
            for entry in found["images"]
            for kind, image in entry.items()
        )
        version, compatible, build = found["version"], found["compatible"], found["build"] or ""
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UpdateError(f"{path}: RAUC tells nothing that can be used of its manifest") from None
    if not version or not images:
        raise UpdateError(f"{path}: its manifest names no version, or no image", hint=_MAKE)
    Version.parse(version)
    return Bundle(path, str(compatible), str(version), _readable_by(path, str(build)), images)


def check_fits(
    bundle: Bundle, config: RaucConfig, running: str, *, allow_older: bool, data_format: int = DATA_FORMAT
) -> None:
    """Whether this unit may install it, by what is in force here.

    Raises: UpdateError naming the first reason why not.
    """
    name = bundle.path.name
    if bundle.compatible != config.compatible:
        raise UpdateError(
            f"{name}: made for {bundle.compatible}, this unit is {config.compatible}",
            hint="take the bundle for this kind of unit",
        )
    if not allow_older and not Version.parse(bundle.version).is_newer_than(Version.parse(running)):
        raise UpdateError(
            f"{name}: version {bundle.version} is not newer than {running}, which runs",
            hint="--allow-older installs it all the same",
        )
    if bundle.readable_by > data_format:
        raise UpdateError(
            f"{name}: what it leaves on the data partition takes format {bundle.readable_by} to read,"
            f" the system that runs knows {data_format}: there would be no way back",
            hint="install and commit the release before it first",
        )


def check_sizes(bundle: Bundle, config: RaucConfig, slot: str) -> None:
    """Whether every image has a place in `slot` that is large enough.

    Raises: UpdateError naming the first that has not.
    """
    places = {device.kind: device.path for device in config.slots[slot]}
    for image in bundle.images:
        if image.kind not in places:
            raise UpdateError(f"{bundle.path.name}: this unit has no slot for its image {image.kind}")
        room = _size_of(places[image.kind])
        if image.size > room:
            raise UpdateError(
                f"{bundle.path.name}: its image {image.kind} takes {image.size} bytes,"
                f" {places[image.kind]} holds {room}",
                hint="this unit's card was made for smaller systems: make it anew",
            )


def _size_of(path: Path) -> int:
    """The length of a file or block device."""
    try:
        with path.open("rb") as file:
            return file.seek(0, 2)
    except OSError as error:
        raise UpdateError(f"{path}: {error.strerror}", hint="run it as root, on the unit") from None


def _readable_by(path: Path, build: str) -> int:
    words: Mapping[str, Any] = dict(word.partition("=")[::2] for word in build.split())
    value = words.get(READABLE_BY, "")
    if not value.isdecimal() or not 1 <= int(value) <= 10**6:
        raise UpdateError(f"{path}: its manifest does not say build={READABLE_BY}=NUMBER", hint=_MAKE)
    return int(value)


_MAKE: Final = "anpr-fleet release sign makes bundles that say it (docs/update.md)"
