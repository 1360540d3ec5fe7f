"""`scripts/bench reader` starts the real service and measures it from outside."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser

import pytest

from scripts.benchmarks import reader
from scripts.benchmarks.process import usage


def test_one_vehicle_is_read_and_every_frame_counted(capsys: pytest.CaptureFixture[str]) -> None:
    result = reader.measure(1, 1, ("flat-out",))
    (run,) = result["runs"]
    assert run["frames"]["processed"] == result["clip"]["frames"]
    assert sum(run["frames"]["dropped"].values()) == 0
    assert run["reads"] == result["clip"]["vehicles"] == 1
    assert 0 < run["running_s"] < run["first_read_s"]
    assert 50 < run["resident_mb"] <= run["peak_mb"]
    assert run["frames_per_s"] > 0
    assert run["processor_ms_per_frame"] > 0
    assert json.loads(json.dumps(result)) == result
    reader.show(result)
    assert result["machine"]["processor"] in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--vehicles=0", "--seed=-1"])
def test_a_wrong_number_is_a_wrong_call(option: str) -> None:
    parser = ArgumentParser()
    reader.add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(["reader", option])
    assert ended.value.code == 2


def test_usage_of_a_process_and_of_none() -> None:
    ours = usage(os.getpid())
    assert ours is not None
    assert 5 < ours.resident_mb <= ours.peak_mb
    assert ours.processor_s > 0
    assert usage(2**22 + 1) is None  # Source: proc(5), pid_max is at most 2^22
