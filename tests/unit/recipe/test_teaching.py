"""A detector that learns from another one. Runs where the extra [train] is installed."""

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe.detector.loss import Maps, distances
from models.recipe.detector.network import DetectorNet, Widths


def answer() -> Maps:
    """A teacher's maps of one picture: sure of the first cell, of nothing else."""
    torch.manual_seed(2)
    heat = torch.full((1, 1, 4, 6), -8.0)
    heat[..., 0, 0] = 3.0
    return heat, torch.rand(1, 2, 4, 6), torch.rand(1, 2, 4, 6), torch.rand(1, 8, 4, 6)


def test_a_pupil_that_answers_as_its_teacher_has_nothing_to_learn() -> None:
    assert [float(part) for part in distances(answer(), answer())] == [0.0, 0.0]


def test_where_the_teacher_sees_no_plate_only_the_heat_counts() -> None:
    heat, *places = answer()
    elsewhere = torch.ones_like(heat)
    elsewhere[..., 0, 0] = 0
    moved = distances((heat, *(place + elsewhere for place in places)), answer())
    assert [float(part) for part in moved] == [0.0, 0.0]
    warm, where = distances((heat + 8 * elsewhere, *places), answer())
    assert warm > 0.1
    assert where == 0


@pytest.mark.parametrize("part", [1, 2, 3])
def test_where_the_teacher_sees_a_plate_its_place_counts(part: int) -> None:
    pupil = [*answer()]
    pupil[part] = pupil[part] + 0.5
    warm, where = distances(tuple(pupil), answer())
    assert warm == 0
    assert where > 0.1


def test_a_narrow_network_comes_closer_to_a_wide_one() -> None:
    torch.manual_seed(4)
    teacher, pupil = DetectorNet(Widths(8, 8, 12, 16, 20, 8)), DetectorNet(Widths(4, 4, 6, 8, 10, 4))
    teacher.heads["heat"].bias.data.fill_(0.0)
    teacher.eval()
    picture = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        wanted = teacher(picture)
    steps = torch.optim.Adam(pupil.parameters(), 0.02)
    apart = []
    for _ in range(40):
        steps.zero_grad()
        loss = torch.stack(distances(pupil(picture), wanted)).sum()
        loss.backward()
        steps.step()
        apart.append(float(loss.detach()))
    assert apart[-1] < 0.3 * apart[0]
