"""What `scripts/bench seal` prints is what it measured."""

from __future__ import annotations

from scripts.benchmarks.seal import CASES, measure, report


def test_every_case_is_measured_and_shown() -> None:
    result = measure(rounds=1, repeats=1)
    assert set(result["cases"]) == set(CASES)
    assert result["cases"]["1 x25519"]["bytes"] <= 700
    for name, case in result["cases"].items():
        assert case["seal_ms"]["clock_p50"] > 0
        assert case["opened_per_s"]["clock_p50"] > 0
        assert any(
            line.startswith(name) and str(case["bytes"]) in line for line in report(result).splitlines()
        )
