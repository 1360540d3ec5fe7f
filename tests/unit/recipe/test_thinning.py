"""Networks made narrower. Runs where the extra [train] is installed."""

from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe.__main__ import main
from models.recipe.detector.network import DetectorNet, Widths
from models.recipe.ocr.network import Recogniser
from models.recipe.ocr.network import Widths as RecogniserWidths

Network = TypeVar("Network", DetectorNet, Recogniser)
WIDE, NARROW = Widths(8, 8, 12, 16, 20, 8), Widths(4, 4, 6, 8, 10, 4)


def half_silent(network: Network, first_half: bool) -> Network:
    """A network that knows something, in which one half of every unit's channels is silent."""
    torch.manual_seed(3)
    for name, value in network.state_dict().items():
        if value.ndim and not name.startswith(("heads.", "classify.")):
            if value.ndim == 1 and not name.endswith("running_var"):
                value.copy_(torch.rand_like(value))
            silent = value[: len(value) // 2] if first_half else value[len(value) // 2 :]
            silent.zero_()
    network.eval()
    return network


def without_a_say(network: Network, normalisation: str) -> Network:
    """The network, a block of which adds nothing to what goes past it."""
    for part in ("weight", "bias"):
        network.state_dict()[f"{normalisation}.{part}"].zero_()
    return network


def stored(network: Network, path: Path) -> Path:
    np.savez(path, **{name: value.numpy() for name, value in network.state_dict().items()})
    return path


@pytest.mark.parametrize("first_half", [True, False])
@pytest.mark.parametrize("half", [0, 8])
def test_channels_that_say_nothing_go_first_and_the_answers_stay(
    tmp_path: Path, half: int, first_half: bool
) -> None:
    wide = half_silent(DetectorNet(replace(WIDE, half=half)), first_half)
    out = tmp_path / "narrow.npz"
    words = [str(half // 2), "4", "6", "8", "10", "4", "2", "3", "3"]
    assert main(["thin", "detector", str(stored(wide, tmp_path / "wide.npz")), str(out), *words]) == 0
    narrow = DetectorNet.restored(out)
    assert Widths.of(narrow.state_dict()) == replace(NARROW, half=half // 2)
    picture = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        for before, after in zip(wide(picture), narrow(picture), strict=True):
            assert before.std() > 0
            assert torch.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("first_half", [True, False])
def test_a_recogniser_without_its_silent_channels_reads_the_same(tmp_path: Path, first_half: bool) -> None:
    wide = half_silent(Recogniser(RecogniserWidths(8, 12, 16, 20)), first_half)
    out = tmp_path / "narrow.npz"
    words = ["4", "6", "8", "10", "2"]
    assert main(["thin", "recogniser", str(stored(wide, tmp_path / "wide.npz")), str(out), *words]) == 0
    narrow = Recogniser.restored(out)
    assert RecogniserWidths.of(narrow.state_dict()) == RecogniserWidths(4, 6, 8, 10)
    patch = torch.rand(2, 1, 40, 144)
    with torch.no_grad():
        before, after = wide(patch), narrow(patch)
    assert before.std() > 0
    assert torch.allclose(before, after, atol=1e-5)


def test_a_detector_without_its_silent_blocks_finds_the_same(tmp_path: Path) -> None:
    wide = without_a_say(half_silent(DetectorNet(replace(WIDE, half=0)), True), "to_eighth.1.narrow.1")
    out = tmp_path / "shallow.npz"
    words = ["0", "8", "12", "16", "20", "8", "1", "3", "3"]
    assert main(["thin", "detector", str(stored(wide, tmp_path / "wide.npz")), str(out), *words]) == 0
    shallow = DetectorNet.restored(out)
    assert len(shallow.to_eighth) == 1
    picture = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        for before, after in zip(wide(picture), shallow(picture), strict=True):
            assert before.std() > 0
            assert torch.allclose(before, after, atol=1e-5)


def test_a_recogniser_without_its_silent_block_reads_the_same(tmp_path: Path) -> None:
    deep = without_a_say(half_silent(Recogniser(RecogniserWidths(8, 12, 16, 20)), True), "trunk.5.second.2")
    out = tmp_path / "shallow.npz"
    words = ["8", "12", "16", "20", "1"]
    assert main(["thin", "recogniser", str(stored(deep, tmp_path / "deep.npz")), str(out), *words]) == 0
    shallow = Recogniser.restored(out)
    assert RecogniserWidths.of(shallow.state_dict()) == RecogniserWidths(8, 12, 16, 20, 1)
    patch = torch.rand(2, 1, 40, 144)
    with torch.no_grad():
        before, after = deep(patch), shallow(patch)
    assert before.std() > 0
    assert torch.allclose(before, after, atol=1e-5)


@pytest.mark.parametrize("half", ["9", "0"])
def test_a_network_cannot_be_thinned_to_what_it_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], half: str
) -> None:
    wide = stored(half_silent(DetectorNet(WIDE), True), tmp_path / "wide.npz")
    out = tmp_path / "narrow.npz"
    assert main(["thin", "detector", str(wide), str(out), half, "4", "6", "8", "10", "4"]) == 1
    assert "half=8" in capsys.readouterr().err
    assert not out.exists()


def test_thinning_says_how_many_widths_it_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wide = stored(half_silent(DetectorNet(WIDE), True), tmp_path / "wide.npz")
    assert main(["thin", "detector", str(wide), str(tmp_path / "narrow.npz"), "4", "4"]) == 1
    assert "neck=8" in capsys.readouterr().err
