"""`anpr-fleet eye-safety`: what it says of lamps near and far, and which numbers it refuses."""

from __future__ import annotations

import json

import pytest

from anpr_edge.cli.fleet import main

LAMP = ["eye-safety", "--intensity", "30", "--emitters", "6", "--emitter", "5", "--across", "60"]


def test_too_near_fails_and_says_from_where_on_it_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LAMP, "--distance", "0.5"]) == 1
    out = capsys.readouterr().out
    assert "fail cornea  120 W/m² at 0.5 m  (limit 100)" in out
    assert "fail retina  128 kW/m²sr at 0.5 m  (limit 60)" in out
    assert "1.28 m on" in out


def test_far_enough_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LAMP, "--distance", "1.3"]) == 0
    assert "fail" not in capsys.readouterr().out


def test_a_lamp_too_bright_for_any_distance_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eye-safety", "--intensity", "30", "--emitter", "2", "--distance", "50", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["from_m"] is None
    assert not said["safe"]
    assert main(["eye-safety", "--intensity", "30", "--emitter", "2"]) == 1
    assert "nowhere" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "value"),
    [("--wavelength", "700"), ("--intensity", "0"), ("--distance", "nan"), ("--across", "4")],
)
def test_an_impossible_number_is_named(option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main([*LAMP, option, value])
    except SystemExit as end:
        code = int(end.code or 0)
    assert code == 2
    assert option in capsys.readouterr().err
