"""Which system each unit runs, and how far a fleet is with an update: from what units say in their health.

A unit's health tells the system that runs, the last update and what became of it, and a bundle on its way
(docs/update.md). What it does not say is not known, and is never taken for done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from anpr_edge.errors import UpdateError
from anpr_edge.update.record import Phase
from anpr_edge.update.versions import Version

MOST_NAMED: Final = 3
"""Of units that came to grief, in one line."""


@dataclass(frozen=True, slots=True)
class LastUpdate:
    """A unit's last update: `why` it was rolled back or failed, and when it came to its phase."""

    version: str
    from_version: str
    phase: Phase
    why: str = ""
    utc_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fetch:
    """A bundle that a unit fetches; `trouble` is what is in the way, empty when nothing is."""

    version: str
    bytes: int | None = None
    of_bytes: int | None = None
    trouble: str = ""

    @property
    def words(self) -> str:
        """How far it is."""
        if self.bytes is None or not self.of_bytes:
            return f"fetching {self.version}"
        return f"fetching {self.version}, {min(self.bytes, self.of_bytes) / self.of_bytes:.0%}"


@dataclass(frozen=True, slots=True)
class Systems:
    """What a unit says of its system: the version that runs, the last update, the one on its way."""

    running: str | None = None
    last: LastUpdate | None = None
    fetch: Fetch | None = None

    @property
    def words(self) -> str:
        """For a column: what runs, and what is under way."""
        if self.running is None:
            return "-"
        if self.last is not None and self.last.phase is Phase.TRYING:
            tried = self.last.version
            return f"{tried} on trial" if tried == self.running else f"{self.running} → {tried}"
        if self.last is not None and self.last.phase in (Phase.INSTALLING, Phase.INSTALLED):
            return f"{self.running} → {self.last.version}"
        return f"{self.running} … {self.fetch.version}" if self.fetch else self.running


class Progress(StrEnum):
    """How far a unit is with an update, first what somebody has to look at. Values are stable: see JSON."""

    FELL_BACK = "fell-back"
    FAILED = "failed"
    NOT_KNOWN = "not-known"
    ON_TRIAL = "on-trial"
    INSTALLING = "installing"
    FETCHING = "fetching"
    NOT_BEGUN = "not-begun"
    DONE = "done"


OF_PHASE: Final = {
    Phase.INSTALLING: Progress.INSTALLING,
    Phase.INSTALLED: Progress.INSTALLING,
    Phase.TRYING: Progress.ON_TRIAL,
    Phase.ROLLED_BACK: Progress.FELL_BACK,
    Phase.FAILED: Progress.FAILED,
}
"""Of the last update, when it is the one that is asked for; one that is committed is judged by what runs."""

GRIEF: Final = (Progress.FELL_BACK, Progress.FAILED)
"""Whose units are named."""


def progress(systems: Systems | None, version: str) -> Progress:
    """How far a unit is with the update to `version`.

    Whoever runs that one, or a newer one, is done, whatever else it was ordered or could not do; but not
    while there is a trial.
    """
    if systems is None or systems.running is None:
        return Progress.NOT_KNOWN
    last = systems.last
    if not _is_older(systems.running, version):
        on_trial = last is not None and last.phase is Phase.TRYING
        return Progress.ON_TRIAL if on_trial else Progress.DONE
    if systems.fetch is not None and systems.fetch.version == version:
        return Progress.FETCHING
    if last is not None and last.version == version and last.phase in OF_PHASE:
        return OF_PHASE[last.phase]
    return Progress.NOT_BEGUN


def _is_older(running: str, version: str) -> bool:
    try:
        return Version.parse(version).is_newer_than(Version.parse(running))
    except UpdateError:
        return running != version


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a fleet, or a group of it, is with the update to `version`, by unit."""

    version: str
    units: Mapping[str, Progress]
    systems: Mapping[str, Systems | None]

    @property
    def counts(self) -> dict[Progress, int]:
        """How many units are how far."""
        found = Counter(self.units.values())
        return {one: found[one] for one in Progress}

    @property
    def is_done(self) -> bool:
        """Whether there are units, and every one of them is done."""
        return bool(self.units) and all(one is Progress.DONE for one in self.units.values())

    @property
    def words(self) -> str:
        """In one line, who came to grief before all others: it is cut where a terminal ends.

        `12 of 40 done; 1 fell back: unit-0007: reader not alive; 26 not begun, 1 on trial`
        """
        counts = self.counts
        steps = [one for one in Progress if one not in (*GRIEF, Progress.DONE) and counts[one]]
        grief = [f"{counts[one]} {_said(one)}: {self._named(one)}" for one in GRIEF if counts[one]]
        rest = ", ".join(f"{counts[one]} {_said(one)}" for one in reversed(steps))
        return "; ".join(
            [f"{counts[Progress.DONE]} of {len(self.units)} done", *grief, *([rest] if rest else [])]
        )

    def _named(self, step: Progress) -> str:
        """Who it is, and why."""
        names = sorted(name for name, one in self.units.items() if one is step)
        told = [f"{name}: {self._why(name)}" for name in names[:MOST_NAMED]]
        more = len(names) - len(told)
        return ", ".join([*told, f"and {more} more"] if more else told)

    def _why(self, name: str) -> str:
        systems = self.systems[name]
        return (systems.last.why if systems and systems.last else "") or "it does not say why"


def _said(step: Progress) -> str:
    return step.replace("-", " ")


def rollout(version: str, systems: Mapping[str, Systems | None]) -> Rollout:
    """How far each unit is with the update to `version`, from what it says of its system."""
    return Rollout(version, {name: progress(one, version) for name, one in systems.items()}, systems)


def running(systems: Iterable[Systems | None]) -> Sequence[tuple[str, int]]:
    """Which systems run, on how many units each, the most common first; `not known` is one of them."""
    found = Counter((one.running if one else None) or "not known" for one in systems)
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))
