"""What the page can do to the unit: say what it is, save areas, keep the view, run the checks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any, Final

from anpr_edge import __version__
from anpr_edge.aim.needs import CLIPPED_SHARE, READABLE_PX, SHARPNESS, WIDTH_PX
from anpr_edge.aim.sight import Sight
from anpr_edge.aim.trace import COMMISSIONED, SAVED, Trace
from anpr_edge.aim.unitchecks import unit_points
from anpr_edge.commissioning import ANY_LIGHT, keep_view, read_views
from anpr_edge.config import Config, load_config
from anpr_edge.config.areas import changes, plan_in, plan_of
from anpr_edge.config.edit import draft_view, fingerprint, replace_text
from anpr_edge.errors import AnprError
from anpr_edge.seams import Clock

GATHER_WITHIN_S: Final = 20.0


class Desk:
    """One unit's, while its page is open. Safe to call from the server's threads."""

    def __init__(
        self, config_path: Path, clock: Clock, sight: Sight, trace: Trace, *, reader_paused: bool
    ) -> None:
        self._path, self._clock, self._sight, self._trace = config_path, clock, sight, trace
        self._reader_paused = reader_paused
        self._lock = Lock()

    def unit(self) -> dict[str, Any]:
        """What the page shows of the unit, and what it measures against."""
        config = load_config(self._path)
        return {
            "unit": f"{config.unit.fleet}/{config.unit.id}",
            "site": config.site.name,
            "version": __version__,
            "reader_paused": self._reader_paused,
            "view": plan_in(config.view).values(),
            "sha256": fingerprint(self._path),
            "needs": {
                "width_px": WIDTH_PX,
                "readable_px": READABLE_PX,
                "sharpness": SHARPNESS,
                "clipped": CLIPPED_SHARE,
            },
            "commissioned": self._commissioned(config),
        }

    def save_view(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Save regions, exclusions and lanes through the configuration's own validation.

        Raises: AnprError saying what is not allowed, or that another hand has changed the file.
        """
        plan = plan_of(wanted)
        with self._lock:
            if wanted.get("sha256") != fingerprint(self._path):
                raise AnprError(
                    f"{self._path} was changed by another hand since this page read it",
                    hint="reload the page; what was drawn and not saved is lost",
                )
            before = plan_in(load_config(self._path).view)
            draft = draft_view(self._path, plan)
            if draft.inspection.config is None:
                words = "; ".join(f"{one.key}: {one.text}" for one in draft.inspection.problems)
                raise AnprError(f"not saved: {words}", hint="correct the area it names, and save again")
            after = plan_in(draft.inspection.config.view)
            if changed := changes(before, after):
                self._trace.enter(SAVED, file=str(self._path), changes=changed)
                replace_text(self._path, draft.text)
                self._sight.reload()
            return {"view": after.values(), "sha256": fingerprint(self._path), "changes": changed}

    def commission(self) -> dict[str, Any]:
        """Capture what the camera looks at, as features, and keep it.

        Raises: AnprError when no frames come, or it cannot be kept.
        """
        with self._lock:
            features = self._sight.gather_view(GATHER_WITHIN_S)
            config = load_config(self._path)
            light = self._light()
            digest = hashlib.sha256(json.dumps(features, sort_keys=True).encode()).hexdigest()
            self._trace.enter(COMMISSIONED, light=light, sha256=digest)
            keep_view(config.unit.state_dir, light, features, self._clock.now().utc_ns)
            return {"commissioned": self._commissioned(config)}

    def checks(self) -> dict[str, Any]:
        """The unit's own checks for the acceptance record; takes some seconds."""
        return {"points": [asdict(point) for point in unit_points(self._path, self._clock)]}

    def _light(self) -> str:
        _, parcel = self._sight.newest(0, 0.0)
        exposure = parcel.facts.get("exposure", {}) if parcel else {}
        return str(exposure.get("profile") or ANY_LIGHT)

    def _commissioned(self, config: Config) -> dict[str, str]:
        try:
            return {light: view.utc for light, view in read_views(config.unit.state_dir).items()}
        except AnprError:
            return {}
