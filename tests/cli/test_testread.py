"""`anpr-edge test-read` over the rendered road: it reads, and leaves nothing behind."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from anpr_edge.cli.edge import main
from anpr_edge.config import find_models_directory
from anpr_edge.daemon.alone import alone
from tests.unit.diag.bench import Bench, make_bench

pytestmark = pytest.mark.skipif(
    not (find_models_directory() / "detector.json").is_file(), reason="no trained detector in models/"
)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = make_bench(tmp_path)
    made.camera = {"source": "synthetic", "synthetic": {"vehicles": 2}}
    made.write_config()
    return made


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_one_vehicle_is_read_and_nothing_is_left(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(bench.directory)
    assert main(["test-read", "--json", "--config", str(bench.config)]) == 0
    read, counts = map(json.loads, capsys.readouterr().out.splitlines())
    assert read["plate"].endswith("•••")
    assert len(read["plate"]) == 5
    assert read["frames"] >= 2
    assert counts["reads"] == 1
    assert counts["sight"]["plates"]["width_px"] > 40
    assert files(bench.directory) - before == {bench.state_dir / "reader.lock"}


def test_plates_in_full_only_when_asked(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test-read", "--show-plates", "--config", str(bench.config)]) == 0
    shown = capsys.readouterr().out
    assert "•" not in shown
    assert shown.startswith("ok   ")


def test_an_empty_view_says_why_nothing_was_read(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.more = "\n[view]\nregions = [[[0.0, 0.0], [0.01, 0.0], [0.0, 0.01]]]\n"
    bench.write_config()
    assert main(["test-read", "--config", str(bench.config)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "outside the configured view" in lines[0]
    assert lines[1].startswith("     next: anpr-edge doctor")


def test_a_running_reader_is_not_disturbed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    with alone(bench.state_dir, "reader"):
        assert main(["test-read", "--config", str(bench.config)]) == 1
    assert "systemctl stop anpr-edge-reader" in capsys.readouterr().err


def test_a_record_is_written_for_both_outcomes(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    record = bench.directory / "acceptance.html"
    command = ["test-read", "--config", str(bench.config), "--record", str(record)]
    assert main([*command, "--count", "2", "--show-plates"]) == 0
    (plate, *_) = re.findall(r"^ok   (\S+)", capsys.readouterr().out, re.MULTILINE)
    page = record.read_text()
    assert "•••</td>" in page
    assert plate not in page  # masked, whatever the terminal shows
    assert page.count("☐ yes ☐ no") == 3
    assert "<th>read right</th>" in page

    bench.more = "\n[view]\nregions = [[[0.0, 0.0], [0.01, 0.0], [0.0, 0.01]]]\n"
    bench.write_config()
    assert main(command) == 1
    assert "<strong>Nothing was read:</strong>" in record.read_text()
    assert [file for file in bench.directory.iterdir() if file.name.endswith(".new")] == []


@pytest.mark.parametrize("place", ["nowhere/acceptance.html", "."])
def test_a_record_that_cannot_be_written_is_refused_before_anybody_drives(
    place: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    record = bench.directory / place
    assert main(["test-read", "--config", str(bench.config), "--record", str(record)]) == 1
    said = capsys.readouterr()
    assert f"{record}: no record can be written there" in said.err
    assert "waiting" not in said.err
