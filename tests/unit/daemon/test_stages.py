"""The threads of a service: one failure ends all of them, and its words hold no plate."""

from __future__ import annotations

from threading import Event

import pytest

from anpr_edge.daemon.health import Heartbeats
from anpr_edge.daemon.stages import Stages
from anpr_edge.errors import AnprError, SourceStalled
from tests.fakes import FakeClock

PLATE = "AB12CDE"


def failing(error: Exception) -> Event:
    """Run one stage that raises `error` to its end; the stop event it set."""
    stop = Event()
    stages = Stages(Heartbeats(FakeClock(), {"infer": 1.0}), stop)

    def work() -> None:
        raise error

    stages.start("infer", work)
    assert stop.wait(10)
    with pytest.raises(type(error)):
        stages.raise_failure()
    return stop


def test_the_text_of_an_unexpected_error_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    failing(ValueError(f"invalid literal for int(): {PLATE!r}"))
    assert PLATE not in caplog.text
    assert "infer: unexpected ValueError at test_stages.py:" in caplog.text


@pytest.mark.parametrize("error", [SourceStalled("the camera gave no frame for 5 s"), AnprError("no words")])
def test_our_own_errors_speak_for_themselves(error: AnprError, caplog: pytest.LogCaptureFixture) -> None:
    failing(error)
    assert f"infer: {error}" in caplog.text
