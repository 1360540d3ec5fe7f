"""Exposure for plates, not for the scene: a pure controller without a camera, a clock or a thread.

A plate throws the lamps' light back to where it came from and saturates long before the road is even
grey. So plates rule while they are seen; the scene helps only when it has changed without a plate, or
when there has been none for long. Then settings to either side are tried as well, since plates may be
missing because of the exposure itself.

What a look at a plate calls for is kept as an amount of light, whatever the settings were when it was
taken. So the answer to a change is not taken for a new error, and vehicles that differ do not make it hunt.

Source of the numbers: our own runs on the rendered road of tests/exposed_road.py; no roadside has seen them.
"""

from __future__ import annotations

import math
from itertools import cycle
from typing import Literal

from anpr_edge.devices.elapsed import Elapsed
from anpr_edge.devices.exposure_profile import Profile
from anpr_edge.devices.passages import Look, Passages, look
from anpr_edge.records import Brightness, Exposure

HYSTERESIS_STOPS = 0.5
"""Plates differ by this much among themselves, and come nearer; closer to its aim nothing is moved."""
STEP_STOPS = 1.5
"""One move, at most."""
SETTLE_S = 0.4
"""Frames this soon after a move may have been begun before it: the camera is four frames ahead."""
SAME_STOPS, CLAMPED_S = 0.1, 2.0
"""A frame with another exposure than was asked for is older still, or the camera can do no better."""
GAP_S, PASSAGE_S = 0.5, 2.0
"""A plate has passed when it was not seen for this long; one that stays gives a vote this often."""

SCENE_GREY = {"day": 30.0, "night": 20.0}
"""The scene's median when plates are right, until plates have shown what it is here …"""
LEARN = 0.2
"""… and how much of that each vehicle teaches."""
SCENE_TRUST_STOPS, SCENE_AFTER_S = 1.5, 5.0
"""A scene that stays this far from what it should be means that the light has changed."""
LONELY_S, NEW_S = 120.0, 20.0
"""Without a plate for longer than this, the scene alone decides; the second until there was one at all."""
NIGHT_HEADROOM, HALF_LIT = 2.0, 0.5
"""How much above what plates last called for by night the scene may lead, since the lamps light them, not it;
and the least share of the lamps that counts for that: less was the morning's."""

OTHER_PROFILE = 0.0
PROBES = (-1.0, 1.0, -2.0, 2.0, -3.0, OTHER_PROFILE)
"""Stops from the middle that are tried in turn; the last is the other profile, where it is in question."""
REST_S, PROBE_S = 20.0, 5.0

NIGHT_GAIN = 2.0
"""By day more gain than this is better replaced by the lamps."""
DAY_SPARE = 2.0
"""… and the lamps go off only when the day's longest shutter would be too long by this factor."""
TRIAL_EVERY_S = 60.0

Limit = Literal["dark", "bright"]


