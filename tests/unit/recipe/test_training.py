"""What every training shares. Runs where the extra [train] is installed."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe import training

PACE = training.Pace(peak_rate=0.1, warm_up_steps=10, average_decay=0.9, gradient_limit=1.0)


def options(folder: Path, *words: str) -> Namespace:
    parser = ArgumentParser()
    training.add_arguments(parser, batch=4, peak_rate=PACE.peak_rate)
    return parser.parse_args([str(folder), str(folder / "line.pt"), "--minutes", "0.005", *words])


def line() -> torch.nn.Module:
    """A network that is to learn y = 3 x."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(1, 1))


def learn(args: Namespace) -> training.Training:
    model = line()
    progress = training.begin(args, model, PACE)
    x = torch.linspace(-1, 1, 16)[:, None]

    def losses() -> list[torch.Tensor]:
        return [(model(x) - 3 * x).square().mean(), model[0].bias.square().sum()]

    training.train(args, progress, losses, lambda number: f"checkpoint {number}")
    return progress


def test_a_training_learns_and_shows_its_losses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress = learn(options(tmp_path))
    assert float(progress.average["0.weight"]) == pytest.approx(3, abs=0.1)
    told = capsys.readouterr().err.splitlines()
    assert "step 50 losses" in told[0]
    assert told[-1] == "checkpoint 0"


def test_a_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    first = learn(options(tmp_path))
    again = training.begin(options(tmp_path), line(), PACE)
    assert (again.step, again.elapsed_s) == (first.step, first.elapsed_s)
    assert torch.equal(again.average["0.weight"], first.average["0.weight"])
    assert learn(options(tmp_path)).step == first.step  # the time is used up
    assert learn(options(tmp_path, "--minutes", "0.01")).step > first.step


def test_other_weights_are_begun_from_with_nothing_else(tmp_path: Path) -> None:
    first = learn(options(tmp_path))
    (tmp_path / "line.pt").unlink()
    args = options(tmp_path, "--weights", str(tmp_path / "line.npz"))
    fresh = training.begin(args, line(), PACE)
    assert (fresh.step, fresh.elapsed_s) == (0, 0.0)
    with np.load(tmp_path / "line.npz") as stored:
        assert fresh.average["0.weight"].numpy() == stored["0.weight"]
    assert torch.equal(fresh.model.state_dict()["0.weight"], first.average["0.weight"])


def test_the_rate_warms_up_and_goes_down() -> None:
    assert PACE.rate(0, 0.0) == pytest.approx(0.01)
    assert PACE.rate(9, 0.0) == pytest.approx(0.1)
    assert PACE.rate(500, 0.5) == pytest.approx(0.0505)
    assert PACE.rate(500, 1.5) == pytest.approx(0.001)
