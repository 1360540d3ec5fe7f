"""Times the stages of a pipeline from outside: public methods of its classes, wrapped while it runs."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any


class Stopwatch:
    """Milliseconds each stage took in each frame in which it ran."""

    def __init__(self) -> None:
        self.frames_ms: dict[str, list[float]] = {}
        self.calls: Counter[str] = Counter()
        self._frame: dict[str, float] = {}
        self._inside: set[str] = set()

    @contextmanager
    def watching(self, stage: str | Callable[[Any], str], owner: type, *only: str) -> Iterator[None]:
        """Time every public method of `owner`, or `only` these, as part of `stage`.

        `stage` may be a function that names it by the object. Within a stage only the outermost call
        counts. The class is as it was afterwards.
        """
        kept = {
            name: method
            for name, method in vars(owner).items()
            if isinstance(method, FunctionType) and (name in only if only else not name.startswith("_"))
        }
        for name, method in kept.items():
            setattr(owner, name, self._timed(stage, method))
        try:
            yield
        finally:
            for name, method in kept.items():
                setattr(owner, name, method)

    def end_frame(self) -> None:
        """What was measured since the last frame belongs to this one."""
        for stage, seconds in self._frame.items():
            self.frames_ms.setdefault(stage, []).append(seconds * 1e3)
        self._frame = {}

    def _timed(self, stage: str | Callable[[Any], str], method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(owner: Any, *args: Any, **kwargs: Any) -> Any:
            name = stage if isinstance(stage, str) else stage(owner)
            if name in self._inside:
                return method(owner, *args, **kwargs)
            self._inside.add(name)
            self.calls[name] += 1
            started = time.perf_counter()
            try:
                return method(owner, *args, **kwargs)
            finally:
                self._frame[name] = self._frame.get(name, 0.0) + time.perf_counter() - started
                self._inside.discard(name)

        return timed