class ExposureController:
    """Holds plates at `target_grey`, given how frame after frame came out.

    It begins by night with `start_light`, the amount of light a fixed exposure would have had.
    """

    def __init__(self, day: Profile, night: Profile, *, target_grey: float, start_light: float) -> None:
        self._day, self._night = day, night
        self._target_grey = target_grey
        self._profile, self._light = night, night.within(start_light)
        self._night_light = self._light
        self._scene_grey = dict(SCENE_GREY)
        self._passages = Passages()
        self._probes = cycle(PROBES)
        self._back: tuple[Profile, float] | None = None  # where a probe goes back to
        self._lit: tuple[Profile, float] | None = None  # where a trial of the day goes back to
        self._limit: Limit | None = None
        self._new = True
        self._elapsed = Elapsed()

    @property
    def exposure(self) -> Exposure:
        """What the next frames should be taken with."""
        return self._profile.exposure(self._light)

    @property
    def profile(self) -> Literal["day", "night"]:
        """Who lights the plates."""
        return self._profile.name

    @property
    def held_by(self) -> Literal["plates", "scene", "probe"]:
        """What it goes by now."""
        if self._back is not None:
            return "probe"
        return "scene" if self._lonely else "plates"

    @property
    def limit(self) -> Limit | None:
        """What it cannot mend: all light there is leaves it dark, or the least leaves it too bright."""
        return self._limit

    @property
    def limit_s(self) -> float:
        """For how long that has been so, in seconds of the frames' own time."""
        return self._elapsed.since_s("limit") if self._limit else 0.0

    def update(
        self, seen: Brightness, mono_ns: int, *, shutter_us: float | None = None, gain: float | None = None
    ) -> Exposure:
        """How a frame taken at `mono_ns` came out, with the shutter and gain it had where they are known.

        Gives what the next frames should be taken with. A time before the last one begins all waiting
        anew, and nothing else.
        """
        self._elapsed.tick(mono_ns)
        if not self._settled(shutter_us, gain) or self._failed_trial(seen.scene_grey):
            return self.exposure
        if seen.plate_grey is not None:
            self._see(look(self._light, seen.plate_grey, seen.plate_clipped or 0.0, self._target_grey))
        if self._passages.open:
            self._by_plates(seen.scene_grey)
        elif self._back is not None:
            self._end_probe()
        else:
            self._by_scene(self._light * self._scene_grey[self._profile.name] / max(seen.scene_grey, 1.0))
        if self._back is None:
            self._choose_profile(seen.scene_grey)
        return self.exposure

    def _settled(self, shutter_us: float | None, gain: float | None) -> bool:
        """Whether a frame shows what the settings of now make of the road."""
        waited_s = self._elapsed.since_s("moved")
        if waited_s < SETTLE_S or waited_s >= CLAMPED_S or not shutter_us or not gain:
            return waited_s >= SETTLE_S
        asked = self.exposure
        return abs(math.log2(shutter_us * gain / (asked.shutter_us * asked.gain))) < SAME_STOPS

    # ── what plates and scene call for ──────────────────────────────────────────────────────

    def _see(self, seen: Look) -> None:
        """Something like a plate is in the picture; whether it was one shows when it has passed."""
        if not self._passages.open:
            self._elapsed.mark("passage")
        self._passages.add(seen)
        self._elapsed.mark("look")

    def _by_plates(self, scene_grey: float) -> None:
        """When the plate has passed, do what it and those before it call for."""
        if self._elapsed.since_s("look") < GAP_S and self._elapsed.since_s("passage") < PASSAGE_S:
            return
        wanted = self._passages.close()
        if wanted is None:
            return
        self._elapsed.mark("plate", "scene")
        self._new = False
        self._back = None  # a probe that shows plates is the middle from now on
        if self._aim(wanted):
            self._learn(scene_grey)
        else:
            self._passages.keep_near(wanted)

    def _learn(self, scene_grey: float) -> None:
        """Plates are right: remember what the scene is like then."""
        name = self._profile.name
        self._scene_grey[name] += LEARN * (max(scene_grey, 1.0) - self._scene_grey[name])
        if self._profile is self._night:
            self._night_light = max(self._light, HALF_LIT * self._night.undimmed_light)

    def _by_scene(self, wanted: float) -> None:
        """No plate in this frame: follow the scene if it has changed for good, or if nothing else is left."""
        if self._profile is self._night:
            wanted = min(wanted, NIGHT_HEADROOM * self._night_light)
        changed = self._elapsed.since_s("scene") > SCENE_AFTER_S
        if abs(math.log2(wanted / self._light)) < (HYSTERESIS_STOPS if changed else SCENE_TRUST_STOPS):
            self._elapsed.mark("scene")
        if not self._lonely and not changed:
            return
        if not self._aim(wanted):
            self._passages.clear()  # they were taken in another light
        elif self._lonely and self._elapsed.since_s("moved") > REST_S:
            self._begin_probe(next(self._probes))

    def _aim(self, wanted: float) -> bool:
        """One step towards the wanted light; True when it is there already, as near as matters."""
        highest, lowest = self._profile.most_light, self._profile.least_light
        margin = 2**HYSTERESIS_STOPS
        self._note_limit(
            "dark" if wanted > highest * margin else "bright" if wanted < lowest / margin else None
        )
        stops = math.log2(wanted / self._light)
        if abs(stops) < HYSTERESIS_STOPS:
            return True
        light = self._light * 2 ** min(max(stops, -STEP_STOPS), STEP_STOPS)
        self._set(self._profile, light)
        return False

    def _note_limit(self, limit: Limit | None) -> None:
        if limit != self._limit:
            self._elapsed.mark("limit")
        self._limit = limit

    @property
    def _lonely(self) -> bool:
        return self._elapsed.since_s("plate") > (NEW_S if self._new else LONELY_S)

    # ── when there are no plates: what if? ──────────────────────────────────────────────────

    def _begin_probe(self, stops: float) -> None:
        if stops != OTHER_PROFILE:
            there = self._profile, self._profile.within(self._light * 2**stops)
        elif self._in_question():
            there = self._other()
        else:
            return
        back = self._profile, self._light
        self._set(*there)
        self._passages.clear()
        self._back = back

    def _end_probe(self) -> None:
        if self._back is not None and self._elapsed.since_s("moved") > PROBE_S:
            self._set(*self._back)
            self._elapsed.mark("scene")

    def _in_question(self) -> bool:
        """Whether the other profile might do as well: the sun is weak, or the lamps are hardly needed."""
        if self._profile is self._day:
            return self._light > self._day.shutter_max_us
        return self._night.lamp_share(self._light) < 1

    # ── day or night ────────────────────────────────────────────────────────────────────────

    def _choose_profile(self, scene_grey: float) -> None:
        if self._profile is self._day:
            if self._light >= self._day.shutter_max_us * min(NIGHT_GAIN, self._day.max_gain):
                self._set(*self._other())
        elif (
            self._light <= self._night.dimmed_light
            and self._day_would_do(scene_grey)
            and self._elapsed.since_s("trial") > TRIAL_EVERY_S
        ):
            lit = self._profile, self._light
            self._set(*self._other())
            self._lit = lit
            self._elapsed.mark("trial")

    def _failed_trial(self, scene_grey: float) -> bool:
        """The lamps have just gone out: True, and they shine again, when it is night after all."""
        lit, self._lit = self._lit, None
        if lit is None or self._day_would_do(scene_grey):
            return False
        self._set(*lit)
        return True

    def _day_would_do(self, scene_grey: float) -> bool:
        """Whether sunlight alone makes the scene what it should be by day, with something to spare."""
        now = self.exposure
        wanted = now.shutter_us * now.gain * self._scene_grey["day"] / max(scene_grey, 1.0)
        return wanted * DAY_SPARE <= self._day.shutter_max_us

    def _other(self) -> tuple[Profile, float]:
        """The other profile: by day with the same shutter and gain, by night as plates last were right."""
        if self._profile is self._day:
            return self._night, self._night_light
        return self._day, self.exposure.shutter_us * self.exposure.gain

    def _set(self, profile: Profile, light: float) -> None:
        """Change the settings, if this is a change; looks under other lamps say nothing any more."""
        before = self._profile, self._light
        self._profile, self._light = profile, profile.within(light)
        self._back = None
        if profile is not before[0]:
            self._passages.clear()
        if (self._profile, self._light) != before:
            self._elapsed.mark("moved")
