"""Settings for every suite."""

from __future__ import annotations

from hypothesis import settings

# a busy machine is not a fault of what is tested
settings.register_profile("anpr-edge", deadline=None)
settings.load_profile("anpr-edge")
