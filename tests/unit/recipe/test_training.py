"""What every training shares. Runs where the extra [train] is installed."""

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe import training, weights
from models.recipe.detector.batches import pool_of
from models.recipe.detector.frames import HEIGHT_PX, WIDTH_PX, LabelledFrame, save_shard
from models.recipe.detector.network import DetectorNet, Widths
from models.recipe.detector.pictures import boxes_of_quads
from models.recipe.weights import Weights

PACE = training.Pace(peak_rate=0.1, warm_up_steps=10, average_decay=0.9, gradient_limit=1.0)


def options(folder: Path, *words: str) -> Namespace:
    parser = ArgumentParser()
    training.add_arguments(parser, batch=4, peak_rate=PACE.peak_rate)
    return parser.parse_args([str(folder), str(folder / "line.pt"), "--minutes", "0.005", *words])


def line() -> torch.nn.Module:
    """A network that is to learn y = 3 x."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(1, 1))


def restored(source: Weights | Path) -> torch.nn.Module:
    return weights.restored(lambda _: line(), source)


def begin(args: Namespace) -> training.Training[torch.nn.Module]:
    return training.begin(args, PACE, line, restored)


def learn(args: Namespace) -> training.Training[torch.nn.Module]:
    progress = begin(args)
    model = progress.model
    x = torch.linspace(-1, 1, 16)[:, None]

    def losses() -> list[torch.Tensor]:
        return [(model(x) - 3 * x).square().mean(), model.get_parameter("0.bias").square().sum()]

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
    again = begin(options(tmp_path))
    assert (again.step, again.elapsed_s) == (first.step, first.elapsed_s)
    assert torch.equal(again.average["0.weight"], first.average["0.weight"])
    assert learn(options(tmp_path)).step == first.step  # the time is used up
    assert learn(options(tmp_path, "--minutes", "0.01")).step > first.step


def test_other_weights_are_begun_from_with_nothing_else(tmp_path: Path) -> None:
    first = learn(options(tmp_path))
    (tmp_path / "line.pt").unlink()
    args = options(tmp_path, "--weights", str(tmp_path / "line.npz"))
    fresh = begin(args)
    assert (fresh.step, fresh.elapsed_s) == (0, 0.0)
    with np.load(tmp_path / "line.npz") as stored:
        assert fresh.average["0.weight"].numpy() == stored["0.weight"]
    assert torch.equal(fresh.model.state_dict()["0.weight"], first.average["0.weight"])


def test_a_checkpoint_says_itself_how_wide_its_network_is(tmp_path: Path) -> None:
    narrow = DetectorNet(Widths(8, 8, 12, 16, 20, 8))
    training.Training(narrow, PACE).save(tmp_path / "line.pt")
    again = training.begin(options(tmp_path), PACE, DetectorNet, DetectorNet.restored)
    assert Widths.of(again.model.state_dict()) == Widths(8, 8, 12, 16, 20, 8)
    assert again.model.training


def test_wrong_finds_that_are_mined_later_are_looked_at(tmp_path: Path) -> None:
    nothing = np.zeros((0, 4), np.float32)
    empty = LabelledFrame(
        np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8), nothing, nothing.reshape(0, 4, 2), nothing, True
    )
    bright = empty.pixels.copy()
    bright[:40, :60] = 255
    save_shard(tmp_path / "frames-000.npz", [replace(empty, pixels=bright)])
    pool = pool_of(tmp_path, close_up=True)
    np.save(tmp_path / "frames-000.finds.npy", np.array([[0, 10, 10, 40, 20]], np.float32))
    pool.look_for_shards()
    windows = pool.draw(np.random.default_rng(1), 20)
    assert all(window.pixels.any() for window in windows)


def test_the_rate_warms_up_and_goes_down() -> None:
    assert PACE.rate(0, 0.0) == pytest.approx(0.01)
    assert PACE.rate(9, 0.0) == pytest.approx(0.1)
    assert PACE.rate(500, 0.5) == pytest.approx(0.0505)
    assert PACE.rate(500, 1.5) == pytest.approx(0.001)


def test_some_frames_are_drawn_turned_and_their_plates_are_where_their_labels_say(tmp_path: Path) -> None:
    pixels = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    pixels[20:42, 180:260] = 255
    quad = np.array([[(180, 20), (260, 20), (260, 42), (180, 42)]], np.float32)
    frame = LabelledFrame(pixels, boxes_of_quads(quad), quad, np.zeros((0, 4), np.float32), True)
    save_shard(tmp_path / "one.npz", [frame])
    drawn = pool_of(tmp_path, close_up=False, turned=0.2).draw(np.random.default_rng(1), 300)
    turned = [one for one in drawn if not np.array_equal(one.quads, quad)]
    assert len(turned) / len(drawn) == pytest.approx(0.2, abs=0.08)
    for one in turned:
        assert len(one.boxes) + len(one.ignored) <= 1
        for x, y in one.quads.mean(axis=1).astype(int):
            assert one.pixels[y, x] == 255
    assert any(len(one.boxes) and one.quads[0, 1, 1] > one.quads[0, 0, 1] + 20 for one in turned)


def test_a_frame_with_a_plate_of_unknown_corners_is_not_turned(tmp_path: Path) -> None:
    unknown = np.full((1, 4, 2), np.nan, np.float32)
    pixels = np.arange(HEIGHT_PX * WIDTH_PX).reshape(HEIGHT_PX, WIDTH_PX).astype(np.uint8)
    boxes = np.array([[180, 20, 260, 42]], np.float32)
    frame = LabelledFrame(pixels, boxes, unknown, np.zeros((0, 4), np.float32), True)
    save_shard(tmp_path / "one.npz", [frame])
    for one in pool_of(tmp_path, close_up=False, turned=1.0).draw(np.random.default_rng(1), 60):
        np.testing.assert_array_equal(one.pixels, pixels)
