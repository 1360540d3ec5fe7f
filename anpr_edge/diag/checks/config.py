"""Can the unit's configuration be used?"""

from __future__ import annotations

from collections.abc import Iterator

from anpr_edge.diag.condition import Check, Condition, Finding, Severity, fail, ok
from anpr_edge.diag.subject import Subject
from anpr_edge.errors import ConfigError

CONFIG = Condition(
    code="config",
    title="The configuration file can be used",
    severity=Severity.READS,
    explanation=(
        "Both services refuse to start with a configuration that has an unknown key, a wrong type or an "
        "impossible value. Everything else on the unit is found through it, so nothing else is checked "
        "until it is right. `anpr-edge config check` lists every problem with its line."
    ),
    next_step="anpr-edge config check FILE lists every problem with its line; mend them there",
)


def run(subject: Subject) -> Iterator[Finding]:
    """One finding: usable, or the first problem and how many there are."""
    try:
        inspection = subject.inspection
    except ConfigError as error:
        yield fail(CONFIG, str(error), next_step=error.hint)
        return
    if inspection.config is None:
        more = f" (and {len(inspection.problems) - 1} more)" if len(inspection.problems) > 1 else ""
        step = f"anpr-edge config check {subject.config_path} lists all; mend them there"
        yield fail(CONFIG, f"{inspection.problems[0]}{more}", next_step=step)
        return
    unit = inspection.config.unit
    yield ok(CONFIG, f"{subject.config_path}: unit {unit.fleet}/{unit.id}")


CHECK = Check("config", (CONFIG,), run)
