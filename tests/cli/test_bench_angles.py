"""`scripts/bench angles` poses what it says and measures it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anpr_edge.records import Quad
from anpr_edge.vision.rectify import quad_sides
from scripts.benchmarks import angles
from scripts.benchmarks.posed import HEIGHT_PX, WIDTH_PX, Pose, pictured, subjects
from tests.shipped_models import DIRECTORY

FIGURES = {"found", "corner_error", "right", "right_by_true_corners", "against_straight"}
POINTS = np.array([(-1.0, 0.0, 0.2), (1.0, 0.0, 0.2), (1.0, 0.0, -0.2), (-1.0, 0.0, -0.2)])


def test_yaw_takes_the_right_side_away_and_pitch_brings_the_top_nearer() -> None:
    yawed, pitched = POINTS @ Pose(yaw_deg=30).turn().T, POINTS @ Pose(pitch_deg=30).turn().T
    assert yawed[1, 1] == pytest.approx(0.5)
    assert yawed[0, 1] == pytest.approx(-0.5)
    assert pitched[0, 1] == pytest.approx(-0.1)
    assert pitched[3, 1] == pytest.approx(0.1)


def test_roll_turns_the_picture_clockwise_whatever_else_is_turned() -> None:
    for pose in (Pose(roll_deg=20), Pose(yaw_deg=45, roll_deg=20)):
        level = POINTS @ Pose(pose.yaw_deg).turn().T
        rolled = POINTS @ pose.turn().T
        angles_deg = [np.degrees(np.arctan2(-p[2], p[0])) for p in (level[1], rolled[1])]
        assert angles_deg[1] - angles_deg[0] == pytest.approx(20)


@pytest.mark.parametrize("pose", list(angles.POSES.values()))
def test_plates_are_equally_wide_and_lie_where_their_corners_say(pose: Pose) -> None:
    for subject in subjects(5, 2):
        pixels, corners = pictured(subject, pose, 100.0)
        assert pixels.shape == (HEIGHT_PX, WIDTH_PX)
        assert quad_sides(corners)[0] == pytest.approx(100, rel=0.01)
        assert corners.centre == pytest.approx(subject.spot, abs=4)
        inside, beyond = (_mean_grey(pixels, corners, size) for size in (0.88, 1.2))
        assert inside > 1.5 * beyond, "a bright plate in its dark recess"


def _mean_grey(pixels: NDArray[np.uint8], corners: Quad, size: float) -> float:
    """The mean along a plate's upper and lower edge, moved to `size` times its height."""
    tl, tr, br, bl = np.array(corners.points)
    greys = []
    for share in np.linspace(0.12, 0.88, 20):
        upper, lower = tl + (tr - tl) * share, bl + (br - bl) * share
        middle = (upper + lower) / 2
        places = (middle + size * (end - middle) for end in (upper, lower))
        greys += [pixels[int(y), int(x)] for x, y in places]
    return float(np.mean(greys))


def test_a_vehicle_is_looked_at_in_every_pose_and_width(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: angles.POSES[name] for name in ("straight", "roll 20°")}
    monkeypatch.setattr(angles, "POSES", some)
    found = angles.look_at(next(subjects(5, 1)), True, DIRECTORY)
    assert set(found) == {(name, width) for name in some for width in angles.WIDTHS_PX}
    assert all(seen.right_by_true_corners for seen in found.values())
    assert found["straight", 120.0].right
    assert found["straight", 120.0].corner_error < 0.2


def test_the_measurement_as_json_and_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    angles.add_parser(parser.add_subparsers())
    words = ["angles", "--vehicles", "1", "--jobs", "1", "--models", str(DIRECTORY)]
    for form in (["--json"], []):
        given = parser.parse_args([*words, *form])
        assert given.run(given) == 0
        printed = capsys.readouterr().out
        if form:
            result = json.loads(printed)
            assert {frozenset(pose) for poses in result["widths_px"].values() for pose in poses.values()} == {
                frozenset(FIGURES)
            }
            assert list(result["widths_px"]["120"]) == list(angles.POSES)
    assert "plates 120 px wide" in printed
    assert "yaw 45°, roll 20°" in printed


def test_every_figure_is_documented() -> None:
    text = (Path(DIRECTORY).parent / "docs" / "accuracy.md").read_text()
    assert [key for key in FIGURES if f"`{key}`" not in text] == []
