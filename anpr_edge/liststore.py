"""The lists of vehicles a unit was sent, kept as they came: sealed. What they say is in memory alone.

`<state_dir>/lists/<list>/<revision>.cose`: a whole list, and the changes since. A new whole list takes their
place. Whoever puts older files back puts an older list back, until that expires; a service that runs never
goes back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from anpr_edge.durable import replace_whole
from anpr_edge.errors import ListError, reason
from anpr_edge.seal.keys import RecipientPrivateKey, VerifyKey
from anpr_edge.seal.lists import LONGEST_BYTES, ListRevision, WatchList, open_list, revised

FOLDER: Final = "lists"
FOLDER_MODE: Final = 0o770
SEALED_MODE: Final = 0o640


@dataclass(frozen=True, slots=True)
class ListStore:
    """The lists of one unit. `keepers` are the keys that sign them, by a list's name, as the policy says."""

    folder: Path
    fleet: str
    keepers: Mapping[str, VerifyKey]
    own: RecipientPrivateKey

    def take(self, blob: bytes) -> tuple[ListRevision, WatchList]:
        """Keep a message that follows what is held. Gives what it says, and the list after it.

        Raises: ListError saying why not.
        """
        news = self._opened(blob)
        after = revised(self.held(news.name), news)
        self._write(news, blob)
        return news, after

    def held(self, name: str) -> WatchList | None:
        """The list as its files have it; None when there is no whole one.

        What cannot be used is passed over. Raises: PermissionError.
        """
        found: WatchList | None = None
        for file in self._files(name):
            with suppress(ListError, FileNotFoundError):  # a newer whole list may take its place meanwhile
                found = revised(found, self._opened(file.read_bytes()))
        return found

    def files(self) -> frozenset[str]:
        """What there is, without opening it: other files, another list."""
        return frozenset(str(file) for name in self.keepers for file in self._files(name))

    def _opened(self, blob: bytes) -> ListRevision:
        refusal = ListError("the policy names no list", hint="load the policy first")
        for name, keeper in self.keepers.items():
            try:
                news = open_list(blob, keeper, self.own)
            except ListError as error:
                refusal = error
                continue
            if news.name == name and news.fleet == self.fleet:
                return news
            refusal = ListError(f"list {news.name} of fleet {news.fleet}: not one that the policy names")
        raise refusal

    def _files(self, name: str) -> list[Path]:
        """A list's messages, from the lowest revision on."""
        found = [file for file in (self.folder / name).glob("*.cose") if file.stem.isdigit()]
        return sorted(found, key=lambda file: int(file.stem))

    def _write(self, news: ListRevision, blob: bytes) -> None:
        file = self.folder / news.name / f"{news.revision}.cose"
        older = self._files(news.name) if news.base is None else []
        try:
            for folder in (self.folder, file.parent):
                folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            replace_whole(file, blob, SEALED_MODE)
            for old in older:
                old.unlink()
        except OSError as error:
            raise ListError(f"{file}: {reason(error)}", hint="the state folder must take writes") from None


def read_list_file(path: Path) -> bytes:
    """A sealed list's bytes. Raises: ListError."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise ListError(f"{path}: {error.strerror}") from None
