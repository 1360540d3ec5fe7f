"""A detector made narrower. Runs where the extra [train] is installed."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra [train]")

import torch

from models.recipe.__main__ import main
from models.recipe.detector.network import DetectorNet, Widths

WIDE, NARROW = Widths(8, 8, 12, 16, 20, 8), Widths(4, 4, 6, 8, 10, 4)


def half_silent(first_half: bool) -> DetectorNet:
    """A network that knows something, in which one half of every unit's channels is silent."""
    torch.manual_seed(3)
    network = DetectorNet(WIDE)
    for name, value in network.state_dict().items():
        if value.ndim and not name.startswith("heads."):
            if value.ndim == 1 and not name.endswith("running_var"):
                value.copy_(torch.rand_like(value))
            silent = value[: len(value) // 2] if first_half else value[len(value) // 2 :]
            silent.zero_()
    network.eval()
    return network


def stored(network: DetectorNet, path: Path) -> Path:
    np.savez(path, **{name: value.numpy() for name, value in network.state_dict().items()})
    return path


@pytest.mark.parametrize("first_half", [True, False])
def test_channels_that_say_nothing_go_first_and_the_answers_stay(tmp_path: Path, first_half: bool) -> None:
    wide = half_silent(first_half)
    out = tmp_path / "narrow.npz"
    words = ["4", "4", "6", "8", "10", "4"]
    assert main(["thin-detector", str(stored(wide, tmp_path / "wide.npz")), str(out), *words]) == 0
    narrow = DetectorNet.restored(out)
    assert Widths.of(narrow.state_dict()) == NARROW
    picture = torch.rand(2, 1, 64, 96)
    with torch.no_grad():
        for before, after in zip(wide(picture), narrow(picture), strict=True):
            assert before.std() > 0
            assert torch.allclose(before, after, atol=1e-5)


def test_a_network_cannot_be_thinned_to_more_than_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wide = stored(half_silent(True), tmp_path / "wide.npz")
    out = tmp_path / "narrow.npz"
    assert main(["thin-detector", str(wide), str(out), "9", "4", "6", "8", "10", "4"]) == 1
    assert "half=8" in capsys.readouterr().err
    assert not out.exists()
