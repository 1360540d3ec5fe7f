"""`anpr-edge read` as a process of its own: alone, heard at its start and end, and honest about its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.config import find_models_directory
from anpr_edge.devices.clock import SystemClock
from anpr_edge.fleet.rig import build_rig

pytestmark = pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)

CLOCK = SystemClock()
WITHIN_S = 60.0


def test_one_reader_a_unit_from_its_first_word_to_its_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build_rig(tmp_path, {"source": "synthetic", "synthetic": {"vehicles": 200}}, CLOCK)
    first = rig.start_reader()
    try:
        deadline_ns = CLOCK.now().mono_ns + WITHIN_S * 1e9
        while rig.state("reader").get("state") != "running":
            assert CLOCK.now().mono_ns < deadline_ns
            CLOCK.sleep(0.05)
        assert rig.start_reader().wait(WITHIN_S) == 1
        assert f"runs already, as process {first.pid}" in rig.log("reader").read_text()
        assert rig.state("reader")["pid"] == first.pid
    finally:
        first.terminate()
        code = first.wait(WITHIN_S)
    assert (code, rig.state("reader")["state"]) == (0, "stopped")
    said = rig.log("reader").read_text()
    assert "reading from synthetic for charging with detector-" in said
    assert "stopped as told: " in said
    assert main(["status", "--config", str(rig.config)]) == 1
    assert "reader   stopped " in capsys.readouterr().out
