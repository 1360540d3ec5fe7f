"""Versions of system images, and which of two is newer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from anpr_edge import __version__
from anpr_edge.errors import UpdateError

FORM = re.compile(r"(\d{1,9}(?:\.\d{1,9}){0,3})(?:-(\d{1,9}))?")

DATA_FORMAT = 1
"""Rises with each release that writes something under the state folder in a way older software cannot read.

A bundle says which DATA_FORMAT software must have to read what it leaves behind (`readable-by`): a unit whose
own is lower could not go back, and refuses the bundle before anything is written.
"""


@dataclass(frozen=True, slots=True)
class Version:
    """`1.4.2`, or `1.4.2-3` for the third build of the same software; missing parts are 0."""

    parts: tuple[int, int, int, int]
    build: int

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises: UpdateError when it is no version."""
        match = FORM.fullmatch(text)
        if match is None:
            raise UpdateError(
                f"{text[:32]!r} is no version", hint="up to four numbers with dots, as 1.4.2 or 1.4.2-3"
            )
        numbers = [int(part) for part in match[1].split(".")]
        a, b, c, d = (*numbers, 0, 0, 0)[:4]
        return cls((a, b, c, d), int(match[2] or 0))

    def is_newer_than(self, older: Version) -> bool:
        """Whether it comes after `older`."""
        return (self.parts, self.build) > (older.parts, older.build)


def running_version(release_file: Path) -> str:
    """The version of the system that runs: the image's own word, else this software's."""
    try:
        return release_file.read_text("utf-8").strip() or __version__
    except (OSError, UnicodeDecodeError):
        return __version__
