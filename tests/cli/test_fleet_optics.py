"""`anpr-fleet optics`: what it says of a good place and of a bad one, and which numbers it refuses."""

from __future__ import annotations

import json

import pytest

from anpr_edge.cli.fleet import main


def test_a_usual_pole_is_good_enough(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optics"]) == 0
    out, err = capsys.readouterr()
    assert "25 mm lens on imx296" in err
    assert "ok   plate-width" in out
    assert "fail" not in out


def test_a_lens_too_short_fails_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optics", "--distance", "30", "--lens", "8"]) == 1
    out = capsys.readouterr().out
    assert "fail plate-width" in out
    assert "next: take a longer lens" in out


def test_where_nothing_can_be_read_focus_is_not_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optics", "--distance", "10", "--offset", "6", "--lanes", "2"]) == 1
    assert "skip focus" in capsys.readouterr().out


def test_json_has_the_figures_and_the_findings(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["optics", "--json", "--lens", "16", "--offset", "0"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["lens_mm"] == 16
    assert document["zone_m"] == pytest.approx(document["far_m"] - document["near_m"], abs=0.02)
    assert [one["code"] for one in document["findings"]][:3] == ["plate-width", "road-width", "looks"]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--distance", "0", "--distance 0"),
        ("--distance", "nan", "--distance nan"),
        ("--height", "0.5", "--height 0.5"),
        ("--lens", "0.1", "--lens 0.1"),
        ("--lanes", "0", "--lanes 0"),
        ("--lanes", "40", "one camera for each lane"),
        ("--picture", "1280", "--picture 1280"),
        ("--picture", "4000x3000", "1456x1088"),
        ("--offset", "inf", "--offset inf"),
    ],
)
def test_an_impossible_number_is_named(
    option: str, value: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["optics", option, value]) == 2
    assert words in capsys.readouterr().err
