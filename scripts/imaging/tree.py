"""A root file system inside a tar file, to be looked into and hashed without unpacking it."""

from __future__ import annotations

import hashlib
import posixpath
import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType


class Tree:
    """All files of a root file system by path, without the leading slash."""

    def __init__(self, tar: Path) -> None:
        self._tar = tarfile.open(tar)  # noqa: SIM115 - closed by __exit__
        self.entries = {posixpath.normpath(entry.name).lstrip("/"): entry for entry in self._tar}

    def __enter__(self) -> Tree:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tar.close()

    def __contains__(self, path: str) -> bool:
        return path in self.entries

    def under(self, folder: str) -> Iterator[str]:
        """The paths of everything in a folder and in its folders."""
        return (path for path in self.entries if path.startswith(f"{folder}/"))

    def target(self, path: str) -> str | None:
        """Where a symbolic link points, as written in it; None for anything else."""
        entry = self.entries.get(path)
        return entry.linkname if entry is not None and entry.issym() else None

    def read(self, path: str) -> bytes:
        """A file's content; nothing when there is no such file."""
        entry = self.entries.get(path)
        file = self._tar.extractfile(entry) if entry is not None and entry.isreg() else None
        return file.read() if file is not None else b""

    def text(self, path: str) -> str:
        """A file's content as text."""
        return self.read(path).decode("utf-8", "replace")

    def content_bytes(self) -> int:
        """How much disk the files take, in blocks of 4 KiB."""
        return sum(-(-entry.size // 4096) * 4096 + 512 for entry in self.entries.values())

    def sha256(self) -> str:
        """One hash over every path with its kind, owner, mode, time, target and content.

        It does not depend on the order in the tar file, nor on the version of any file system's tools.
        """
        whole = hashlib.sha256()
        for path, entry in sorted(self.entries.items()):
            content = self.read(path) if entry.isreg() else b""
            facts = (entry.type, entry.mode, entry.uid, entry.gid, int(entry.mtime), entry.linkname)
            line = (
                f"{path}\0{facts}\0{entry.devmajor},{entry.devminor}\0{hashlib.sha256(content).hexdigest()}\n"
            )
            whole.update(line.encode())
        return whole.hexdigest()
