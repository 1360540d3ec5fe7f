"""Networks that learn from others. Runs where the extra [train] is installed."""

import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe.detector.loss import Maps, distances
from models.recipe.detector.network import DetectorNet, Widths
from models.recipe.detector.opening import LEARNT, opening, reopened
from models.recipe.ocr.train import distance


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


def test_a_cheaper_beginning_leaves_the_rest_as_it_was() -> None:
    teacher = DetectorNet(Widths(8, 8, 12, 16, 20, 8))
    pupil = reopened(teacher.eval(), quarter=6)
    assert Widths.of(pupil.state_dict()) == Widths(0, 6, 12, 16, 20, 8)
    for name, value in pupil.state_dict().items():
        if not name.startswith(LEARNT):
            assert torch.equal(value, teacher.state_dict()[name])


def test_a_cheaper_beginning_answers_where_the_old_one_did() -> None:
    teacher = DetectorNet(Widths(8, 8, 12, 16, 20, 8)).eval()
    pupil = reopened(teacher, quarter=6).eval()
    picture = torch.rand(1, 1, 64, 96)
    assert opening(pupil, picture).shape == opening(teacher, picture).shape == (1, 12, 8, 12)
    assert [part.shape for part in pupil(picture)] == [part.shape for part in teacher(picture)]


def test_a_reader_as_unsure_as_its_teacher_has_nothing_to_learn() -> None:
    torch.manual_seed(5)
    logits = torch.randn(2, 37, 72)
    assert float(distance(logits, logits, ["AB1", "C2"])) == pytest.approx(0, abs=1e-5)
    assert float(distance(-logits, logits, ["AB1", "C2"])) > 1


def test_what_a_teacher_half_believes_counts() -> None:
    sure = torch.full((1, 37, 72), -20.0)
    sure[:, 0] = 5.0
    doubting = sure.clone()
    doubting[:, 8] = 4.0
    one_slot = sure.clone()
    one_slot[:, 8, 3] = 4.0
    near, far = (float(distance(sure, taught, ["AB1"])) for taught in (one_slot, doubting))
    assert 0 < near < far
