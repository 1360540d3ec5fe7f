"""Are the models whole, and do they run here?"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, absent, fail, not_checked, ok, warn
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import ModelError

EXPLANATION = (
    "The model's file is held against the SHA-256 in its card, and one inference is run on an empty picture. "
    "A damaged model reads wrongly rather than not at all, so the reader refuses to start with one."
)


def _whole_and_runs(code: str, what: str) -> Condition:
    return Condition(
        code=code,
        title=f"{what} is whole and runs",
        severity=Severity.READS,
        explanation=EXPLANATION,
        depends_on=("config",),
        next_step="copy the model and its card of one release to models.directory",
    )


DETECTOR = _whole_and_runs("model-detector", "The plate detector")
CLOSEUP = _whole_and_runs("model-closeup", "The detector's second look")
RECOGNISER = _whole_and_runs("model-recogniser", "The plate recogniser")


def run(subject: Subject) -> Iterator[Finding]:
    """Each model by itself."""
    yield _try(subject, DETECTOR, "detector")
    yield _try(subject, CLOSEUP, "closeup")
    yield _try(subject, RECOGNISER, "recogniser")


def _try(subject: Subject, condition: Condition, name: str) -> Finding:
    try:
        import numpy as np

        from anpr_edge.vision.tflite import TfliteModel
    except ImportError as error:
        step = "pip install 'anpr-edge[unit]'"
        return not_checked(condition, f"cannot import {error.name}", next_step=step)
    directory = subject.config.models.directory
    try:
        model = TfliteModel.load(directory, name)
        picture = np.zeros(model.input_shape, np.int8)
        model.run_int8(picture)
        started_ns = subject.clock.now().mono_ns
        model.run_int8(picture)
    except ModelError as error:
        step = error.hint or f"copy {name}.json and {name}.tflite of one release to {directory}"
        return fail(condition, str(error), next_step=step)
    return ok(condition, f"{model.model_id}, {subject.elapsed_ms(started_ns):.1f} ms, {model.runtime}")


FRAMES_BEHIND = 3
"""A reader that cannot keep up always has two frames waiting before the one it works at."""

READ_ZONE_M = 8.0
LOOKS_WANTED = 3
"""Voting over a plate needs three looks; a plate is large enough to be read for about 8 m.
Source: hw/README.md, "Lens and exposure"."""

SPEED = Condition(
    code="model-speed",
    title="Frames are searched fast enough for the road's speed",
    severity=Severity.READS,
    explanation=(
        "While a vehicle crosses the read zone it has to be looked at three times. When searching a frame "
        "takes longer, frames are dropped and fast vehicles are read from one look or not at all."
    ),
    depends_on=("service-reader", "throttling", "model-detector", "model-recogniser"),
    next_step="top: what else runs? then a smaller camera.width, or view.exclusions, or models.threads",
)


def run_speed(subject: Subject) -> Iterator[Finding]:
    """How long the running reader takes from a frame to what it makes of it."""
    latency_ms = subject.state("reader").get("latency_ms", {}).get("frame_p50")
    if latency_ms is None:
        yield absent(SPEED, "no frame was searched yet")
        return
    limit_ms = (
        READ_ZONE_M / (subject.config.exposure.speed_limit_km_h / 3.6) / LOOKS_WANTED * FRAMES_BEHIND * 1e3
    )
    measured, limit = f"{latency_ms:.0f} ms a frame, waiting included", f"{limit_ms:.0f} ms"
    yield warn(SPEED, measured, limit=limit) if latency_ms > limit_ms else ok(SPEED, measured, limit)


CHECK = Check("models", (DETECTOR, CLOSEUP, RECOGNISER), run)
SPEED_CHECK = Check("model-speed", (SPEED,), run_speed)
