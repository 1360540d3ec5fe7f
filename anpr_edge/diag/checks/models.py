"""Are the models whole, and do they run here?"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, not_checked, ok
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


CHECK = Check("models", (DETECTOR, CLOSEUP, RECOGNISER), run)
